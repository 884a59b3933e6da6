//! Times, durations and texts from outside, as a person reads them.

use std::borrow::Cow;
use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use humantime::format_rfc3339_seconds;

/// The first second of the year 10000, which RFC 3339 cannot express.
const TOO_LATE: u64 = 253_402_300_800;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Makes characters visible that would hide, move or break up what is beside them.
///
/// Controls, line separators, bidirectional controls, and characters without width become escapes
/// such as `\n` and `\u{202e}`. This is about what a reader sees; markup is escaped elsewhere.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_invisible) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            c if is_invisible(c) => {
                // Writing to a `String` cannot fail.
                let _ = write!(shown, "{}", c.escape_unicode());
            }
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' // soft hyphen
            | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200d}' | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{2065}'
            | '\u{206a}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Returns the beginning of a text, cut at a character if it is longer than this many bytes.
pub(super) fn beginning(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most {
        return Cow::Borrowed(text);
    }
    let end = (0..=most).rev().find(|end| text.is_char_boundary(*end));
    let kept = text.get(..end.unwrap_or(0)).unwrap_or_default();
    Cow::Owned(format!("{}…", kept.trim_end()))
}

/// Returns the whole seconds since 1970; times outside the years 1970 to 9999 become its ends.
pub(super) fn seconds(time: SystemTime) -> u64 {
    let since_1970 = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since_1970.as_secs().min(TOO_LATE - 1)
}

/// Formats a time in UTC as RFC 3339, to the second, such as `2024-01-15T10:30:00Z`.
pub(super) fn rfc3339(time: SystemTime) -> String {
    let time = UNIX_EPOCH + Duration::from_secs(seconds(time));
    format_rfc3339_seconds(time).to_string()
}

/// Formats the time of day in UTC, such as `10:30:00`; with the date if that is not the date of
/// `now`.
pub(super) fn clock(time: SystemTime, now: SystemTime) -> String {
    let (text, today) = (rfc3339(time), rfc3339(now));
    let (date, clock) = text.split_at(10);
    let clock = clock.trim_matches(['T', 'Z']);
    if today.starts_with(date) {
        clock.to_owned()
    } else {
        format!("{date} {clock}")
    }
}

/// Formats the time of day in UTC to the minute, such as `10:30`.
pub(super) fn minute(time: SystemTime) -> String {
    rfc3339(time).get(11..16).unwrap_or_default().to_owned()
}

/// Formats how long something has lasted, in its two largest units, such as `14 min` and `3 h 2 min`.
///
/// `live.js` has the same rule.
pub(super) fn age(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..MINUTE => format!("{seconds} s"),
        MINUTE..HOUR => format!("{} min", seconds / MINUTE),
        HOUR..DAY => format!("{} h {} min", seconds / HOUR, seconds % HOUR / MINUTE),
        _ => format!("{} d {} h", seconds / DAY, seconds % DAY / HOUR),
    }
}

/// Formats how long ago a time was; one that lies ahead was now.
pub(super) fn ago(time: SystemTime, now: SystemTime) -> Duration {
    // To the second on both ends, as the script counts.
    Duration::from_secs(seconds(now).saturating_sub(seconds(time)))
}

/// Formats how long a run took, in about two digits, such as `3.2 ms`.
pub(super) fn took(duration: Duration) -> String {
    let millis = duration.as_secs_f64() * 1_000.0;
    match millis {
        0.0 => "0 ms".to_owned(),
        ..0.995 => format!("{millis:.2} ms"),
        ..9.95 => format!("{millis:.1} ms"),
        ..999.5 => format!("{millis:.0} ms"),
        ..9_995.0 => format!("{:.2} s", millis / 1_000.0),
        ..59_500.0 => format!("{:.1} s", millis / 1_000.0),
        _ => age(duration),
    }
}

/// Formats a limit that somebody set, such as `5 s`.
pub(super) fn limit(duration: Duration) -> String {
    match duration.subsec_nanos() {
        0 if duration.as_secs() < MINUTE => format!("{} s", duration.as_secs()),
        _ => took(duration),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn nothing_that_hides_or_moves_text_stays_invisible() {
        assert_eq!(
            visible("refused: schön 数据库 🙂"),
            "refused: schön 数据库 🙂"
        );
        assert_eq!(
            visible("a\r\n\tb\u{0}\u{1b}[31m"),
            "a\\r\\n\\tb\\u{0}\\u{1b}[31m"
        );
        assert_eq!(visible("\u{202e}ssap\u{2066}"), "\\u{202e}ssap\\u{2066}");
        assert_eq!(
            visible("d\u{200b}b\u{feff}\u{e0041}"),
            "d\\u{200b}b\\u{feff}\\u{e0041}"
        );
    }

    #[test]
    fn a_text_is_cut_at_a_character() {
        assert_eq!(beginning("schön", 6), "schön");
        assert_eq!(beginning("schön", 4), "sch…");
        assert_eq!(beginning("schön", 0), "…");
    }

    #[test]
    fn a_time_of_another_day_has_its_date() {
        let now = at(1_705_314_600);
        assert_eq!(clock(at(1_705_314_541), now), "10:29:01");
        assert_eq!(clock(at(1_705_276_799), now), "2024-01-14 23:59:59");
        assert_eq!(minute(now), "10:30");
        assert_eq!(
            rfc3339(at(0) - Duration::from_secs(9)),
            "1970-01-01T00:00:00Z"
        );
        assert_eq!(
            rfc3339(at(u64::from(u32::MAX) * 600)),
            "9999-12-31T23:59:59Z"
        );
    }

    #[test]
    fn an_age_has_its_two_largest_units() {
        let text = |seconds| age(Duration::from_secs(seconds));
        assert_eq!(
            [0, 59, 60, 3_599].map(text),
            ["0 s", "59 s", "1 min", "59 min"]
        );
        assert_eq!([3_600, 86_399].map(text), ["1 h 0 min", "23 h 59 min"]);
        assert_eq!([86_400, 900_000].map(text), ["1 d 0 h", "10 d 10 h"]);
        assert_eq!(ago(at(9), at(4)), Duration::ZERO);
    }

    #[test]
    fn a_run_took_about_two_digits() {
        let text = |micros| took(Duration::from_micros(micros));
        assert_eq!([0, 420, 999].map(text), ["0 ms", "0.42 ms", "1.0 ms"]);
        assert_eq!(
            [3_210, 41_000, 999_600].map(text),
            ["3.2 ms", "41 ms", "1.00 s"]
        );
        assert_eq!([5_000_000, 12_340_000].map(text), ["5.00 s", "12.3 s"]);
        assert_eq!([61_000_000].map(text), ["1 min"]);
        let text = |millis| limit(Duration::from_millis(millis));
        assert_eq!([5_000, 250, 90_000].map(text), ["5 s", "250 ms", "1 min"]);
    }
}
