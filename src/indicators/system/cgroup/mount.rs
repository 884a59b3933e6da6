//! Where the hierarchies of cgroups are mounted.

use std::path::{Component, Path, PathBuf};

/// A line of `/proc/self/mountinfo`; see proc_pid_mountinfo(5).
pub(super) struct Mount<'a> {
    /// The cgroup that is mounted at `point`.
    root: &'a str,
    point: String,
    pub(super) kind: &'a str,
    pub(super) options: &'a str,
}

impl<'a> Mount<'a> {
    pub(super) fn parse(line: &'a str) -> Option<Self> {
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

    pub(super) fn directories(&self, root: &Path, cgroup: &str) -> Vec<PathBuf> {
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
