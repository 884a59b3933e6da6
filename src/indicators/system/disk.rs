//! The free space on a file system.

use std::path::{Path, PathBuf};

use super::{Host, Measure, host_indicator, note, size};
use crate::CheckResult;
use crate::indicators::shared::config;
use crate::indicators::shared::findings::{Findings, rounded};
use crate::indicators::shared::limits::Limits;

/// Checks the free space on the file system of a path, as an unprivileged process sees it.
///
/// By default it warns below 10 % and fails below 5 %. A limit in bytes replaces the default of the
/// same severity; if you set limits in bytes and in percent, both apply. It also fails when the path
/// no longer exists.
///
/// A run is one `statvfs` call on the blocking pool. If a network file system hangs, the call does
/// not return: the run fails at its timeout, and later runs fail with "previous run still going"
/// instead of blocking another thread. A file system without a size, such as `/proc`, passes with a
/// note. So does every path on a platform without `statvfs`.
///
/// Not critical, component type `system`, TTL 5 s; the timeout is that of the
/// [`HealthConfig`](crate::HealthConfig). Readings: `utilization` in `percent`, the same as `Use%`
/// of `df`, and `free` in `bytes`.
///
/// ```
/// use tower_health::Health;
/// use tower_health::indicators::DiskIndicator;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let disk = DiskIndicator::new("disk", "/")
///     .warn_below_bytes(2 << 30)
///     .fail_below_bytes(1 << 30);
/// let health = Health::builder().readiness(disk).start()?;
/// health.await_ready().await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "an indicator does nothing until it is registered"]
pub struct DiskIndicator(Host<Disk>);

#[derive(Clone, Debug)]
struct Disk {
    path: PathBuf,
    /// `Some` if the path could not be read at construction.
    path_fault: Option<String>,
    percent: Limits,
    bytes: Limits,
}

impl DiskIndicator {
    /// Creates an indicator for the file system of this path.
    ///
    /// It reads the file system once, at once and blocking. `start()` reports a path that is empty
    /// or cannot be read.
    pub fn new(name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let path_fault = match space(&path) {
            _ if path.as_os_str().is_empty() => Some("path is empty".to_owned()),
            Err(error) => Some(format!("path {} cannot be read: {error}", path.display())),
            Ok(_) => None,
        };
        let disk = Disk {
            path,
            path_fault,
            percent: Limits::below(["warn_below_percent", "fail_below_percent"], 100.0),
            bytes: Limits::below(["warn_below_bytes", "fail_below_bytes"], f64::INFINITY),
        };
        Self(Host::new(name.into(), disk))
    }

    /// Warns while less than this share is free, in percent of the space that an unprivileged
    /// process can use. Default: 10.
    ///
    /// The range is above 0 to 100.
    pub fn warn_below_percent(self, percent: f64) -> Self {
        Self(self.0.with(|disk| disk.percent.warn = Some(percent)))
    }

    /// Fails while less than this share is free, in percent. Default: 5.
    ///
    /// The range is above 0 to 100, and at most the limit that warns.
    pub fn fail_below_percent(self, percent: f64) -> Self {
        Self(self.0.with(|disk| disk.percent.fail = Some(percent)))
    }

    /// Warns while fewer bytes than this are free; replaces the default of 10 %.
    pub fn warn_below_bytes(self, bytes: u64) -> Self {
        Self(self.0.with(|disk| disk.bytes.warn = Some(bytes as f64)))
    }

    /// Fails while fewer bytes than this are free; replaces the default of 5 %.
    ///
    /// It must be at most the limit that warns.
    pub fn fail_below_bytes(self, bytes: u64) -> Self {
        Self(self.0.with(|disk| disk.bytes.fail = Some(bytes as f64)))
    }
}

host_indicator!(DiskIndicator);

impl Disk {
    /// With the defaults that no limit in bytes has replaced.
    fn percent(&self) -> Limits {
        let default = |bytes: Option<f64>, percent| bytes.is_none().then_some(percent);
        let mut limits = self.percent;
        limits.warn = limits.warn.or(default(self.bytes.warn, 10.0));
        limits.fail = limits.fail.or(default(self.bytes.fail, 5.0));
        limits
    }
}

impl Measure for Disk {
    fn measure(&self) -> CheckResult {
        let path = self.path.display();
        let space = match space(&self.path) {
            Ok(Some(space)) => space,
            Ok(None) => return Ok(note("this file system has no size")),
            Err(error) => return Err(format!("{path} cannot be read: {error}").into()),
        };
        let free_percent = space.free / space.total * 100.0;
        let (free, total) = (size(space.free), size(space.total));

        let mut findings = Findings::default();
        findings.reading("utilization", rounded(100.0 - free_percent), "percent");
        findings.reading("free", space.free as u64, "bytes");
        findings.limit(self.percent().compare(free_percent), |limit| {
            format!("{path} has {free_percent:.1} % free ({free} of {total}), less than {limit} %")
        });
        findings.limit(self.bytes.compare(space.free), |limit| {
            let limit = size(limit);
            format!("{path} has {free} free ({free_percent:.1} % of {total}), less than {limit}")
        });
        findings.result()
    }

    fn config_error(&self) -> Option<String> {
        config::join([
            self.path_fault.clone(),
            self.percent().config_error(),
            self.bytes.config_error(),
        ])
    }
}

/// In bytes, as far as an unprivileged process can use them.
struct Space {
    free: f64,
    total: f64,
}

/// `None` if the file system has no size.
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
