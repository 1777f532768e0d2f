//! Upstream's `TestQuantityParse` (apimachinery `pkg/api/resource/quantity_test.go`), and what it leaves open.

use proptest::prelude::*;

use super::*;

const UNIT: i128 = 1_000_000_000;
const KI: i128 = 1024 * UNIT;

/// Input and billionths.
fn accepted() -> Vec<(&'static str, i128)> {
    let milli = UNIT / 1000;
    let ten = |power| 10_i128.pow(power) * UNIT;
    let mut rows = zeros_and_whole(ten);
    rows.extend([
        // Looks like a float.
        ("0.001", milli),
        ("0.0005k", UNIT / 2),
        ("0.005", 5 * milli),
        ("0.05", 50 * milli),
        ("0.5", 500 * milli),
        ("0.00050k", UNIT / 2),
        ("0.00500", 5 * milli),
        ("0.05000", 50 * milli),
        ("0.50000", 500 * milli),
        ("0.5e0", 500 * milli),
        ("0.5e-1", 50 * milli),
        ("0.5e-2", 5 * milli),
        ("100.035k", 100_035 * UNIT),
        ("10.035M", 10_035 * ten(3)),
        // A float with an exponent.
        ("1.2e3", 1200 * UNIT),
        ("1.3E+6", 13 * ten(5)),
        ("1.40e9", 14 * ten(8)),
        ("1.53E12", 153 * ten(10)),
        ("1.6e15", 16 * ten(14)),
        ("1.7E18", 17 * ten(17)),
        // A fraction with a suffix.
        ("9.01", 9010 * milli),
        ("8.1k", 8100 * UNIT),
        ("7.123456M", 7_123_456 * UNIT),
        ("6.987654321G", 6_987_654_321 * UNIT),
        ("5.444T", 5444 * ten(9)),
        ("40.1T", 401 * ten(11)),
        ("300.2T", 3002 * ten(11)),
        ("2.5P", 25 * ten(14)),
        ("1.01E", 101 * ten(16)),
        // Rounds up to a billionth.
        ("3.001n", 4),
        ("1.1E-9", 2),
        ("0.0000000001", 1),
        ("0.0000000005", 1),
        ("0.00000000050", 1),
        ("0.5e-9", 1),
        ("0.9n", 1),
        ("0.00000012345", 124),
        ("0.00000012354", 124),
        // Caps.
        ("9Ei", i128::from(i64::MAX) * UNIT),
        ("9223372036854775807Ki", i128::from(i64::MAX) * UNIT),
        ("12E", 12 * ten(18)),
        // Binary fractions.
        ("100.035Ki", 102_435_840_000_000),
        ("0.5Mi", 524_288 * UNIT),
        ("0.05Gi", 53_687_091_200_000_000),
        ("0.025Ti", 27_487_790_694_400_000_000),
        // Odd but legal.
        ("0.000000000001Ki", 2),
        (".001", milli),
        (".0001k", UNIT / 10),
        ("1.", UNIT),
        ("1.G", ten(9)),
    ]);
    rows
}

fn zeros_and_whole(ten: impl Fn(u32) -> i128) -> Vec<(&'static str, i128)> {
    let mut rows: Vec<_> =
        ["0", "0n", "0u", "0m", "0Ki", "0k", "0Mi", "0M", "0Gi", "0G", "0Ti", "0T"].map(|text| (text, 0)).into();
    rows.extend([
        ("1", UNIT),
        ("1Ki", KI),
        ("8Ki", 8 * KI),
        ("7Mi", 7 * 1024 * KI),
        ("6Gi", 6 * 1024 * 1024 * KI),
        ("5Ti", 5 * 1024 * 1024 * 1024 * KI),
        ("4Pi", 4 * 1024 * 1024 * 1024 * 1024 * KI),
        ("3Ei", 3 * 1024 * 1024 * 1024 * 1024 * 1024 * KI),
        ("10Ti", 10 * 1024 * 1024 * 1024 * KI),
        ("100Ti", 100 * 1024 * 1024 * 1024 * KI),
        ("5n", 5),
        ("4u", 4000),
        ("3m", 3_000_000),
        ("9", 9 * UNIT),
        ("8k", 8 * ten(3)),
        ("50k", 5 * ten(4)),
        ("7M", 7 * ten(6)),
        ("6G", 6 * ten(9)),
        ("5T", 5 * ten(12)),
        ("40T", 4 * ten(13)),
        ("300T", 3 * ten(14)),
        ("2P", 2 * ten(15)),
        ("1E", ten(18)),
        ("1E-3", UNIT / 1000),
        ("1e3", ten(3)),
        ("1E6", ten(6)),
        ("1e9", ten(9)),
        ("1E12", ten(12)),
        ("1e15", ten(15)),
        ("1E18", ten(18)),
        ("1e14", ten(14)),
        ("1e13", ten(13)),
    ]);
    rows
}

#[test]
fn f73_every_accepted_row_of_upstreams_table_reads_the_same_with_either_sign() {
    for (text, nano) in accepted() {
        assert_eq!(Quantity::parse(text), Ok(Quantity(nano)), "{text}");
        assert_eq!(Quantity::parse(&format!("+{text}")), Ok(Quantity(nano)), "+{text}");
        assert_eq!(Quantity::parse(&format!("-{text}")), Ok(Quantity(-nano)), "-{text}");
    }
}

#[test]
fn f73_every_rejected_row_of_upstreams_table_is_rejected() {
    let rows = ["", "1.1.M", "1+1.0M", "0.1mi", "0.1am", "aoeu", ".5i", "1i", "-3.01i", "-3.01e-", " 1", "1 "];
    for text in rows.into_iter().chain([
        "1e",
        "1e+",
        "1K",
        "1ki",
        "1EiB",
        "0x10",
        "١",
        "1e1.5",
        "--1",
        "1e99999999999999999999",
    ]) {
        assert_eq!(Quantity::parse(text), Err(QuantityError), "{text:?}");
    }
}

#[test]
fn a_number_without_digits_is_0_as_in_upstreams_parse_quantity_string() {
    for text in [".", "-.", "-", "+", "Ki", "m", "-.Gi"] {
        assert_eq!(Quantity::parse(text), Ok(Quantity::ZERO), "{text}");
    }
}

#[test]
fn an_exponent_of_any_size_takes_no_time_and_keeps_a_trace() {
    assert_eq!(Quantity::parse("1e9223372036854775807"), Ok(Quantity(i128::MAX)));
    assert_eq!(Quantity::parse("-1e2147483647"), Ok(Quantity(-i128::MAX)));
    assert_eq!(Quantity::parse("1e-9223372036854775808"), Ok(Quantity(1)));
    assert_eq!(Quantity::parse("-1e-400"), Ok(Quantity(-1)));
    assert_eq!(Quantity::parse("0e9223372036854775807"), Ok(Quantity::ZERO));
    assert_eq!(Quantity::parse(&format!("0.{}1", "0".repeat(100_000))), Ok(Quantity(1)));
    assert_eq!(Quantity::parse(&format!("1{}e-100000", "0".repeat(100_000))), Ok(Quantity(UNIT)));
    assert_eq!(Quantity::parse(&format!("1{}1e-100001", "0".repeat(100_000))), Ok(Quantity(UNIT + 1)));
}

#[test]
fn values_around_the_limits_of_64_bits_are_kept() {
    for value in ["9223372036854775807", "9223372036854775808", "-9223372036854775809", "10000000000000000000"] {
        let exact: i128 = value.parse().unwrap();
        for ending in ["", ".0", "000m"] {
            assert_eq!(Quantity::parse(&format!("{value}{ending}")), Ok(Quantity(exact * UNIT)), "{value}{ending}");
        }
    }
    assert_eq!(Quantity::parse("9223372036854775808").unwrap().value(), i64::MAX);
}

#[test]
fn value_and_milli_round_away_from_zero() {
    let rows = [("1", 1, 1000), ("1m", 1, 1), ("1u", 1, 1), ("-1u", -1, -1), ("1500m", 2, 1500), ("-1500m", -2, -1500)];
    for (text, value, milli) in rows {
        let quantity = Quantity::parse(text).unwrap();
        assert_eq!((quantity.value(), quantity.milli()), (value, milli), "{text}");
    }
}

#[test]
fn sums_saturate() {
    let most = Quantity::from_nano(i128::MAX);
    assert_eq!(most + Quantity::whole(1), most);
    assert_eq!(Quantity::from_nano(-i128::MAX) - most - most, Quantity::from_nano(i128::MIN));
}

/// The slow way: schoolbook arithmetic on digit strings. `digits × 10^power`, rounded up to a billionth.
fn oracle(digits: &str, power: i64) -> String {
    let mut digits = digits.to_owned();
    let power = power + 9;
    if power >= 0 {
        digits.push_str(&"0".repeat(usize::try_from(power).unwrap()));
        let digits = digits.trim_start_matches('0');
        return if digits.is_empty() { "0".into() } else { digits.into() };
    }
    let cut = usize::try_from(-power).unwrap();
    digits.insert_str(0, &"0".repeat(cut + 1));
    let (kept, lost) = digits.split_at(digits.len() - cut);
    let kept: i128 = kept.parse().unwrap();
    (kept + i128::from(lost.bytes().any(|byte| byte != b'0'))).to_string()
}

proptest! {
    #[test]
    fn decimals_read_as_schoolbook_arithmetic_says(whole in "[0-9]{0,12}", fraction in "[0-9]{0,30}", power in -30_i64..12) {
        let text = format!("{whole}.{fraction}e{power}");
        let digits = format!("0{whole}{fraction}");
        let expected = oracle(&digits, power - i64::try_from(fraction.len()).unwrap());
        prop_assert_eq!(Quantity::parse(&text).unwrap().nano().to_string(), expected);
    }

    #[test]
    fn binaries_read_as_their_factor_times_the_decimal(whole in 0_i64..1_000_000, milli in 0_i64..1000, at in 0_usize..5) {
        let suffix = ["Ki", "Mi", "Gi", "Ti", "Pi"][at];
        let factor = 1024_i128.pow(u32::try_from(at).unwrap() + 1);
        let text = format!("{whole}.{milli:03}{suffix}");
        let exact = (i128::from(whole) * 1000 + i128::from(milli)) * factor * (UNIT / 1000);
        prop_assert_eq!(Quantity::parse(&text).unwrap().nano(), exact.min(i128::from(i64::MAX) * UNIT));
    }

    #[test]
    fn no_text_makes_the_parser_fail_otherwise_than_by_an_error(text in "[-+0-9.eEinumkKMGTP]{0,40}") {
        let _ = Quantity::parse(&text);
    }
}
