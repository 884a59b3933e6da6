//! The free space and inodes of a file system, and whether it is there and can be written to.

mod verdict;
mod volume;

use std::path::PathBuf;

use super::{Host, Measure, host_indicator, note};
use crate::CheckResult;
use crate::indicators::shared::config;
use crate::indicators::shared::limits::Limits;

/// Checks whether the file system of a path can be written to: its free space and inodes, as an
/// unprivileged process sees them, and whether it is mounted read-only or not at all.
///
/// The path is that of the volume to which the service writes. In a container `/` is not: with
/// `readOnlyRootFilesystem: true` of Kubernetes, or `docker run --read-only`, it is read-only for ever,
/// and so this check fails for ever.
///
/// ```no_run
/// use tower_health::Health;
/// use tower_health::indicators::DiskIndicator;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let disk = DiskIndicator::new("disk", "/var/lib/shop")
///     .must_be_mount_point()
///     .warn_below_bytes(2 << 30)
///     .fail_below_bytes(1 << 30);
/// let health = Health::builder().readiness(disk).start()?;
/// health.await_ready().await?;
/// # Ok(())
/// # }
/// ```
///
/// # What it sends
///
/// Nothing, unless the file system is on the network: then a run costs its server at most one small
/// request, so that 500 instances cost it 100 in a second. A run is one `statvfs` call on the
/// blocking pool, and one `statx` call with [`must_be_mount_point`](Self::must_be_mount_point).
/// Neither needs a file descriptor. If a network file system hangs, the call does not return: the
/// run fails at its timeout, and later runs fail with "previous run still going" instead of blocking
/// another thread.
///
/// # Verdicts
///
/// - It fails if the path cannot be read or no longer exists; if the file system is mounted
///   read-only, as some file systems are after an error of their disk, unless it is meant to be
///   ([`read_only`](Self::read_only)); and if nothing is mounted at a path that must be a mount
///   point.
/// - It fails below 5 % of the space or of the inodes, and warns below 10 %, unless 10 GB and 20 GB
///   or 500,000 and 1,000,000 inodes are still free. A limit in bytes replaces the default of the
///   same severity; if you set limits in bytes and in percent, both apply.
/// - It passes otherwise, and with a note for a file system without a size, such as `/proc`, and on
///   a platform without `statvfs`. A file system without a number of inodes, such as btrfs, is
///   judged by its space alone.
///
/// # What it cannot see
///
/// A file system that refuses writes for another reason: a quota of the user, missing permissions, a
/// failed disk whose file system is not marked as read-only. Without
/// [`must_be_mount_point`](Self::must_be_mount_point) a volume that is not mounted: the path then
/// belongs to the file system above it, which is well.
///
/// # Defaults
///
/// Not critical, component type `system`, TTL 5 s; the timeout is that of the
/// [`HealthConfig`](crate::HealthConfig). Readings: `utilization` in `percent`, the same as `Use%`
/// of `df`, `free` in `bytes`, and `freeInodes` in `inodes`, if the file system counts them.
///
/// The default limits mean that writes are about to fail. On a small disk a share says so; on a
/// large one 5 % can be terabytes, which is why a number counts there, too.
#[must_use = "an indicator does nothing until it is registered"]
pub struct DiskIndicator(Host<Disk>);

#[derive(Clone, Debug)]
struct Disk {
    path: PathBuf,
    /// `Some` if the path could not be read at construction.
    path_fault: Option<String>,
    must_be_mount_point: bool,
    is_meant_read_only: bool,
    percent: Limits,
    bytes: Limits,
    inodes_percent: Limits,
}

impl DiskIndicator {
    /// Creates an indicator for the file system of this path.
    ///
    /// It reads the file system once, at once and blocking. `start()` reports a path that is empty
    /// or cannot be read.
    pub fn new(name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let path_fault = match volume::look(&path) {
            _ if path.as_os_str().is_empty() => Some("path is empty".to_owned()),
            Err(error) => Some(format!("path {} cannot be read: {error}", path.display())),
            Ok(_) => None,
        };
        let inodes = ["warn_below_inodes_percent", "fail_below_inodes_percent"];
        let disk = Disk {
            path,
            path_fault,
            must_be_mount_point: false,
            is_meant_read_only: false,
            percent: Limits::below(["warn_below_percent", "fail_below_percent"], 100.0),
            bytes: Limits::below(["warn_below_bytes", "fail_below_bytes"], f64::INFINITY),
            inodes_percent: Limits::below(inodes, 100.0),
        };
        Self(Host::new(name.into(), disk))
    }

    /// Fails while no file system is mounted at the path itself.
    ///
    /// For a volume: while it is not mounted, its path is an empty directory of another disk. It
    /// need not be mounted yet when the indicator is created. On platforms other than Unix every
    /// path counts as a mount point.
    pub fn must_be_mount_point(self) -> Self {
        Self(self.0.with(|disk| disk.must_be_mount_point = true))
    }

    /// For a volume that is meant to be read-only: this is no failure then, and how much of it is
    /// free has no default limits.
    pub fn read_only(self) -> Self {
        Self(self.0.with(|disk| disk.is_meant_read_only = true))
    }

    /// Warns while less than this share is free, in percent of the space that an unprivileged
    /// process can use. Default: 10, while less than 20 GB are free.
    ///
    /// The range is above 0 to 100.
    pub fn warn_below_percent(self, percent: f64) -> Self {
        Self(self.0.with(|disk| disk.percent.warn = Some(percent)))
    }

    /// Fails while less than this share is free, in percent. Default: 5, while less than 10 GB are
    /// free.
    ///
    /// The range is above 0 to 100, and at most the limit that warns.
    pub fn fail_below_percent(self, percent: f64) -> Self {
        Self(self.0.with(|disk| disk.percent.fail = Some(percent)))
    }

    /// Warns while fewer bytes than this are free; replaces the default of 10 %.
    ///
    /// It must be above 0.
    pub fn warn_below_bytes(self, bytes: u64) -> Self {
        Self(self.0.with(|disk| disk.bytes.warn = Some(bytes as f64)))
    }

    /// Fails while fewer bytes than this are free; replaces the default of 5 %.
    ///
    /// It must be above 0 and at most the limit that warns.
    pub fn fail_below_bytes(self, bytes: u64) -> Self {
        Self(self.0.with(|disk| disk.bytes.fail = Some(bytes as f64)))
    }

    /// Warns while less than this share of the inodes is free, in percent: each file and directory
    /// needs one. Default: 10, while fewer than 1,000,000 are free.
    ///
    /// The range is above 0 to 100.
    pub fn warn_below_inodes_percent(self, percent: f64) -> Self {
        Self(self.0.with(|disk| disk.inodes_percent.warn = Some(percent)))
    }

    /// Fails while less than this share of the inodes is free, in percent. Default: 5, while fewer
    /// than 500,000 are free.
    ///
    /// The range is above 0 to 100, and at most the limit that warns.
    pub fn fail_below_inodes_percent(self, percent: f64) -> Self {
        Self(self.0.with(|disk| disk.inodes_percent.fail = Some(percent)))
    }
}

host_indicator!(DiskIndicator);

impl Measure for Disk {
    fn measure(&self) -> CheckResult {
        let path = self.path.display();
        let volume = match volume::look(&self.path) {
            Ok(volume) => volume,
            Err(error) => return Err(format!("{path} cannot be read: {error}").into()),
        };
        // What the path belongs to instead says nothing about the volume.
        if self.must_be_mount_point && !volume::is_mount_point(&self.path)? {
            return Err(format!("{path} is not a mount point: nothing is mounted there").into());
        }
        match volume.space {
            None if !volume.is_read_only => Ok(note("this file system has no size")),
            _ => self.judge(&volume),
        }
    }

    fn config_error(&self) -> Option<String> {
        config::join([
            self.path_fault.clone(),
            self.space_percent(0.0).config_error(),
            self.bytes.config_error(),
            self.inodes_percent(0.0).config_error(),
        ])
    }
}
