//! Exact parser of quantities: without floats, and without powers of ten of unlimited size.
//!
//! Source: apimachinery `pkg/api/resource/quantity.go`, `parseQuantityString` and `ParseQuantity`; like upstream it reads a number
//! without digits (`.`, `-`, `Ki`) as 0.

use super::QuantityError;

/// Billionths in a unit, as a power of ten.
const NANO_DIGITS: i64 = 9;

/// 2^63-1 units: the cap for a binary suffix (`quantity.go`, `maxAllowed`); decimal ones are not.
const BINARY_CAP: u128 = i64::MAX as u128 * 1_000_000_000;

/// Suffix of the number.
#[derive(Clone, Copy)]
enum Suffix {
    /// 2 to this power.
    Binary(u32),
    /// 10 to this power.
    Decimal(i64),
}

/// Number of digits that always fit into 64 bits.
const SHORT: usize = 18;

/// Parses a quantity into billionths, rounded away from zero and saturated at 128 bits.
pub(super) fn nano(text: &[u8]) -> Result<i128, QuantityError> {
    short(text).map_or_else(|| any(text), Ok)
}

/// Fast path for the common quantities: a few digits and a common suffix. `None` for any other.
fn short(text: &[u8]) -> Option<i128> {
    let (digits, suffix) = digits(text);
    if digits.is_empty() || digits.len() > SHORT {
        return None;
    }
    let number = digits.iter().fold(0, |number: u64, digit| number * 10 + u64::from(digit - b'0'));
    let unit: u64 = match suffix {
        b"" => 1_000_000_000,
        b"m" => 1_000_000,
        b"Ki" => 1_000_000_000 << 10,
        b"Mi" => 1_000_000_000 << 20,
        b"Gi" => 1_000_000_000 << 30,
        b"k" => 1_000_000_000_000,
        b"M" => 1_000_000_000_000_000,
        _ => return None,
    };
    let nano = u128::from(number) * u128::from(unit);
    i128::try_from(nano).ok().filter(|_| nano <= BINARY_CAP)
}

fn any(text: &[u8]) -> Result<i128, QuantityError> {
    let (negative, rest) = match text {
        [] => return Err(QuantityError),
        [sign @ (b'-' | b'+'), rest @ ..] => (*sign == b'-', rest),
        rest => (false, rest),
    };
    let (whole, rest) = digits(rest);
    let (fraction, rest) = match rest {
        [b'.', rest @ ..] => digits(rest),
        rest => (&[][..], rest),
    };
    let magnitude = match suffix(rest)? {
        Suffix::Binary(power) => binary(whole, fraction, power).min(BINARY_CAP),
        Suffix::Decimal(power) => decimal(whole, fraction, power),
    };
    let magnitude = i128::try_from(magnitude).unwrap_or(i128::MAX);
    Ok(if negative { -magnitude } else { magnitude })
}

fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len()))
}

fn suffix(text: &[u8]) -> Result<Suffix, QuantityError> {
    Ok(match text {
        b"Ki" => Suffix::Binary(10),
        b"Mi" => Suffix::Binary(20),
        b"Gi" => Suffix::Binary(30),
        b"Ti" => Suffix::Binary(40),
        b"Pi" => Suffix::Binary(50),
        b"Ei" => Suffix::Binary(60),
        b"n" => Suffix::Decimal(-9),
        b"u" => Suffix::Decimal(-6),
        b"m" => Suffix::Decimal(-3),
        b"" => Suffix::Decimal(0),
        b"k" => Suffix::Decimal(3),
        b"M" => Suffix::Decimal(6),
        b"G" => Suffix::Decimal(9),
        b"T" => Suffix::Decimal(12),
        b"P" => Suffix::Decimal(15),
        b"E" => Suffix::Decimal(18),
        [b'e' | b'E', exponent @ ..] => Suffix::Decimal(power(exponent)?),
        _ => return Err(QuantityError),
    })
}

/// Parses an exponent. As upstream it is a signed 64-bit number; a larger one is an error.
fn power(text: &[u8]) -> Result<i64, QuantityError> {
    let text = std::str::from_utf8(text).map_err(|_| QuantityError)?;
    text.parse().map_err(|_| QuantityError)
}

/// `whole.fraction × 10^power` in billionths, rounded up.
fn decimal(whole: &[u8], fraction: &[u8], power: i64) -> u128 {
    let mut mantissa = 0_u128;
    // Digits that no longer fit only shift the power; a non-zero one among them rounds up.
    let (mut dropped, mut rest) = (0_i64, false);
    for digit in whole.iter().chain(fraction).map(|byte| byte - b'0') {
        let longer = mantissa.checked_mul(10).and_then(|tens| tens.checked_add(digit.into()));
        if let Some(longer) = longer.filter(|_| dropped == 0) {
            mantissa = longer;
        } else {
            dropped += 1;
            rest |= digit != 0;
        }
    }
    if mantissa == 0 {
        return 0;
    }
    let places = i64::try_from(fraction.len()).unwrap_or(i64::MAX);
    let power = power.saturating_add(NANO_DIGITS).saturating_add(dropped).saturating_sub(places);
    let scale = u32::try_from(power.unsigned_abs()).ok().and_then(|power| 10_u128.checked_pow(power));
    match scale {
        Some(scale) if power >= 0 => mantissa.saturating_mul(scale).saturating_add(u128::from(rest)),
        Some(scale) => mantissa / scale + u128::from(rest || !mantissa.is_multiple_of(scale)),
        None if power >= 0 => u128::MAX,
        None => 1,
    }
}

/// `whole.fraction × 2^power` in billionths, rounded up.
fn binary(whole: &[u8], fraction: &[u8], power: u32) -> u128 {
    let unit = (1_u128 << power) * 1_000_000_000;
    let whole = whole.iter().fold(0_u128, |sum, byte| sum.saturating_mul(10).saturating_add((byte - b'0').into()));
    // From the last digit to the first, each time a tenth of the sum so far: exact, because rounding down to whole
    // billionths each time gives what rounding down once gives.
    let (mut part, mut rest) = (0_u128, false);
    for byte in fraction.iter().rev() {
        let sum = part + u128::from(byte - b'0') * unit;
        rest |= !sum.is_multiple_of(10);
        part = sum / 10;
    }
    whole.saturating_mul(unit).saturating_add(part + u128::from(rest))
}
