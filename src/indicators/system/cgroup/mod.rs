//! The limits of the cgroup of a process, v1 or v2, and of the cgroups above it.
//!
//! Sources: cgroups(7); `Documentation/admin-guide/cgroup-v2.rst`, `cgroup-v1/memory.rst` and
//! `scheduler/sched-bwc.rst` of Linux.

mod cpu;
mod memory;
mod mount;
mod pressure;

use std::io;
use std::path::{Path, PathBuf};

pub(super) use self::cpu::{CpuGroup, CpuUse};
pub(super) use self::memory::{MemoryGroup, MemoryUse};
use self::mount::Mount;
pub(super) use self::pressure::{PressureFile, Resource};
use super::kernel_file::KernelFile;

/// The cgroup of the process and those above it, as far as they are mounted, for one purpose.
#[derive(Debug)]
pub(super) struct Groups<G> {
    /// Prefix of every path: `/`, except in tests.
    root: PathBuf,
    membership: KernelFile,
    /// What `membership` said when the groups were found.
    found_for: String,
    groups: Vec<G>,
}

/// What is kept of a cgroup, from the one of the process upwards.
pub(super) trait Group: Sized {
    fn find(hierarchies: &Hierarchies) -> Vec<Self>;
}

impl<G: Group> Groups<G> {
    pub(super) fn new(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
            membership: KernelFile::new(root.join("proc/self/cgroup")),
            found_for: String::new(),
            groups: Vec::new(),
        }
    }

    /// Looks for them again if the process was moved. Without `/proc` there are none.
    pub(super) fn now(&mut self) -> io::Result<&mut [G]> {
        let cgroups = self.membership.read_if_there()?.unwrap_or_default();
        if cgroups != self.found_for {
            let mut mounts = KernelFile::new(self.root.join("proc/self/mountinfo"));
            let hierarchies = Hierarchies {
                root: self.root.clone(),
                mounts: mounts.read_if_there()?.unwrap_or_default(),
                cgroups,
            };
            self.groups = G::find(&hierarchies);
            self.found_for = hierarchies.cgroups;
        }
        Ok(&mut self.groups)
    }
}

/// Where the hierarchies of a process are mounted.
pub(super) struct Hierarchies {
    root: PathBuf,
    /// Text of `/proc/self/cgroup`.
    cgroups: String,
    /// Text of `/proc/self/mountinfo`.
    mounts: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Version {
    V1,
    V2,
}

/// The cgroup of the process, then the cgroups above it, as far as they are mounted.
#[derive(Debug, PartialEq)]
struct Lineage {
    version: Version,
    directories: Vec<PathBuf>,
}

impl Hierarchies {
    /// A controller belongs to a v1 hierarchy if one names it, else to the v2 hierarchy.
    fn lineage(&self, controller: &str) -> Option<Lineage> {
        let in_v1 = self.cgroup(|controllers| controllers.split(',').any(|one| one == controller));
        let (version, cgroup) = match in_v1 {
            Some(cgroup) => (Version::V1, cgroup),
            None => (Version::V2, self.cgroup(str::is_empty)?),
        };
        self.mounted(version, controller, cgroup)
    }

    /// In the v2 hierarchy, whether or not it has controllers.
    fn unified(&self) -> Option<Lineage> {
        self.mounted(Version::V2, "", self.cgroup(str::is_empty)?)
    }

    fn mounted(&self, version: Version, controller: &str, cgroup: &str) -> Option<Lineage> {
        let mut mounts = self.mounts.lines().filter_map(Mount::parse);
        let mount = mounts.find(|mount| match version {
            Version::V1 => {
                mount.kind == "cgroup" && mount.options.split(',').any(|one| one == controller)
            }
            Version::V2 => mount.kind == "cgroup2",
        })?;
        let directories = mount.directories(&self.root, cgroup);
        Some(Lineage {
            version,
            directories,
        })
    }

    /// The path of the first line with the wanted controllers, as in `4:memory:/docker/f00` or
    /// `0::/`.
    fn cgroup(&self, is_wanted: impl Fn(&str) -> bool) -> Option<&str> {
        self.cgroups.lines().find_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            let (controllers, path) = (fields.next()?, fields.next()?);
            is_wanted(controllers).then_some(path)
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests end where they go wrong")]
mod tests;
