//! The limits of the cgroup of a process, v1 or v2, and of the cgroups above it.
//!
//! Sources: cgroups(7); `Documentation/admin-guide/cgroup-v2.rst` and `cgroup-v1/memory.rst` of
//! Linux.

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

/// A limit of v1 from this number on means no limit: the file has `i64::MAX`, rounded to a page.
const NO_LIMIT: u64 = 1 << 60;

/// Where the hierarchies of a process are mounted.
pub(super) struct Hierarchies {
    /// Prefix of every mount point: `/`, except in tests.
    root: PathBuf,
    /// Text of `/proc/self/cgroup`.
    cgroups: String,
    /// Text of `/proc/self/mountinfo`.
    mounts: String,
}

/// The memory of a cgroup with a limit, in bytes.
#[derive(Debug, PartialEq)]
pub(super) struct Memory {
    pub(super) used: u64,
    pub(super) limit: u64,
}

/// The processor time of a cgroup with a quota.
#[derive(Debug, PartialEq)]
pub(super) struct CpuTime {
    /// In cores.
    pub(super) quota: f64,
    /// Since the cgroup was created.
    pub(super) used: Duration,
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
    /// Without `/proc` the result has no hierarchy.
    pub(super) fn of_this_process() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        Self {
            root: PathBuf::from("/"),
            cgroups: read("/proc/self/cgroup"),
            mounts: read("/proc/self/mountinfo"),
        }
    }

    /// The memory of the cgroup that is closest to its limit. `None` if no cgroup has a limit.
    pub(super) fn memory(&self) -> Option<Memory> {
        let lineage = self.lineage("memory")?;
        let memories = lineage.directories.iter();
        let memories = memories.filter_map(|directory| memory_of(directory, lineage.version));
        let share = |memory: &Memory| memory.used as f64 / memory.limit as f64;
        memories.max_by(|a, b| share(a).total_cmp(&share(b)))
    }

    /// The processor time of the cgroup with the smallest quota. `None` if no cgroup has a quota.
    pub(super) fn cpu(&self) -> Option<CpuTime> {
        let lineage = self.lineage("cpu")?;
        let quotas = lineage.directories.iter().enumerate();
        let quotas = quotas
            .filter_map(|(level, directory)| Some((level, quota_of(directory, lineage.version)?)));
        let (level, quota) = quotas.min_by(|(_, a), (_, b)| a.total_cmp(b))?;
        let used = match lineage.version {
            Version::V2 => {
                let stat = fs::read_to_string(lineage.directories[level].join("cpu.stat")).ok()?;
                Duration::from_micros(field(&stat, "usage_usec")?)
            }
            // Often mounted together with `cpu`, but not always.
            Version::V1 => {
                let accounts = self.lineage("cpuacct")?;
                let directory = accounts.directories.get(level)?;
                Duration::from_nanos(number(&directory.join("cpuacct.usage"))?)
            }
        };
        Some(CpuTime { quota, used })
    }

    /// A controller belongs to a v1 hierarchy if one names it, else to the v2 hierarchy.
    fn lineage(&self, controller: &str) -> Option<Lineage> {
        let in_v1 = self.cgroup(|controllers| controllers.split(',').any(|one| one == controller));
        let (version, cgroup) = match in_v1 {
            Some(cgroup) => (Version::V1, cgroup),
            None => (Version::V2, self.cgroup(str::is_empty)?),
        };
        let mount = self
            .mounts
            .lines()
            .filter_map(Mount::parse)
            .find(|mount| match version {
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

/// A line of `/proc/self/mountinfo`; see proc_pid_mountinfo(5).
struct Mount<'a> {
    /// The cgroup that is mounted at `point`.
    root: &'a str,
    point: String,
    kind: &'a str,
    options: &'a str,
}

impl<'a> Mount<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (mount, file_system) = line.split_once(" - ")?;
        let mut mount = mount.split(' ').skip(3);
        let (root, point) = (mount.next()?, mount.next()?);
        let mut file_system = file_system.split(' ');
        Some(Self {
            root,
            // The only escape that occurs in practice.
            point: point.replace("\\040", " "),
            kind: file_system.next()?,
            options: file_system.nth(1)?,
        })
    }

    fn directories(&self, root: &Path, cgroup: &str) -> Vec<PathBuf> {
        let point = root.join(self.point.trim_start_matches('/'));
        // In a container the path may not be mounted: it is that of the host, or outside of the
        // container's namespace. The mount point itself is then all that is visible.
        let below = Path::new(cgroup).strip_prefix(self.root).ok();
        let below =
            below.filter(|below| below.components().all(|part| part != Component::ParentDir));
        let own = below.map_or_else(|| point.clone(), |below| point.join(below));
        let up = own
            .ancestors()
            .take_while(|above| above.starts_with(&point));
        up.map(Path::to_path_buf).collect()
    }
}

fn memory_of(directory: &Path, version: Version) -> Option<Memory> {
    let (limit, used, idle) = match version {
        Version::V1 => (
            "memory.limit_in_bytes",
            "memory.usage_in_bytes",
            "total_inactive_file",
        ),
        Version::V2 => ("memory.max", "memory.current", "inactive_file"),
    };
    let limit = number(&directory.join(limit)).filter(|limit| (1..NO_LIMIT).contains(limit))?;
    let used = number(&directory.join(used))?;
    let stat = fs::read_to_string(directory.join("memory.stat")).unwrap_or_default();
    let used = used.saturating_sub(field(&stat, idle).unwrap_or(0));
    Some(Memory { used, limit })
}

/// In cores.
fn quota_of(directory: &Path, version: Version) -> Option<f64> {
    let (quota, period) = match version {
        Version::V1 => {
            let read = |file| number(&directory.join(file));
            (read("cpu.cfs_quota_us")?, read("cpu.cfs_period_us")?)
        }
        Version::V2 => {
            let text = fs::read_to_string(directory.join("cpu.max")).ok()?;
            let (quota, period) = text.trim().split_once(' ')?;
            (quota.parse().ok()?, period.parse().ok()?)
        }
    };
    (quota > 0 && period > 0).then(|| quota as f64 / period as f64)
}

/// The number in a file. `None` for `max`, and for -1, which means the same in v1.
fn number(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// The number after this key in a file of `key number` lines.
fn field(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(' ')?;
        (name == key).then(|| value.trim().parse().ok())?
    })
}

#[cfg(test)]
#[path = "cgroup_tests.rs"]
mod tests;
