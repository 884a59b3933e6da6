//! The pauses before a container that has ended is started again.

use std::time::Duration;

/// None after the first end, then 10 s, and twice as long each time, up to five minutes.
#[derive(Debug, Default)]
pub(super) struct BackOff {
    next: Duration,
}

/// A container that has run for so long begins anew.
const RESET: Duration = Duration::from_secs(600);

impl BackOff {
    /// The pause after the end of a container that has run for this time.
    pub(super) fn after(&mut self, ran: Duration) -> Duration {
        if ran >= RESET {
            self.next = Duration::ZERO;
        }
        let pause = self.next;
        let first = Duration::from_secs(10);
        self.next = (pause * 2).clamp(first, Duration::from_secs(300));
        pause
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::BackOff;

    #[test]
    fn the_first_restart_is_at_once_and_later_ones_wait_twice_as_long_each_time() {
        let mut backoff = BackOff::default();
        let pauses = [1; 9].map(|ran| backoff.after(Duration::from_secs(ran)).as_secs());
        assert_eq!(pauses, [0, 10, 20, 40, 80, 160, 300, 300, 300]);
    }

    #[test]
    fn ten_minutes_of_running_begin_anew() {
        let mut backoff = BackOff::default();
        let pauses =
            [1, 1, 599, 600, 1].map(|ran| backoff.after(Duration::from_secs(ran)).as_secs());
        assert_eq!(pauses, [0, 10, 20, 0, 10]);
    }
}
