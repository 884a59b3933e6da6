//! The load of the processors, and the container's use of its processor quota.

use super::{Host, Measure, host_indicator};
use crate::indicators::shared::config;
use crate::indicators::shared::limits::Limits;

/// Checks the load average per core over the last minute, and the container's use of its processor
/// quota.
///
/// By default it warns above a load of 2 per core and fails above 4. The load is that of the whole
/// machine, in a container too. If the cgroup or one above has a quota of processor time (v1 or
/// v2), it also warns above 90 % of the quota and fails above 99 %, where the kernel throttles the
/// process. The use of the quota is measured from one run to the next and averaged over a minute,
/// as the load is.
///
/// A run reads a few files of `/proc` and `/sys` on the blocking pool. On platforms without these
/// files it passes with a note.
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
/// let cpu = CpuIndicator::new("cpu")
///     .warn_above_load_per_core(1.5)
///     .fail_above_load_per_core(3.0);
/// let health = Health::builder().readiness(cpu).start()?;
/// health.await_ready().await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "an indicator does nothing until it is registered"]
pub struct CpuIndicator(Host<Cpu>);

#[derive(Clone, Debug)]
struct Cpu {
    load_per_core: Limits,
    quota_percent: Limits,
    #[cfg(target_os = "linux")]
    average: std::sync::Arc<std::sync::Mutex<linux::Average>>,
}

impl CpuIndicator {
    /// Creates an indicator that warns above a load of 2 per core and fails above 4.
    pub fn new(name: impl Into<String>) -> Self {
        let load = ["warn_above_load_per_core", "fail_above_load_per_core"];
        let quota = ["warn_above_quota_percent", "fail_above_quota_percent"];
        let cpu = Cpu {
            load_per_core: Limits::above(load, f64::INFINITY).warn(2.0).fail(4.0),
            quota_percent: Limits::above(quota, 100.0).warn(90.0).fail(99.0),
            #[cfg(target_os = "linux")]
            average: Default::default(),
        };
        Self(Host::new(name.into(), cpu))
    }

    /// Warns while the load average per core is above this. Default: 2.
    ///
    /// It must be above 0 and at most the limit that fails.
    pub fn warn_above_load_per_core(self, load: f64) -> Self {
        Self(self.0.with(|cpu| cpu.load_per_core.warn = Some(load)))
    }

    /// Fails while the load average per core is above this. Default: 4.
    pub fn fail_above_load_per_core(self, load: f64) -> Self {
        Self(self.0.with(|cpu| cpu.load_per_core.fail = Some(load)))
    }

    /// Warns while the cgroup uses more than this share of its quota, in percent. Default: 90.
    ///
    /// The range is above 0 to 100, and at most the limit that fails.
    pub fn warn_above_quota_percent(self, percent: f64) -> Self {
        Self(self.0.with(|cpu| cpu.quota_percent.warn = Some(percent)))
    }

    /// Fails while the cgroup uses more than this share of its quota, in percent. Default: 99.
    ///
    /// The range is above 0 to 100.
    pub fn fail_above_quota_percent(self, percent: f64) -> Self {
        Self(self.0.with(|cpu| cpu.quota_percent.fail = Some(percent)))
    }
}

host_indicator!(CpuIndicator);

impl Measure for Cpu {
    #[cfg(target_os = "linux")]
    fn measure(&self) -> crate::CheckResult {
        self.measure_on_linux()
    }

    #[cfg(not(target_os = "linux"))]
    fn measure(&self) -> crate::CheckResult {
        super::not_on_this_platform()
    }

    fn config_error(&self) -> Option<String> {
        config::join([
            self.load_per_core.config_error(),
            self.quota_percent.config_error(),
        ])
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::sync::PoisonError;
    use std::thread::available_parallelism;
    use std::time::{Duration, Instant};

    use procfs::{Current, LoadAverage};

    use super::super::cgroup::{CpuTime, Hierarchies};
    use super::super::note;
    use super::Cpu;
    use crate::CheckResult;
    use crate::indicators::shared::findings::{Findings, rounded};

    impl Cpu {
        pub(super) fn measure_on_linux(&self) -> CheckResult {
            let load = match LoadAverage::current() {
                Ok(load) => f64::from(load.one),
                Err(error) => return Ok(note(format!("not available here: {error}"))),
            };
            let cores = cores();
            let per_core = load / cores as f64;

            let mut findings = Findings::default();
            findings.reading("load", rounded(load), "load");
            findings.reading("loadPerCore", rounded(per_core), "load");
            findings.limit(self.load_per_core.compare(per_core), |limit| {
                format!("the load is {load:.2} on {cores} cores, more than {limit} per core")
            });
            if let Some(time) = Hierarchies::of_this_process().cpu() {
                let mut average = self.average.lock().unwrap_or_else(PoisonError::into_inner);
                let percent = average.add(&time, Instant::now());
                findings.reading("utilization", rounded(percent), "percent");
                findings.limit(self.quota_percent.compare(percent), |limit| {
                    let quota = rounded(time.quota);
                    format!(
                        "{percent:.1} % of the quota of {quota} cores are used, more than {limit} %"
                    )
                });
            }
            findings.result()
        }
    }

    /// The cores of the machine, because the load is that of the machine.
    fn cores() -> usize {
        let online = fs::read_to_string("/sys/devices/system/cpu/online").ok();
        online
            .and_then(|online| count(&online))
            .unwrap_or_else(|| available_parallelism().map_or(1, usize::from))
    }

    /// Counts the processors in a list such as `0-3,5`.
    fn count(list: &str) -> Option<usize> {
        let mut count = 0;
        for range in list.trim().split(',') {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
            count += last.checked_sub(first)? + 1;
        }
        Some(count)
    }

    /// The used share of the quota in percent, as an exponential average over a minute. It starts at
    /// 0, as the load average of the kernel does.
    #[derive(Debug, Default)]
    pub(super) struct Average {
        percent: f64,
        last: Option<(Instant, Duration)>,
    }

    impl Average {
        pub(super) fn add(&mut self, time: &CpuTime, now: Instant) -> f64 {
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
                seen.push(average.add(&time, start + Duration::from_secs(second)));
                used += Duration::from_secs(2);
            }
            assert_eq!(seen[0], 0.0);
            assert!(seen[5] < 10.0, "{}", seen[5]);
            assert!(seen[60] > 60.0 && seen[60] < 66.0, "{}", seen[60]);
            assert!(seen[600] > 99.9, "{}", seen[600]);
        }
    }
}
