//! The open file descriptors of the process, against their limit.

use super::{Host, Measure, host_indicator};
use crate::CheckResult;
use crate::indicators::shared::limits::Limits;

/// Checks how many file descriptors (files, sockets, pipes) the process has open.
///
/// The count is compared with the soft limit (`RLIMIT_NOFILE`, which `ulimit -n` shows). At that
/// limit the process can neither accept connections nor open files. By default the check warns above
/// 80 % and fails above 95 %.
///
/// A run reads two files of `/proc` on the blocking pool. On platforms without these files it passes
/// with a note.
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
/// let descriptors = FileDescriptorsIndicator::new("descriptors")
///     .warn_above_percent(70.0)
///     .fail_above_percent(90.0);
/// let health = Health::builder().readiness(descriptors).start()?;
/// health.await_ready().await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "an indicator does nothing until it is registered"]
pub struct FileDescriptorsIndicator(Host<Descriptors>);

#[derive(Clone, Debug)]
struct Descriptors {
    percent: Limits,
}

impl FileDescriptorsIndicator {
    /// Creates an indicator that warns above 80 % of the limit and fails above 95 %.
    pub fn new(name: impl Into<String>) -> Self {
        let percent = Limits::above(["warn_above_percent", "fail_above_percent"], 100.0);
        let percent = percent.warn(80.0).fail(95.0);
        Self(Host::new(name.into(), Descriptors { percent }))
    }

    /// Warns while more than this share of the limit is open, in percent. Default: 80.
    ///
    /// The range is above 0 to 100, and at most the limit that fails.
    pub fn warn_above_percent(self, percent: f64) -> Self {
        Self(self.0.with(|source| source.percent.warn = Some(percent)))
    }

    /// Fails while more than this share of the limit is open, in percent. Default: 95.
    ///
    /// The range is above 0 to 100.
    pub fn fail_above_percent(self, percent: f64) -> Self {
        Self(self.0.with(|source| source.percent.fail = Some(percent)))
    }
}

host_indicator!(FileDescriptorsIndicator);

impl Measure for Descriptors {
    #[cfg(target_os = "linux")]
    fn measure(&self) -> CheckResult {
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
            findings.limit(self.percent.compare(percent), |limit| {
                format!("{open} of {most} file descriptors are open, more than {limit} %")
            });
        }
        findings.result()
    }

    #[cfg(not(target_os = "linux"))]
    fn measure(&self) -> CheckResult {
        super::not_on_this_platform()
    }

    fn config_error(&self) -> Option<String> {
        self.percent.config_error()
    }
}

#[cfg(target_os = "linux")]
fn open() -> std::io::Result<u64> {
    const PATH: &str = "/proc/self/fd";
    // Since Linux 6.2 (commit f1f1f2569901) the size of the directory is the number of its entries.
    match std::fs::metadata(PATH)?.len() {
        0 => {
            let listed = std::fs::read_dir(PATH)?.count() as u64;
            // One of the entries is the open directory itself.
            Ok(listed.saturating_sub(1))
        }
        open => Ok(open),
    }
}

/// `None` if the number is not limited.
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
