//! Time in the text of an alert.

use std::time::Duration;

/// Milliseconds of `time`, as a peak.
pub(super) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// `214ms`, `9.8s`, `31s`, `2m10s`, `1h05m`, `3d4h`.
pub(in crate::model) fn duration_text(span: Duration) -> String {
    let (seconds, ms) = (span.as_secs(), span.as_millis());
    match seconds {
        0 => format!("{ms}ms"),
        1..10 if ms % 1000 >= 100 => format!("{seconds}.{}s", ms % 1000 / 100),
        1..120 => format!("{seconds}s"),
        120..3_600 if seconds % 60 == 0 => format!("{}m", seconds / 60),
        120..3_600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h{:02}m", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{}d{}h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// `40s`, `2m10s`: like [`duration_text`], but in whole seconds.
pub(super) fn seconds_text(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds}s"),
        _ => duration_text(time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_like_a_clock() {
        let cases = [
            (0, "0ms"),
            (214, "214ms"),
            (1_000, "1s"),
            (9_850, "9.8s"),
            (12_900, "12s"),
            (119_000, "119s"),
            (130_000, "2m10s"),
            (600_000, "10m"),
            (3_900_000, "1h05m"),
            (273_600_000, "3d4h"),
        ];
        for (ms, expected) in cases {
            assert_eq!(duration_text(Duration::from_millis(ms)), expected);
        }
    }
}
