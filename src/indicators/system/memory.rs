//! The memory of the process and of its container.

use super::{Host, MEGABYTE, Measure, host_indicator};
use crate::CheckResult;
use crate::indicators::shared::config;
use crate::indicators::shared::limits::Limits;

/// Checks the memory that the process uses (its resident set, `RSS` in `ps`) and the memory of its
/// cgroup.
///
/// By default it fails above 512 MB of resident memory: set [`fail_above_rss`](Self::fail_above_rss)
/// to what the service needs. If its cgroup or one above has a memory limit (v1 or v2, as
/// containers have), it also warns above 90 % of that limit and fails above 95 %, before the kernel
/// kills the process. Usage is counted as the kubelet does: without file pages that are not in
/// active use. 1 MB is 1,048,576 bytes.
///
/// A run reads a few files of `/proc` and `/sys/fs/cgroup` on the blocking pool. On platforms
/// without these files it passes with a note.
///
/// Not critical, component type `system`, TTL 5 s; the timeout is that of the
/// [`HealthConfig`](crate::HealthConfig). Readings: `rss` in `bytes`; `utilization` in `percent` of
/// the cgroup's limit, or of `fail_above_rss` if no cgroup has a limit.
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
#[must_use = "an indicator does nothing until it is registered"]
pub struct MemoryIndicator(Host<Memory>);

#[derive(Clone, Debug)]
struct Memory {
    rss: Limits,
    cgroup_percent: Limits,
}

impl MemoryIndicator {
    /// Creates an indicator that fails above 512 MB of resident memory.
    pub fn new(name: impl Into<String>) -> Self {
        let rss = Limits::above(["warn_above_rss", "fail_above_rss"], f64::INFINITY);
        let setters = ["warn_above_cgroup_percent", "fail_above_cgroup_percent"];
        let memory = Memory {
            rss: rss.fail(512.0 * MEGABYTE),
            cgroup_percent: Limits::above(setters, 100.0).warn(90.0).fail(95.0),
        };
        Self(Host::new(name.into(), memory))
    }

    /// Warns while the resident set of the process is larger than this many bytes. By default it
    /// never warns.
    ///
    /// It must be at most the limit that fails.
    pub fn warn_above_rss(self, bytes: u64) -> Self {
        Self(self.0.with(|memory| memory.rss.warn = Some(bytes as f64)))
    }

    /// Fails while the resident set of the process is larger than this many bytes. Default: 512 MB.
    pub fn fail_above_rss(self, bytes: u64) -> Self {
        Self(self.0.with(|memory| memory.rss.fail = Some(bytes as f64)))
    }

    /// Warns while the cgroup uses more than this share of its limit, in percent. Default: 90.
    ///
    /// The range is above 0 to 100, and at most the limit that fails.
    pub fn warn_above_cgroup_percent(self, percent: f64) -> Self {
        Self(
            self.0
                .with(|memory| memory.cgroup_percent.warn = Some(percent)),
        )
    }

    /// Fails while the cgroup uses more than this share of its limit, in percent. Default: 95.
    ///
    /// The range is above 0 to 100.
    pub fn fail_above_cgroup_percent(self, percent: f64) -> Self {
        Self(
            self.0
                .with(|memory| memory.cgroup_percent.fail = Some(percent)),
        )
    }
}

host_indicator!(MemoryIndicator);

impl Measure for Memory {
    #[cfg(target_os = "linux")]
    fn measure(&self) -> CheckResult {
        use super::{cgroup, megabytes, note};
        use crate::indicators::shared::findings::{Findings, rounded};

        let rss = match resident() {
            Ok(rss) => rss as f64,
            Err(error) => return Ok(note(format!("not available here: {error}"))),
        };
        let mut findings = Findings::default();
        findings.reading("rss", rss as u64, "bytes");
        findings.limit(self.rss.compare(rss), |limit| {
            let (rss, limit) = (megabytes(rss), megabytes(limit));
            format!("the process uses {rss}, more than {limit}")
        });
        let Some(cgroup) = cgroup::Hierarchies::of_this_process().memory() else {
            if let Some(limit) = self.rss.fail {
                findings.reading("utilization", rounded(rss / limit * 100.0), "percent");
            }
            return findings.result();
        };
        let percent = cgroup.used as f64 / cgroup.limit as f64 * 100.0;
        findings.reading("utilization", rounded(percent), "percent");
        findings.limit(self.cgroup_percent.compare(percent), |limit| {
            let used = megabytes(cgroup.used as f64);
            let most = megabytes(cgroup.limit as f64);
            format!("its cgroup uses {used} of {most} ({percent:.1} %), more than {limit} %")
        });
        findings.result()
    }

    #[cfg(not(target_os = "linux"))]
    fn measure(&self) -> CheckResult {
        super::not_on_this_platform()
    }

    fn config_error(&self) -> Option<String> {
        config::join([self.rss.config_error(), self.cgroup_percent.config_error()])
    }
}

#[cfg(target_os = "linux")]
fn resident() -> procfs::ProcResult<u64> {
    let pages = procfs::process::Process::myself()?.statm()?.resident;
    Ok(pages.saturating_mul(procfs::page_size()))
}
