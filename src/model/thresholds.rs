//! The number of consecutive results that it takes to change the status of a check.

/// Damps a check that flaps.
///
/// A check counts as failing until its first pass, which counts at once: damping is only for
/// dependencies that worked before. After that, `failure` consecutive failures turn the check down
/// and `success` consecutive passes turn it up. The opposite result resets the count.
#[derive(Clone, Debug)]
pub(crate) struct Thresholds {
    failure: u32,
    success: u32,
    state: State,
    /// The number of consecutive results that contradict `state`.
    against: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    NeverPassed,
    Up,
    Down,
}

impl Thresholds {
    /// Creates thresholds, each of which is at least 1.
    pub(crate) fn new(failure: u32, success: u32) -> Self {
        Self {
            failure,
            success,
            state: State::NeverPassed,
            against: 0,
        }
    }

    /// Counts one result and returns whether the check is up after it.
    pub(crate) fn observe(&mut self, passed: bool) -> bool {
        let agrees = passed == (self.state == State::Up);
        self.against = if agrees {
            0
        } else {
            self.against.saturating_add(1)
        };
        let needed = match self.state {
            State::NeverPassed => 1,
            State::Up => self.failure,
            State::Down => self.success,
        };
        if self.against >= needed {
            self.against = 0;
            self.state = if passed { State::Up } else { State::Down };
        }
        self.is_up()
    }

    pub(crate) fn is_up(&self) -> bool {
        self.state == State::Up
    }

    /// Returns whether the check is up although its last result was a failure.
    pub(crate) fn is_suspect(&self) -> bool {
        self.is_up() && self.against > 0
    }

    /// Returns how many results contradict the present state, and how many would change it.
    pub(crate) fn progress(&self) -> (u32, u32) {
        let needed = if self.is_up() {
            self.failure
        } else {
            self.success
        };
        (self.against, needed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Replays the whole history and looks only at its tail: slow but obviously right.
    fn naive(history: &[bool], failure: usize, success: usize) -> bool {
        let Some(first_pass) = history.iter().position(|passed| *passed) else {
            return false;
        };
        let mut up = true;
        for end in first_pass + 1..history.len() {
            let seen = &history[first_pass..=end];
            let needed = if up { failure } else { success };
            let tail = seen
                .iter()
                .rev()
                .take_while(|passed| **passed != up)
                .count();
            if tail >= needed {
                up = !up;
            }
        }
        up
    }

    proptest! {
        #[test]
        fn agrees_with_a_replay_of_the_history(
            history in prop::collection::vec(any::<bool>(), 0..60),
            failure in 1..5_u32,
            success in 1..5_u32,
        ) {
            let mut thresholds = Thresholds::new(failure, success);
            for (index, passed) in history.iter().enumerate() {
                let up = thresholds.observe(*passed);
                let expected = naive(&history[..=index], failure as usize, success as usize);
                prop_assert_eq!(up, expected, "after {:?}", &history[..=index]);
            }
        }
    }

    // The cases of Dropwizard's tests, and the interleaving that they omit.
    #[test]
    fn results_count_only_when_they_are_consecutive() {
        struct Case {
            name: &'static str,
            failure: u32,
            success: u32,
            results: &'static str,
            up: &'static str,
        }
        let cases = [
            Case {
                name: "one failure below the threshold",
                failure: 3,
                success: 1,
                results: "PF",
                up: "++",
            },
            Case {
                name: "one failure at the threshold",
                failure: 1,
                success: 1,
                results: "PF",
                up: "+-",
            },
            Case {
                name: "one success below the threshold",
                failure: 1,
                success: 2,
                results: "PFP",
                up: "+--",
            },
            Case {
                name: "one success at the threshold",
                failure: 1,
                success: 1,
                results: "PFP",
                up: "+-+",
            },
            Case {
                name: "failures apart never add up",
                failure: 3,
                success: 1,
                results: "PFPFPF",
                up: "++++++",
            },
            Case {
                name: "failures in a row do",
                failure: 3,
                success: 2,
                results: "PFFFPP",
                up: "+++--+",
            },
            Case {
                name: "passes apart never add up",
                failure: 1,
                success: 2,
                results: "PFPFPF",
                up: "+-----",
            },
            Case {
                name: "the first pass counts at once",
                failure: 3,
                success: 3,
                results: "P",
                up: "+",
            },
        ];
        for case in cases {
            let mut thresholds = Thresholds::new(case.failure, case.success);
            let up: String = case
                .results
                .chars()
                .map(|result| {
                    if thresholds.observe(result == 'P') {
                        '+'
                    } else {
                        '-'
                    }
                })
                .collect();
            assert_eq!(up, case.up, "{}", case.name);
        }
    }

    #[test]
    fn failures_before_the_first_pass_do_not_delay_it() {
        let mut thresholds = Thresholds::new(1, 3);
        assert!(!thresholds.observe(false));
        assert!(!thresholds.observe(false));
        assert!(thresholds.observe(true));
    }
}
