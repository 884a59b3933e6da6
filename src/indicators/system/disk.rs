//! The space that is left on a file system.

use std::path::{Path, PathBuf};

use super::{Host, Look, host_indicator, note, size};
use crate::CheckResult;
use crate::indicators::IndicatorError;
use crate::indicators::shared::findings::{Findings, rounded};
use crate::indicators::shared::limits::Limits;

/// Looks at the space that is left on the file system of a path, for a process that is not root.
///
/// It warns below 10 % and fails below 5 %, unless [`free_percent`](Self::free_percent) or
/// [`free_bytes`](Self::free_bytes) are set; if both are, both count. It fails too when the path is
/// gone.
///
/// A run is one call of `statvfs` on the blocking pool. On a network file system that hangs the
/// call does not return: the run fails at its timeout, and each further one with "previous run
/// still going" instead of taking another thread. A file system without a size, such as `/proc`,
/// passes with a note; so does every path on a platform without `statvfs`.
///
/// Not critical, component type `system`, TTL 5 s; the timeout is that of the
/// [`HealthConfig`](crate::HealthConfig). Readings: `utilization` in `percent`, which is what `df`
/// calls `Use%`, and `free` in `bytes`.
///
/// ```
/// use tower_health::Health;
/// use tower_health::indicators::DiskIndicator;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let disk = DiskIndicator::new("disk", "/")?.free_bytes(2 << 30, 1 << 30)?;
/// let health = Health::builder().readiness(disk).start()?;
/// health.await_ready().await?;
/// # Ok(())
/// # }
/// ```
pub struct DiskIndicator(Host<Disk>);

#[derive(Clone, Debug)]
struct Disk {
    path: PathBuf,
    free_percent: Option<Limits>,
    free_bytes: Option<Limits>,
    /// In use when nothing else was set.
    default_percent: Limits,
}

impl DiskIndicator {
    /// Looks at the file system of this path, now for the first time.
    ///
    /// # Errors
    ///
    /// When the path is empty or cannot be looked at.
    pub fn new(name: impl Into<String>, path: impl Into<PathBuf>) -> Result<Self, IndicatorError> {
        let (name, path) = (name.into(), path.into());
        if path.as_os_str().is_empty() {
            return Err(IndicatorError::new(&name, "path", "is empty"));
        }
        if let Err(error) = space(&path) {
            let fault = format!("{} cannot be looked at: {error}", path.display());
            return Err(IndicatorError::new(&name, "path", fault));
        }
        let disk = Disk {
            default_percent: Limits::below(&name, "free_percent", (10.0, 5.0), 100.0)?,
            path,
            free_percent: None,
            free_bytes: None,
        };
        Ok(Self(Host::new(name, disk)))
    }

    /// Warns and fails while less than this is free, in percent of what a process that is not root
    /// may use.
    ///
    /// # Errors
    ///
    /// When one of them is not above 0 and at most 100, or the check would fail before it warns.
    pub fn free_percent(self, warn: f64, fail: f64) -> Result<Self, IndicatorError> {
        let limits = Limits::below(&self.0.name, "free_percent", (warn, fail), 100.0)?;
        Ok(Self(self.0.with(|disk| disk.free_percent = Some(limits))))
    }

    /// Warns and fails while fewer bytes than this are free.
    ///
    /// # Errors
    ///
    /// When one of them is 0, or the check would fail before it warns.
    pub fn free_bytes(self, warn: u64, fail: u64) -> Result<Self, IndicatorError> {
        let pair = (warn as f64, fail as f64);
        let limits = Limits::below(&self.0.name, "free_bytes", pair, f64::INFINITY)?;
        Ok(Self(self.0.with(|disk| disk.free_bytes = Some(limits))))
    }
}

host_indicator!(DiskIndicator);

impl Look for Disk {
    fn look(&self) -> CheckResult {
        let path = self.path.display();
        let space = match space(&self.path) {
            Ok(Some(space)) => space,
            Ok(None) => return Ok(note("this file system has no size")),
            Err(error) => return Err(format!("{path} cannot be looked at: {error}").into()),
        };
        let free_percent = space.free / space.total * 100.0;
        let (free, total) = (size(space.free), size(space.total));

        let mut findings = Findings::default();
        findings.reading("utilization", rounded(100.0 - free_percent), "percent");
        findings.reading("free", space.free as u64, "bytes");
        let percent_limits = match self.free_bytes {
            Some(_) => self.free_percent,
            None => self.free_percent.or(Some(self.default_percent)),
        };
        let beyond = percent_limits.and_then(|limits| limits.judge(free_percent));
        findings.judged(beyond, |limit| {
            format!("{path} has {free_percent:.1} % free ({free} of {total}), less than {limit} %")
        });
        let beyond = self.free_bytes.and_then(|limits| limits.judge(space.free));
        findings.judged(beyond, |limit| {
            let limit = size(limit);
            format!("{path} has {free} free ({free_percent:.1} % of {total}), less than {limit}")
        });
        findings.result()
    }
}

/// In bytes, of what a process that is not root may use.
struct Space {
    free: f64,
    total: f64,
}

/// `None` if there is nothing to measure.
#[cfg(unix)]
fn space(path: &Path) -> std::io::Result<Option<Space>> {
    let stat = rustix::fs::statvfs(path)?;
    let used = stat.f_blocks.saturating_sub(stat.f_bfree);
    let total = used.saturating_add(stat.f_bavail);
    Ok((total > 0).then_some(Space {
        free: stat.f_bavail as f64 * stat.f_frsize as f64,
        total: total as f64 * stat.f_frsize as f64,
    }))
}

#[cfg(not(unix))]
fn space(path: &Path) -> std::io::Result<Option<Space>> {
    path.metadata().map(|_| None)
}
