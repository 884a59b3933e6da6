//! The use of the processors: of the container's quota, and of the machine.

#[cfg(target_os = "linux")]
mod linux;

use super::{Host, Measure, host_indicator};
use crate::CheckResult;
use crate::indicators::shared::config;
use crate::indicators::shared::limits::Limits;

/// Checks how the processors are used: the container's quota, how often the kernel throttles it, how
/// long its tasks wait for a processor, and the load of the machine.
///
/// It reports all of these, and passes until it has a limit.
///
/// ```
/// use tower_health::Health;
/// use tower_health::indicators::CpuIndicator;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // For a service that answers requests and has a quota.
/// let cpu = CpuIndicator::new("cpu")
///     .warn_above_throttled_percent(25.0)
///     .warn_above_quota_percent(90.0);
/// let health = Health::builder().readiness(cpu).start()?;
/// health.await_ready().await?;
/// # Ok(())
/// # }
/// ```
///
/// # What it sends
///
/// Nothing. A run reads a few files of `/proc` and `/sys` on the blocking pool, which takes well
/// below 1 ms. They stay open from the construction of the indicator on, about three for each level
/// of cgroups, so that it also sees when the process has no descriptor left. 500 instances cost
/// other machines nothing.
///
/// # Verdicts
///
/// | setters | what is compared |
/// |---|---|
/// | `.._quota_percent` | the processor time of the cgroup, of its quota |
/// | `.._throttled_percent` | the periods, of 100 ms as a rule, in which the kernel stopped the cgroup because its quota was used up, of all periods |
/// | `.._pressure_percent` | the time in which at least one task of the cgroup waited for a processor |
/// | `.._load_per_core` | the load average of the whole machine, of its processors |
///
/// Each is an average over the last minute, and starts at 0. A quota and its throttling are those of
/// the cgroup or one above it, v1 or v2, whichever is worse; see
/// [`sched-bwc.rst`](https://docs.kernel.org/scheduler/sched-bwc.html). The pressure needs cgroups
/// v2; see [`psi.rst`](https://docs.kernel.org/accounting/psi.html).
///
/// - It fails above a limit that fails, and if the kernel cannot be asked, for example for lack of a
///   descriptor.
/// - It warns above a limit that warns.
/// - It passes otherwise: also where there is no quota or no pressure to compare with a limit, and
///   with a note on platforms without these files.
///
/// A service can be throttled although it uses little of its quota: eight threads on a quota of two
/// cores use up the 200 ms of a period within 25 ms, and then all of them stand still for 75 ms.
///
/// # What it cannot see
///
/// Whether requests suffer; for that see
/// [`RuntimeLagIndicator`](crate::indicators::RuntimeLagIndicator). A burst of a second in a quiet
/// minute. Processor time that a hypervisor takes away. Whose load it is: the load average is that
/// of all processes of the machine, in a container too.
///
/// # Defaults
///
/// Not critical, component type `system`, TTL 5 s; the timeout is that of the
/// [`HealthConfig`](crate::HealthConfig). Readings: `load` and `loadPerCore` in `load`;
/// `utilization` of the quota and `throttled`, with a quota, and `pressure`, where the kernel
/// measures it, in `percent`.
///
/// No limit has a default, because no figure of a processor is wrong by itself: a healthy batch uses
/// all of its quota and is throttled in each period, and a high load may be that of a neighbour.
#[must_use = "an indicator does nothing until it is registered"]
pub struct CpuIndicator(Host<Cpu>);

#[derive(Clone, Debug)]
struct Cpu {
    load_per_core: Limits,
    quota: Limits,
    throttled: Limits,
    pressure: Limits,
    #[cfg(target_os = "linux")]
    files: std::sync::Arc<std::sync::Mutex<linux::Files>>,
}

impl CpuIndicator {
    /// Creates an indicator that reports the use of the processors, and passes until it has a limit.
    ///
    /// It reads the files of the kernel once, at once, and keeps them open.
    pub fn new(name: impl Into<String>) -> Self {
        Self(Host::prepared(name.into(), Cpu::new()))
    }

    /// Warns while the cgroup uses more than this share of its quota, in percent. By default it never
    /// does.
    ///
    /// The range is above 0 to 100, and at most the limit that fails.
    pub fn warn_above_quota_percent(self, percent: f64) -> Self {
        Self(self.0.with(|cpu| cpu.quota.warn = Some(percent)))
    }

    /// Fails while the cgroup uses more than this share of its quota, in percent. By default it never
    /// does.
    ///
    /// The range is above 0 to 100.
    pub fn fail_above_quota_percent(self, percent: f64) -> Self {
        Self(self.0.with(|cpu| cpu.quota.fail = Some(percent)))
    }

    /// Warns while the cgroup was throttled in more than this share of all periods, in percent. By
    /// default it never does.
    ///
    /// The range is above 0 to 100, and at most the limit that fails.
    pub fn warn_above_throttled_percent(self, percent: f64) -> Self {
        Self(self.0.with(|cpu| cpu.throttled.warn = Some(percent)))
    }

    /// Fails while the cgroup was throttled in more than this share of all periods, in percent. By
    /// default it never does.
    ///
    /// The range is above 0 to 100.
    pub fn fail_above_throttled_percent(self, percent: f64) -> Self {
        Self(self.0.with(|cpu| cpu.throttled.fail = Some(percent)))
    }

    /// Warns while a task of the cgroup waited for a processor in more than this share of the last
    /// minute, in percent: `some avg60` of `cpu.pressure`. By default it never does.
    ///
    /// The range is above 0 to 100, and at most the limit that fails.
    pub fn warn_above_pressure_percent(self, percent: f64) -> Self {
        Self(self.0.with(|cpu| cpu.pressure.warn = Some(percent)))
    }

    /// Fails while a task of the cgroup waited for a processor in more than this share of the last
    /// minute, in percent. By default it never does.
    ///
    /// The range is above 0 to 100.
    pub fn fail_above_pressure_percent(self, percent: f64) -> Self {
        Self(self.0.with(|cpu| cpu.pressure.fail = Some(percent)))
    }

    /// Warns while the load average of the machine, for each of its processors, is above this. By
    /// default it never does.
    ///
    /// It must be above 0, and at most the limit that fails.
    pub fn warn_above_load_per_core(self, load: f64) -> Self {
        Self(self.0.with(|cpu| cpu.load_per_core.warn = Some(load)))
    }

    /// Fails while the load average of the machine, for each of its processors, is above this. By
    /// default it never does.
    ///
    /// It must be above 0.
    pub fn fail_above_load_per_core(self, load: f64) -> Self {
        Self(self.0.with(|cpu| cpu.load_per_core.fail = Some(load)))
    }
}

host_indicator!(CpuIndicator);

impl Cpu {
    fn new() -> Self {
        let load = ["warn_above_load_per_core", "fail_above_load_per_core"];
        let quota = ["warn_above_quota_percent", "fail_above_quota_percent"];
        let throttled = [
            "warn_above_throttled_percent",
            "fail_above_throttled_percent",
        ];
        let pressure = ["warn_above_pressure_percent", "fail_above_pressure_percent"];
        Self {
            load_per_core: Limits::above(load, f64::INFINITY),
            quota: Limits::above(quota, 100.0),
            throttled: Limits::above(throttled, 100.0),
            pressure: Limits::above(pressure, 100.0),
            #[cfg(target_os = "linux")]
            files: std::sync::Arc::new(std::sync::Mutex::new(linux::Files::below("/".as_ref()))),
        }
    }
}

impl Measure for Cpu {
    #[cfg(target_os = "linux")]
    fn measure(&self) -> CheckResult {
        self.measure_at(std::time::Instant::now())
    }

    #[cfg(not(target_os = "linux"))]
    fn measure(&self) -> CheckResult {
        super::not_on_this_platform()
    }

    fn config_error(&self) -> Option<String> {
        config::join([
            self.load_per_core.config_error(),
            self.quota.config_error(),
            self.throttled.config_error(),
            self.pressure.config_error(),
        ])
    }
}

/// One that reads the files below a directory, as a test has recorded or written them.
#[cfg(all(test, target_os = "linux"))]
pub(super) fn below(
    root: &std::path::Path,
    indicator: &CpuIndicator,
) -> impl Fn(std::time::Instant) -> CheckResult {
    let files = std::sync::Arc::new(std::sync::Mutex::new(linux::Files::below(root)));
    let cpu = Cpu {
        files,
        ..indicator.0.source.clone()
    };
    move |now| cpu.measure_at(now)
}
