//! What the kernel tells of a file system.

use std::io;
use std::path::Path;

/// A file system as an unprivileged process sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Volume {
    /// In bytes. `None` if the file system has no size.
    pub(super) space: Option<Amount>,
    /// `None` if the file system does not count them in advance.
    pub(super) inodes: Option<Amount>,
    pub(super) is_read_only: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Amount {
    pub(super) free: f64,
    pub(super) total: f64,
}

impl Amount {
    pub(super) fn free_percent(&self) -> f64 {
        self.free / self.total * 100.0
    }
}

#[cfg(unix)]
pub(super) fn look(path: &Path) -> io::Result<Volume> {
    use rustix::fs::{StatVfsMountFlags, statvfs};

    // What is reserved for root is neither free nor part of the total.
    let amount = |total: u64, free: u64, available: u64, unit: u64| {
        let total = total.saturating_sub(free).saturating_add(available);
        (total > 0).then_some(Amount {
            free: available as f64 * unit as f64,
            total: total as f64 * unit as f64,
        })
    };
    let stat = statvfs(path)?;
    Ok(Volume {
        space: amount(stat.f_blocks, stat.f_bfree, stat.f_bavail, stat.f_frsize),
        inodes: amount(stat.f_files, stat.f_ffree, stat.f_favail, 1),
        is_read_only: stat.f_flag.contains(StatVfsMountFlags::RDONLY),
    })
}

#[cfg(not(unix))]
pub(super) fn look(path: &Path) -> io::Result<Volume> {
    path.metadata().map(|_| Volume {
        space: None,
        inodes: None,
        is_read_only: false,
    })
}

/// Whether a file system is mounted there. A path on another platform than Unix counts as one.
#[cfg(unix)]
pub(super) fn is_mount_point(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;

    #[cfg(target_os = "linux")]
    if let Some(is_mount_point) = is_root_of_mount(path) {
        return Ok(is_mount_point);
    }
    let (own, above) = (path.metadata()?, path.join("..").metadata()?);
    // Only the root of all is its own parent.
    Ok(own.dev() != above.dev() || own.ino() == above.ino())
}

/// Knows bind mounts within one file system as well. `None` before Linux 5.8, and for a path that
/// cannot be looked at.
#[cfg(target_os = "linux")]
fn is_root_of_mount(path: &Path) -> Option<bool> {
    use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};

    let stat = statx(CWD, path, AtFlags::empty(), StatxFlags::empty()).ok()?;
    let is_told = stat
        .stx_attributes_mask
        .contains(StatxAttributes::MOUNT_ROOT);
    is_told.then(|| stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

#[cfg(not(unix))]
pub(super) fn is_mount_point(path: &Path) -> io::Result<bool> {
    path.metadata().map(|_| true)
}
