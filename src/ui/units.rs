//! Formats of numbers: durations as in kubectl, thousands, bytes, cores, latencies, and marks for numbers that are not exact.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::derive::latency::Percentile;
use crate::model::derive::rows::Accelerators;
use crate::model::known::Known;
use crate::theme::Glyphs;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const YEAR: u64 = 365 * DAY;

/// `3m12s`, `2h`, `212d`. Source: apimachinery `pkg/util/duration/duration.go`, `HumanDuration`.
pub(super) fn duration(span: Duration) -> String {
    let seconds = span.as_secs();
    let two = |whole: u64, unit: char, rest: u64, small: char| match rest {
        0 => format!("{whole}{unit}"),
        rest => format!("{whole}{unit}{rest}{small}"),
    };
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 => two(seconds / MINUTE, 'm', seconds % MINUTE, 's'),
        600..10_800 => format!("{}m", seconds / MINUTE),
        10_800..28_800 => two(seconds / HOUR, 'h', seconds % HOUR / MINUTE, 'm'),
        28_800..172_800 => format!("{}h", seconds / HOUR),
        172_800..691_200 => two(seconds / DAY, 'd', seconds % DAY / HOUR, 'h'),
        _ if seconds < 2 * YEAR => format!("{}d", seconds / DAY),
        _ if seconds < 8 * YEAR => two(seconds / YEAR, 'y', seconds % YEAR / DAY, 'd'),
        _ => format!("{}y", seconds / YEAR),
    }
}

/// A duration in one unit, for narrow columns: `3m`.
pub(super) fn coarse(span: Duration) -> String {
    let mut text = duration(span);
    if let Some(end) = text.find(|c: char| c.is_ascii_alphabetic()) {
        text.truncate(end + 1);
    }
    text
}

/// `14:07:31Z`.
pub(super) fn clock(at: Timestamp) -> String {
    let second = at.as_second().rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

/// `11,440`.
pub(super) fn grouped(number: impl Into<i128>) -> String {
    let number: i128 = number.into();
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if number < 0 {
        text.push('-');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 node`, `2,613 nodes`, for a noun with a regular plural.
pub(super) fn counted<T: Into<i128>>(count: T, noun: &str) -> String {
    let count: i128 = count.into();
    format!("{} {noun}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// Like [`counted`], for a number that may not be exact: `1 pod`, `≥1 pods`, `– pods`.
pub(super) fn known_counted<T: Into<i128> + Copy>(number: Known<T>, noun: &str, glyphs: &Glyphs) -> String {
    match number {
        Known::Exact(number) => counted(number, noun),
        other => format!("{} {noun}s", known(other, glyphs)),
    }
}

/// `999,999`, `1.5M`, `9.2E`: all digits below a million, then at most three, truncated instead of rounded.
pub(super) fn compact(number: i64) -> String {
    let mut rest = i128::from(number).unsigned_abs();
    if rest < 1_000_000 {
        return grouped(number);
    }
    let mut units = "kMGTPE".chars();
    let mut unit = ' ';
    let mut tenth = 0;
    while rest >= 1000 {
        (rest, tenth) = (rest / 1000, rest % 1000 / 100);
        unit = units.next().unwrap_or('?');
    }
    let sign = if number < 0 { "-" } else { "" };
    if rest < 10 { format!("{sign}{rest}.{tenth}{unit}") } else { format!("{sign}{rest}{unit}") }
}

/// Like [`compact`], for an amount that should not be negative; `<0` if it is, since quantities may be (F73).
pub(super) fn amount(number: i64) -> String {
    if number < 0 { "<0".to_owned() } else { compact(number) }
}

/// `11,440`, `≥140` while a list runs, `–` if nothing is known, `n/a` if access is denied.
pub(super) fn known<T: Into<i128>>(number: Known<T>, glyphs: &Glyphs) -> String {
    match number {
        Known::Exact(number) => grouped(number),
        Known::AtLeast(number) => format!("{}{}", glyphs.at_least, grouped(number)),
        Known::Unknown => glyphs.none.to_owned(),
        Known::Denied => "n/a".to_owned(),
    }
}

/// `101/104`: with a mark in front if the first number is a lower bound, otherwise before the second one if that is.
pub(super) fn pair<T: Into<i128> + Copy>(part: Known<T>, whole: Known<T>, glyphs: &Glyphs) -> String {
    let bound = matches!(part, Known::AtLeast(_));
    let bare = |number: Known<T>| known(number.any().map_or(number, Known::Exact), glyphs);
    match (part, whole) {
        (Known::Unknown, Known::Unknown) => glyphs.none.to_owned(),
        // Without the part, the whole says nothing about it.
        (Known::Denied, _) => "n/a".to_owned(),
        (Known::Exact(_), Known::AtLeast(_)) => format!("{}/{}", bare(part), known(whole, glyphs)),
        _ => format!("{}{}/{}", if bound { glyphs.at_least } else { "" }, bare(part), bare(whole)),
    }
}

/// `4/7/8`: requested, allocatable, capacity; the last two at least `width` columns wide.
pub(super) fn devices(gpu: Accelerators, width: usize, glyphs: &Glyphs) -> String {
    let requested = if gpu.requested == Known::Denied { Known::Unknown } else { gpu.requested };
    let [allocatable, capacity] = [gpu.allocatable, gpu.capacity].map(amount);
    let requested = match requested {
        Known::Exact(number) => amount(number),
        Known::AtLeast(number) => format!("{}{}", glyphs.at_least, amount(number)),
        Known::Unknown | Known::Denied => known(requested, glyphs),
    };
    format!("{requested}/{allocatable:>width$}/{capacity:>width$}")
}

/// `214ms`, `9.8s`, `31s`, `3m12s`.
pub(super) fn latency(span: Duration) -> String {
    let millis = span.as_millis();
    match millis {
        0 if span.is_zero() => "0ms".to_owned(),
        0 => "<1ms".to_owned(),
        1..1000 => format!("{millis}ms"),
        // Rounded down, like the seconds: an answer after 9.98 s was not a slow call of 10 s.
        1000..10_000 => format!("{}.{}s", millis / 1000, millis % 1000 / 100),
        _ => duration(span),
    }
}

/// A percentile; `≥5.0s` if the sample at that rank timed out, `–` without samples.
pub(super) fn percentile(value: Option<Percentile>, glyphs: &Glyphs) -> String {
    match value {
        None => glyphs.none.to_owned(),
        Some(Percentile { value, at_least: false }) => latency(value),
        Some(Percentile { value, at_least: true }) => format!("{}{}", glyphs.at_least, latency(value)),
    }
}

/// Bytes in binary units: `512`, `1.5Ki`, `503Gi`.
pub(super) fn bytes(number: i64) -> String {
    const UNITS: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    let mut unit = 0;
    let mut scale: i128 = 1;
    let number = i128::from(number);
    while number.abs() >= scale * 1024 && unit + 1 < UNITS.len() {
        scale *= 1024;
        unit += 1;
    }
    tenths(number * 10 / scale, unit > 0) + UNITS[unit]
}

/// Cores from thousandths: `127.5`, `128`, `0.25`.
pub(super) fn cores(milli: i64) -> String {
    let (whole, rest) = (grouped(milli / 1000), milli.unsigned_abs() % 1000);
    let sign = if milli < 0 && milli > -1000 { "-" } else { "" };
    match rest {
        0 => whole,
        _ => format!("{sign}{whole}.{}", format!("{rest:03}").trim_end_matches('0')),
    }
}

/// `0.4`, `12`, from a rate; one decimal below ten.
pub(super) fn rate(per_second: f64) -> String {
    if per_second < 10.0 { format!("{per_second:.1}") } else { format!("{per_second:.0}") }
}

/// `820 B/s`, `12 kB/s`, `3.1 MB/s`: decimal, as networks are rated.
pub(super) fn throughput(per_second: f64) -> String {
    match per_second {
        small if small < 1e3 => format!("{small:.0} B/s"),
        kilo if kilo < 1e6 => format!("{} kB/s", rate(kilo / 1e3)),
        mega => format!("{} MB/s", rate(mega / 1e6)),
    }
}

/// `48 kB`: decimal, as networks are rated.
pub(super) fn volume(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
    let text = throughput(bytes as f64);
    text.trim_end_matches("/s").to_owned()
}

/// A part of a whole in per cent, rounded; `None` if the whole is not known or zero.
pub(super) fn percent(part: i64, whole: Option<i64>) -> Option<i64> {
    let whole = i128::from(whole.filter(|whole| *whole > 0)?);
    i64::try_from((i128::from(part) * 200 + whole) / (2 * whole)).ok()
}

/// Formats a number of tenths, with one decimal if `decimals` and below ten.
fn tenths(number: i128, decimals: bool) -> String {
    if decimals && number.abs() < 100 && number % 10 != 0 {
        format!("{}.{}", number / 10, number.abs() % 10)
    } else {
        (number / 10).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theme::{Depth, Theme};

    #[test]
    fn f81_absurd_numbers_have_human_units_and_f73_negative_ones_are_flagged() {
        for (number, text) in [
            (0, "0"),
            (999_999, "999,999"),
            (1_000_000, "1.0M"),
            (1_999_999, "1.9M"),
            (12_345_678, "12M"),
            (999_999_999, "999M"),
            (i64::MAX, "9.2E"),
            (i64::MIN, "-9.2E"),
            (-1_500_000_000, "-1.5G"),
        ] {
            assert_eq!(compact(number), text);
        }
        assert_eq!((amount(-4), amount(4), amount(i64::MIN)), ("<0".to_owned(), "4".to_owned(), "<0".to_owned()));
    }

    #[test]
    fn durations_follow_upstreams_table() {
        // apimachinery pkg/util/duration/duration_test.go, TestHumanDuration and its boundaries.
        let table = [
            (0, "0s"),
            (1, "1s"),
            (70, "70s"),
            (119, "119s"),
            (120, "2m"),
            (190, "3m10s"),
            (599, "9m59s"),
            (600, "10m"),
            (70 * 60, "70m"),
            (179 * 60 + 59, "179m"),
            (3 * 3600, "3h"),
            (3 * 3600 + 600, "3h10m"),
            (8 * 3600, "8h"),
            (47 * 3600 + 59 * 60, "47h"),
            (48 * 3600, "2d"),
            (49 * 3600, "2d1h"),
            (7 * 86_400 + 23 * 3600, "7d23h"),
            (8 * 86_400, "8d"),
            (212 * 86_400, "212d"),
            (729 * 86_400, "729d"),
            (730 * 86_400, "2y"),
            (765 * 86_400, "2y35d"),
            (8 * 365 * 86_400, "8y"),
        ];
        for (seconds, text) in table {
            assert_eq!(duration(Duration::from_secs(seconds)), text);
        }
        assert_eq!(coarse(Duration::from_secs(192)), "3m");
        assert_eq!(duration(Duration::MAX), format!("{}y", u64::MAX / YEAR));
    }

    #[test]
    fn latencies_are_never_rounded_up_to_a_limit() {
        let table = [(0, "0ms"), (400, "<1ms"), (214_000, "214ms"), (999_999, "999ms"), (1_000_000, "1.0s")];
        for (micros, text) in table {
            assert_eq!(latency(Duration::from_micros(micros)), text);
        }
        assert_eq!(latency(Duration::from_millis(9_999)), "9.9s");
        assert_eq!(latency(Duration::from_millis(31_200)), "31s");
    }

    #[test]
    fn numbers_say_how_well_they_are_known() {
        let glyphs = Theme::new(Depth::None, false).glyphs;
        assert_eq!(known(Known::Exact(11_440_u32), &glyphs), "11,440");
        assert_eq!(known(Known::AtLeast(140_u32), &glyphs), "≥140");
        assert_eq!(known(Known::<u32>::Unknown, &glyphs), "–");
        assert_eq!(known(Known::<u32>::Denied, &glyphs), "n/a");
        assert_eq!(pair(Known::Exact(101_u32), Known::Exact(104), &glyphs), "101/104");
        assert_eq!(pair(Known::AtLeast(101_u32), Known::AtLeast(104), &glyphs), "≥101/104");
        assert_eq!(pair(Known::Unknown, Known::Exact(110_u32), &glyphs), "–/110");
        assert_eq!(pair(Known::<u32>::Unknown, Known::Unknown, &glyphs), "–");
        assert_eq!(pair(Known::Denied, Known::Exact(110_u32), &glyphs), "n/a");
        let gpu = |requested| Accelerators { requested, allocatable: 7, capacity: 8 };
        assert_eq!(devices(gpu(Known::Exact(4)), 2, &glyphs), "4/ 7/ 8");
        assert_eq!(devices(gpu(Known::AtLeast(4)), 1, &glyphs), "≥4/7/8");
        assert_eq!(
            devices(gpu(Known::Denied), 1, &glyphs),
            "–/7/8",
            "who holds them is not known, that they are there is"
        );
    }

    #[test]
    fn amounts_have_human_units() {
        assert_eq!(grouped(-1_234_567_i64), "-1,234,567");
        assert_eq!(grouped(999_u32), "999");
        let table =
            [(0, "0"), (1023, "1023"), (1024, "1Ki"), (1536, "1.5Ki"), (540_000_000_000, "502Gi"), (-2048, "-2Ki")];
        for (number, text) in table {
            assert_eq!(bytes(number), text);
        }
        assert_eq!(bytes(i64::MAX), "7.9Ei");
        let table = [(127_500, "127.5"), (128_000, "128"), (250, "0.25"), (1, "0.001"), (-250, "-0.25"), (0, "0")];
        for (milli, text) in table {
            assert_eq!(cores(milli), text);
        }
        assert_eq!(
            (throughput(820.0), throughput(12_300.0), throughput(3_140_000.0)),
            ("820 B/s".into(), "12 kB/s".into(), "3.1 MB/s".into())
        );
        assert_eq!(
            (percent(1, Some(3)), percent(9, Some(8)), percent(1, Some(0)), percent(1, None)),
            (Some(33), Some(113), None, None)
        );
    }

    #[test]
    fn the_clock_is_utc() {
        assert_eq!(clock("2026-03-01T14:07:31Z".parse().unwrap()), "14:07:31Z");
        assert_eq!(clock(Timestamp::from_second(-1).unwrap()), "23:59:59Z");
    }
}
