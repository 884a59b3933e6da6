//! What a client can get from the service, and the line that says so.

use std::fmt;
use std::time::{Duration, SystemTime};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Ready,
    /// There is an answer, and it is no 2xx.
    NotReady,
    /// There is no answer.
    Unreachable,
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ready => "ready",
            Self::NotReady => "not ready",
            Self::Unreachable => "unreachable",
        })
    }
}

/// Such as `2026-01-02T03:04:05Z unreachable: connection refused; ready for 3m 20s before`.
pub(super) fn line(
    now: SystemTime,
    reach: Reach,
    reason: &str,
    before: Option<(Reach, Duration)>,
) -> String {
    let now = humantime::format_rfc3339_seconds(now);
    let mut line = format!("{now} {reach}: {reason}");
    if let Some((before, held)) = before {
        let held = Duration::from_secs(held.as_secs());
        let held = humantime::format_duration(held);
        line.push_str(&format!("; {before} for {held} before"));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_when_what_why_and_how_long_the_last_state_held() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(90_061);
        let first = line(now, Reach::Ready, "status 200", None);
        assert_eq!(first, "1970-01-02T01:01:01Z ready: status 200");
        let held = Some((Reach::Ready, Duration::from_millis(200_900)));
        let next = line(now, Reach::NotReady, "status 503", held);
        let expected = "1970-01-02T01:01:01Z not ready: status 503; ready for 3m 20s before";
        assert_eq!(next, expected);
    }
}
