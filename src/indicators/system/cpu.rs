//! The load of the processors, and the share of its quota that a container uses.

use super::{Host, host_indicator};
use crate::indicators::IndicatorError;
use crate::indicators::shared::limits::Limits;

/// Looks at the load average of the last minute for each core, and at the share of its quota that
/// the container uses.
///
/// It warns above a load of 2 for each core, and fails above 4: see
/// [`load_per_core`](Self::load_per_core). The load is that of the whole machine, in a container
/// too. If the cgroup or one above has a quota of processor time (v1 or v2), it also warns while
/// more than 90 % of it are used and fails above 99 %, where the process is throttled: see
/// [`quota_percent`](Self::quota_percent). That is measured from one run to the next, and averaged
/// over a minute as the load is.
///
/// A run reads a handful of files of `/proc` and `/sys` on the blocking pool. On platforms without
/// them it passes with a note.
///
/// Not critical, component type `system`, TTL 5 s; the timeout is that of the
/// [`HealthConfig`](crate::HealthConfig). Readings: `load` and `loadPerCore` in `load`, and with a
/// quota `utilization` in `percent`.
///
/// ```
/// use tower_health::Health;
/// use tower_health::indicators::CpuIndicator;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cpu = CpuIndicator::new("cpu").load_per_core(1.5, 3.0)?;
/// let health = Health::builder().readiness(cpu).start()?;
/// health.await_ready().await?;
/// # Ok(())
/// # }
/// ```
pub struct CpuIndicator(Host<Cpu>);

#[derive(Clone, Debug)]
struct Cpu {
    load_per_core: Limits,
    quota_percent: Limits,
    #[cfg(target_os = "linux")]
    average: std::sync::Arc<std::sync::Mutex<linux::Average>>,
}

impl CpuIndicator {
    /// Warns above a load of 2 for each core, and fails above 4.
    pub fn new(name: impl Into<String>) -> Self {
        let cpu = Cpu {
            load_per_core: Limits::fixed(2.0, 4.0),
            quota_percent: Limits::fixed(90.0, 99.0),
            #[cfg(target_os = "linux")]
            average: Default::default(),
        };
        Self(Host::new(name.into(), cpu))
    }

    /// Warns and fails while the load for each core is above this.
    ///
    /// # Errors
    ///
    /// When one of them is not above 0, or the check would fail before it warns.
    pub fn load_per_core(self, warn: f64, fail: f64) -> Result<Self, IndicatorError> {
        let pair = (warn, fail);
        let limits = Limits::above(&self.0.name, "load_per_core", pair, f64::INFINITY)?;
        Ok(Self(self.0.with(|cpu| cpu.load_per_core = limits)))
    }

    /// Warns and fails while more than this share of the quota is used.
    ///
    /// # Errors
    ///
    /// When one of them is not above 0 and at most 100, or the check would fail before it warns.
    pub fn quota_percent(self, warn: f64, fail: f64) -> Result<Self, IndicatorError> {
        let limits = Limits::above(&self.0.name, "quota_percent", (warn, fail), 100.0)?;
        Ok(Self(self.0.with(|cpu| cpu.quota_percent = limits)))
    }
}

host_indicator!(CpuIndicator);

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::sync::PoisonError;
    use std::thread::available_parallelism;
    use std::time::{Duration, Instant};

    use procfs::{Current, LoadAverage};

    use super::super::cgroup::{CpuTime, Hierarchies};
    use super::super::{Look, note};
    use super::Cpu;
    use crate::CheckResult;
    use crate::indicators::shared::findings::{Findings, rounded};

    impl Look for Cpu {
        fn look(&self) -> CheckResult {
            let load = match LoadAverage::current() {
                Ok(load) => f64::from(load.one),
                Err(error) => return Ok(note(format!("not available here: {error}"))),
            };
            let cores = cores();
            let per_core = load / cores as f64;

            let mut findings = Findings::default();
            findings.reading("load", rounded(load), "load");
            findings.reading("loadPerCore", rounded(per_core), "load");
            findings.judged(self.load_per_core.judge(per_core), |limit| {
                format!("the load is {load:.2} on {cores} cores, more than {limit} for each")
            });
            if let Some(time) = Hierarchies::of_this_process().cpu() {
                let mut average = self.average.lock().unwrap_or_else(PoisonError::into_inner);
                let percent = average.take(&time, Instant::now());
                findings.reading("utilization", rounded(percent), "percent");
                findings.judged(self.quota_percent.judge(percent), |limit| {
                    let quota = rounded(time.quota);
                    format!(
                        "{percent:.1} % of the quota of {quota} cores are used, more than {limit} %"
                    )
                });
            }
            findings.result()
        }
    }

    /// Those of the machine, as the load is.
    fn cores() -> usize {
        let online = fs::read_to_string("/sys/devices/system/cpu/online").ok();
        online
            .and_then(|online| count(&online))
            .unwrap_or_else(|| available_parallelism().map_or(1, usize::from))
    }

    /// Counts what a list such as `0-3,5` names.
    fn count(list: &str) -> Option<usize> {
        let mut count = 0;
        for range in list.trim().split(',') {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
            count += last.checked_sub(first)? + 1;
        }
        Some(count)
    }

    /// The share of the quota that was used, in percent: an exponential average over a minute that
    /// begins at 0, as that of the kernel does.
    #[derive(Debug, Default)]
    pub(super) struct Average {
        percent: f64,
        last: Option<(Instant, Duration)>,
    }

    impl Average {
        pub(super) fn take(&mut self, time: &CpuTime, now: Instant) -> f64 {
            if let Some((then, used)) = self.last {
                let elapsed = now.saturating_duration_since(then).as_secs_f64();
                let used = time.used.saturating_sub(used).as_secs_f64();
                if elapsed > 0.0 {
                    let percent = used / (elapsed * time.quota) * 100.0;
                    let kept = (-elapsed / 60.0).exp();
                    self.percent = self.percent * kept + percent * (1.0 - kept);
                }
            }
            self.last = Some((now, time.used));
            self.percent
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn lists_of_processors_are_counted() {
            for (list, expected) in [
                ("0\n", Some(1)),
                ("0-3\n", Some(4)),
                ("0-3,5,8-9\n", Some(7)),
                ("", None),
                ("3-0", None),
                ("x", None),
            ] {
                assert_eq!(count(list), expected, "{list:?}");
            }
        }

        #[test]
        fn a_short_burst_does_not_make_the_average_and_a_long_one_does() {
            let start = Instant::now();
            let mut average = Average::default();
            let mut used = Duration::ZERO;
            let mut seen = Vec::new();
            for second in 0..=600 {
                let time = CpuTime { quota: 2.0, used };
                seen.push(average.take(&time, start + Duration::from_secs(second)));
                used += Duration::from_secs(2);
            }
            assert_eq!(seen[0], 0.0);
            assert!(seen[5] < 10.0, "{}", seen[5]);
            assert!(seen[60] > 60.0 && seen[60] < 66.0, "{}", seen[60]);
            assert!(seen[600] > 99.9, "{}", seen[600]);
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl super::Look for Cpu {
    fn look(&self) -> crate::CheckResult {
        super::not_on_this_platform()
    }
}
