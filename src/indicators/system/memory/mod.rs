//! The memory of the process and of its container.

#[cfg(target_os = "linux")]
mod linux;

use super::{Host, Measure, host_indicator};
use crate::CheckResult;
use crate::indicators::shared::config;
use crate::indicators::shared::limits::Limits;

/// Checks how near the process and its cgroup are to a limit of memory, at which the kernel kills
/// the process or refuses it memory.
///
/// ```
/// use tower_health::Health;
/// use tower_health::indicators::MemoryIndicator;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let memory = MemoryIndicator::new("memory")
///     .warn_above_rss(1_536 << 20)
///     .fail_above_rss(2_048 << 20);
/// let health = Health::builder().readiness(memory).start()?;
/// health.await_ready().await?;
/// # Ok(())
/// # }
/// ```
///
/// # What it sends
///
/// Nothing. A run reads a few files of `/proc` and `/sys/fs/cgroup` on the blocking pool, which
/// takes well below 1 ms. They stay open from the construction of the indicator on, about five for
/// each level of cgroups, so that it also sees when the process has no descriptor left. 500
/// instances cost other machines nothing.
///
/// # Verdicts
///
/// It compares memory with every limit that there is:
///
/// | limit | what is compared with it |
/// |---|---|
/// | of the cgroup, v1 or v2, and of each cgroup above it | the memory of the cgroup that the kernel cannot take back |
/// | the memory of the machine | the anonymous and shared memory of the process |
/// | `RLIMIT_AS` of the process | its address space |
///
/// - It fails above 95 % of any of them, and above [`fail_above_rss`](Self::fail_above_rss) or
///   [`fail_above_pressure_percent`](Self::fail_above_pressure_percent), if you set them.
/// - It fails if the kernel cannot be asked, for example for lack of a descriptor.
/// - It warns above 90 %, or above the limits that you set.
/// - It passes otherwise, and with a note on platforms without these files.
///
/// Memory that the kernel cannot take back is anonymous and shared memory, and in v2 the buffers of
/// sockets and the memory of the kernel that is no cache; see `memory.stat` in
/// [`cgroup-v2.rst`](https://docs.kernel.org/admin-guide/cgroup-v2.html). File pages do not count,
/// not even active ones: the kernel drops them before it kills a process. Swap that is free and that
/// the cgroup may use adds to the limit.
///
/// # What it cannot see
///
/// A burst that is over before the next run; how much other processes of the machine use, except
/// those in the same cgroup; in cgroups v1 the memory of the kernel; a cgroup that is slowed down
/// above `memory.high`, unless you set a limit for the pressure.
///
/// # Defaults
///
/// Not critical, component type `system`, TTL 5 s; the timeout is that of the
/// [`HealthConfig`](crate::HealthConfig). Readings: `rss` (the resident set, as in `ps`) in `bytes`;
/// `utilization` of the nearest limit in `percent`; `pressure` in `percent`, where cgroups v2
/// measure it.
///
/// The default limits mean that the kernel is about to kill the process. They are shares of a limit
/// that others have set. A resident set has no default: no size is wrong by itself. 1 MB is
/// 1,048,576 bytes.
#[must_use = "an indicator does nothing until it is registered"]
pub struct MemoryIndicator(Host<Memory>);

#[derive(Clone, Debug)]
struct Memory {
    rss: Limits,
    percent: Limits,
    pressure: Limits,
    #[cfg(target_os = "linux")]
    files: std::sync::Arc<std::sync::Mutex<linux::Files>>,
}

impl MemoryIndicator {
    /// Creates an indicator that warns above 90 % of the nearest limit and fails above 95 %.
    ///
    /// It reads the files of the kernel once, at once, and keeps them open.
    pub fn new(name: impl Into<String>) -> Self {
        Self(Host::prepared(name.into(), Memory::new()))
    }

    /// Warns while more than this share of the nearest limit is used, in percent. Default: 90.
    ///
    /// The range is above 0 to 100, and at most the limit that fails.
    pub fn warn_above_percent(self, percent: f64) -> Self {
        Self(self.0.with(|memory| memory.percent.warn = Some(percent)))
    }

    /// Fails while more than this share of the nearest limit is used, in percent. Default: 95.
    ///
    /// The range is above 0 to 100.
    pub fn fail_above_percent(self, percent: f64) -> Self {
        Self(self.0.with(|memory| memory.percent.fail = Some(percent)))
    }

    /// Warns while the resident set of the process is larger than this many bytes. By default it
    /// never warns for its size.
    ///
    /// It must be above 0 and at most the limit that fails.
    pub fn warn_above_rss(self, bytes: u64) -> Self {
        Self(self.0.with(|memory| memory.rss.warn = Some(bytes as f64)))
    }

    /// Fails while the resident set of the process is larger than this many bytes. By default it
    /// never fails for its size.
    ///
    /// It must be above 0.
    pub fn fail_above_rss(self, bytes: u64) -> Self {
        Self(self.0.with(|memory| memory.rss.fail = Some(bytes as f64)))
    }

    /// Warns while all tasks of the cgroup waited for memory in more than this share of the last
    /// minute, in percent: `full avg60` of `memory.pressure`. By default it never does.
    ///
    /// The range is above 0 to 100, and at most the limit that fails. Where the kernel does not
    /// measure it, the limit has no effect. A service whose code is read from disk again and again
    /// since memory is scarce has a high pressure; so may a healthy one that reads large files.
    pub fn warn_above_pressure_percent(self, percent: f64) -> Self {
        Self(self.0.with(|memory| memory.pressure.warn = Some(percent)))
    }

    /// Fails while all tasks of the cgroup waited for memory in more than this share of the last
    /// minute, in percent. By default it never does.
    ///
    /// The range is above 0 to 100.
    pub fn fail_above_pressure_percent(self, percent: f64) -> Self {
        Self(self.0.with(|memory| memory.pressure.fail = Some(percent)))
    }
}

host_indicator!(MemoryIndicator);

impl Memory {
    fn new() -> Self {
        let rss = ["warn_above_rss", "fail_above_rss"];
        let percent = ["warn_above_percent", "fail_above_percent"];
        let pressure = ["warn_above_pressure_percent", "fail_above_pressure_percent"];
        Self {
            rss: Limits::above(rss, f64::INFINITY),
            percent: Limits::above(percent, 100.0).warn(90.0).fail(95.0),
            pressure: Limits::above(pressure, 100.0),
            #[cfg(target_os = "linux")]
            files: std::sync::Arc::new(std::sync::Mutex::new(linux::Files::below("/".as_ref()))),
        }
    }
}

impl Measure for Memory {
    #[cfg(target_os = "linux")]
    fn measure(&self) -> CheckResult {
        self.measure_on_linux()
    }

    #[cfg(not(target_os = "linux"))]
    fn measure(&self) -> CheckResult {
        super::not_on_this_platform()
    }

    fn config_error(&self) -> Option<String> {
        config::join([
            self.rss.config_error(),
            self.percent.config_error(),
            self.pressure.config_error(),
        ])
    }
}

/// One that reads the files below a directory, as a test has recorded or written them.
#[cfg(all(test, target_os = "linux"))]
pub(super) fn measure_below(root: &std::path::Path) -> CheckResult {
    let files = std::sync::Arc::new(std::sync::Mutex::new(linux::Files::below(root)));
    let memory = Memory {
        files,
        ..Memory::new()
    };
    memory.measure()
}
