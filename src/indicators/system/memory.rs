//! The memory of the process, and of its container.

use super::{Host, Look, MEGABYTE, host_indicator};
use crate::CheckResult;
use crate::indicators::IndicatorError;
use crate::indicators::shared::limits::Limits;

/// Looks at the memory that the process has in use (its resident set, what `ps` calls `RSS`), and
/// at that of its cgroup.
///
/// It fails above 512 MB: set [`rss`](Self::rss) to what the service needs. If its cgroup or one
/// above has a limit (v1 or v2, as containers have), it also warns when 90 % of that are in use
/// and fails at 95 %, before the kernel kills the process: see
/// [`cgroup_percent`](Self::cgroup_percent). What counts there is what the kubelet counts: the
/// usage without file pages that were not needed lately. 1 MB is 1,048,576 bytes.
///
/// A run reads a handful of files of `/proc` and `/sys/fs/cgroup` on the blocking pool. On
/// platforms without them it passes with a note.
///
/// Not critical, component type `system`, TTL 5 s; the timeout is that of the
/// [`HealthConfig`](crate::HealthConfig). Readings: `rss` in `bytes`; `utilization` in `percent`,
/// of the limit of the cgroup, or of that of `rss` if there is no cgroup with a limit.
///
/// ```
/// use tower_health::Health;
/// use tower_health::indicators::MemoryIndicator;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let memory = MemoryIndicator::new("memory").rss(1_536 << 20, 2_048 << 20)?;
/// let health = Health::builder().readiness(memory).start()?;
/// health.await_ready().await?;
/// # Ok(())
/// # }
/// ```
pub struct MemoryIndicator(Host<Memory>);

#[derive(Clone, Debug)]
struct Memory {
    rss: Limits,
    cgroup_percent: Limits,
}

impl MemoryIndicator {
    /// Fails above 512 MB.
    pub fn new(name: impl Into<String>) -> Self {
        let memory = Memory {
            rss: Limits::fixed(512.0 * MEGABYTE, 512.0 * MEGABYTE),
            cgroup_percent: Limits::fixed(90.0, 95.0),
        };
        Self(Host::new(name.into(), memory))
    }

    /// Warns and fails while the process uses more than this many bytes.
    ///
    /// # Errors
    ///
    /// When one of them is 0, or the check would fail before it warns.
    pub fn rss(self, warn: u64, fail: u64) -> Result<Self, IndicatorError> {
        let pair = (warn as f64, fail as f64);
        let limits = Limits::above(&self.0.name, "rss", pair, f64::INFINITY)?;
        Ok(Self(self.0.with(|memory| memory.rss = limits)))
    }

    /// Warns and fails while the cgroup uses more than this share of its limit.
    ///
    /// # Errors
    ///
    /// When one of them is not above 0 and at most 100, or the check would fail before it warns.
    pub fn cgroup_percent(self, warn: f64, fail: f64) -> Result<Self, IndicatorError> {
        let limits = Limits::above(&self.0.name, "cgroup_percent", (warn, fail), 100.0)?;
        Ok(Self(self.0.with(|memory| memory.cgroup_percent = limits)))
    }
}

host_indicator!(MemoryIndicator);

#[cfg(target_os = "linux")]
impl Look for Memory {
    fn look(&self) -> CheckResult {
        use super::{cgroup, megabytes, note};
        use crate::indicators::shared::findings::{Findings, rounded};

        let rss = match resident() {
            Ok(rss) => rss as f64,
            Err(error) => return Ok(note(format!("not available here: {error}"))),
        };
        let mut findings = Findings::default();
        findings.reading("rss", rss as u64, "bytes");
        findings.judged(self.rss.judge(rss), |limit| {
            let (rss, limit) = (megabytes(rss), megabytes(limit));
            format!("the process uses {rss} of {limit}")
        });
        let Some(cgroup) = cgroup::Hierarchies::of_this_process().memory() else {
            findings.reading(
                "utilization",
                rounded(rss / self.rss.fail() * 100.0),
                "percent",
            );
            return findings.result();
        };
        let percent = cgroup.used as f64 / cgroup.limit as f64 * 100.0;
        findings.reading("utilization", rounded(percent), "percent");
        findings.judged(self.cgroup_percent.judge(percent), |limit| {
            let used = megabytes(cgroup.used as f64);
            let most = megabytes(cgroup.limit as f64);
            format!("its cgroup uses {used} of {most} ({percent:.1} %), more than {limit} %")
        });
        findings.result()
    }
}

#[cfg(target_os = "linux")]
fn resident() -> procfs::ProcResult<u64> {
    let pages = procfs::process::Process::myself()?.statm()?.resident;
    Ok(pages.saturating_mul(procfs::page_size()))
}

#[cfg(not(target_os = "linux"))]
impl Look for Memory {
    fn look(&self) -> CheckResult {
        super::not_on_this_platform()
    }
}
