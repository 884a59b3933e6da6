//! When the next attempt is due after one that failed.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The longest wait that a receiver can ask for.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// The longest wait in a flush.
const HURRY: Duration = Duration::from_millis(250);

/// Exponential backoff with jitter, for the receiver as a whole: what keeps one message from being
/// delivered keeps the others, too.
#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
    random: RandomState,
    failures: u32,
    failed_at: Option<Instant>,
    wait: Duration,
    /// What the receiver asked for.
    asked: Duration,
}

impl Backoff {
    pub(super) fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest: longest.max(first),
            random: RandomState::new(),
            failures: 0,
            failed_at: None,
            wait: Duration::ZERO,
            asked: Duration::ZERO,
        }
    }

    /// Notes an attempt that failed. The receiver may have asked for a wait.
    pub(super) fn failed(&mut self, now: Instant, asked: Option<Duration>) {
        let doubled = self.first.saturating_mul(1 << self.failures.min(20));
        let wait = doubled.min(self.longest);
        self.failures = self.failures.saturating_add(1);
        self.failed_at = Some(now);
        // From half of it to all of it, so that instances that failed together come apart.
        self.wait = wait / 2 + (wait / 2).mul_f64(self.unit());
        self.asked = asked.unwrap_or_default().min(LONGEST);
    }

    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
        self.failed_at = None;
    }

    /// Returns how many attempts in a row have failed.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// Returns when the next attempt may begin; `None` if it may now.
    pub(super) fn until(&self, is_hurried: bool) -> Option<Instant> {
        let wait = if is_hurried {
            self.wait.min(HURRY)
        } else {
            self.wait
        };
        Some(self.failed_at? + wait.max(self.asked))
    }

    /// Returns a number from 0 to below 1.
    fn unit(&self) -> f64 {
        let bits = self.random.hash_one(self.failed_at);
        (bits >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Reads `Retry-After`: seconds, or a date (RFC 9110, section 10.2.3).
pub(super) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are more than the longest wait.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let at = UNIX_EPOCH + http_date(value)?;
    Some(at.duration_since(now).unwrap_or_default())
}

/// Reads a date in the form that RFC 9110, section 5.6.7, prefers, `Sun, 06 Nov 1994 08:49:37 GMT`,
/// as the time since 1970.
fn http_date(value: &str) -> Option<Duration> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (_weekday, rest) = value.split_once(", ")?;
    let parts: Vec<_> = rest.split(' ').collect();
    let [day, month, year, time, "GMT"] = parts[..] else {
        return None;
    };
    let month = MONTHS.iter().position(|name| *name == month)? as u64 + 1;
    let (day, year): (u64, u64) = (day.parse().ok()?, year.parse().ok()?);
    let clock: Vec<u64> = time
        .split(':')
        .map(|part| part.parse().ok())
        .collect::<Option<_>>()?;
    let [hour, minute, second] = clock[..] else {
        return None;
    };
    let is_possible = (1970..10_000).contains(&year)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !is_possible {
        return None;
    }
    // The days of the civil calendar, counted from March, so that a leap day is the last of a year.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    let since_1970 = days.checked_sub(719_468)?;
    let seconds = ((since_1970 * 24 + hour) * 60 + minute) * 60 + second;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_wait_doubles_up_to_the_longest_and_varies_by_half() {
        let start = Instant::now();
        let mut backoff = Backoff::new(ms(1_000), ms(60_000));
        assert_eq!(backoff.until(false), None);
        for expected in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
            backoff.failed(start, None);
            let wait = backoff.until(false).unwrap() - start;
            let expected = Duration::from_secs(expected);
            assert!(
                wait >= expected / 2 && wait <= expected,
                "{wait:?} {expected:?}"
            );
        }
        for _ in 0..100 {
            backoff.failed(start, None);
        }
        assert!(backoff.until(false).unwrap() <= start + ms(60_000));
        backoff.succeeded();
        assert_eq!((backoff.until(false), backoff.failures()), (None, 0));
    }

    #[test]
    fn instances_that_fail_together_come_apart() {
        let start = Instant::now();
        let waits = (0..20).map(|_| {
            let mut backoff = Backoff::new(ms(60_000), ms(60_000));
            backoff.failed(start, None);
            backoff.until(false).unwrap() - start
        });
        let mut waits: Vec<_> = waits.collect();
        waits.sort();
        assert!(waits[19] - waits[0] > ms(5_000), "{waits:?}");
    }

    #[test]
    fn a_wait_that_the_receiver_asks_for_is_kept_up_to_an_hour_even_in_a_hurry() {
        let start = Instant::now();
        let mut backoff = Backoff::new(ms(1_000), ms(60_000));
        for (asked, wait) in [(90, 90), (86_400, 3_600)] {
            backoff.failed(start, Some(Duration::from_secs(asked)));
            for is_hurried in [false, true] {
                let until = start + Duration::from_secs(wait);
                assert_eq!(backoff.until(is_hurried), Some(until));
            }
        }
        backoff.failed(start, None);
        assert!(backoff.until(true).unwrap() <= start + HURRY);
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let now = at(784_111_777);
        for (value, seconds) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(0)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            (
                "Wed, 29 Feb 2040 00:00:00 GMT",
                Some(2_214_086_400 - 784_111_777),
            ),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("Sun, 06 Nov 1994 08:49:37", None),
            ("Sun, 06 Nov 1994 08:49 GMT", None),
            ("Sun, 06 Non 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 99999999999999999999 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 25:49:37 GMT", None),
            ("Sunday, 06-Nov-94 08:49:37 GMT", None),
        ] {
            let read = retry_after(value, now);
            assert_eq!(read, seconds.map(Duration::from_secs), "{value:?}");
        }
    }
}
