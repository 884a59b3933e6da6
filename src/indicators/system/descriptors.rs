//! Open file descriptors against their limit.

use super::{Host, Look, host_indicator};
use crate::CheckResult;
use crate::indicators::IndicatorError;
use crate::indicators::shared::limits::Limits;

/// Looks at how many file descriptors (files, sockets, pipes) the process has open, against its
/// soft limit (`RLIMIT_NOFILE`, what `ulimit -n` shows): at the limit no connection can be accepted
/// and no file opened.
///
/// It warns above 80 % and fails above 95 %: see [`percent`](Self::percent).
///
/// A run reads two files of `/proc` on the blocking pool. On platforms without them it passes with
/// a note.
///
/// Not critical, component type `system`, TTL 5 s; the timeout is that of the
/// [`HealthConfig`](crate::HealthConfig). Readings: `descriptors` in `descriptors`; `utilization`
/// in `percent`, if there is a limit.
///
/// ```
/// use tower_health::Health;
/// use tower_health::indicators::FileDescriptorsIndicator;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let descriptors = FileDescriptorsIndicator::new("descriptors").percent(70.0, 90.0)?;
/// let health = Health::builder().readiness(descriptors).start()?;
/// health.await_ready().await?;
/// # Ok(())
/// # }
/// ```
pub struct FileDescriptorsIndicator(Host<Descriptors>);

#[derive(Clone, Debug)]
struct Descriptors {
    percent: Limits,
}

impl FileDescriptorsIndicator {
    /// Warns above 80 % and fails above 95 %.
    pub fn new(name: impl Into<String>) -> Self {
        let percent = Limits::fixed(80.0, 95.0);
        Self(Host::new(name.into(), Descriptors { percent }))
    }

    /// Warns and fails while more than this share of the limit is open.
    ///
    /// # Errors
    ///
    /// When one of them is not above 0 and at most 100, or the check would fail before it warns.
    pub fn percent(self, warn: f64, fail: f64) -> Result<Self, IndicatorError> {
        let limits = Limits::above(&self.0.name, "percent", (warn, fail), 100.0)?;
        Ok(Self(self.0.with(|look| look.percent = limits)))
    }
}

host_indicator!(FileDescriptorsIndicator);

#[cfg(target_os = "linux")]
impl Look for Descriptors {
    fn look(&self) -> CheckResult {
        use super::note;
        use crate::indicators::shared::findings::{Findings, rounded};

        let (open, limit) = match open().and_then(|open| Ok((open, soft_limit()?))) {
            Ok(both) => both,
            Err(error) => return Ok(note(format!("not available here: {error}"))),
        };
        let mut findings = Findings::default();
        findings.reading("descriptors", open, "descriptors");
        if let Some(most) = limit {
            let percent = open as f64 / most as f64 * 100.0;
            findings.reading("utilization", rounded(percent), "percent");
            findings.judged(self.percent.judge(percent), |limit| {
                format!("{open} of {most} file descriptors are open, more than {limit} %")
            });
        }
        findings.result()
    }
}

#[cfg(target_os = "linux")]
fn open() -> std::io::Result<u64> {
    const PATH: &str = "/proc/self/fd";
    // The size of the directory is their number, since Linux 6.2 (commit f1f1f2569901).
    match std::fs::metadata(PATH)?.len() {
        0 => {
            let listed = std::fs::read_dir(PATH)?.count() as u64;
            // One of them is that of the list.
            Ok(listed.saturating_sub(1))
        }
        open => Ok(open),
    }
}

/// `None` if there is none.
#[cfg(target_os = "linux")]
fn soft_limit() -> std::io::Result<Option<u64>> {
    use procfs::process::{LimitValue, Process};

    let limits = Process::myself().and_then(|process| process.limits());
    match limits
        .map_err(std::io::Error::other)?
        .max_open_files
        .soft_limit
    {
        LimitValue::Value(limit) => Ok(Some(limit).filter(|limit| *limit > 0)),
        LimitValue::Unlimited => Ok(None),
    }
}

#[cfg(not(target_os = "linux"))]
impl Look for Descriptors {
    fn look(&self) -> CheckResult {
        super::not_on_this_platform()
    }
}
