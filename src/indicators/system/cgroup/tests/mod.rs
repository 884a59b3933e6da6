//! Cgroup trees as hosts and containers see them, as files in a directory.

mod limits;
mod processor;
mod reclaim;

use std::fs;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::*;

const V1: &str = "\
31 23 0:28 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct ro,nosuid - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory ro,nosuid master:11 - cgroup cgroup rw,memory
";
const V2: &str = "\
22 1 254:1 / / rw,relatime - ext4 /dev/vda1 rw
26 22 0:23 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate
";
/// As systemd has it: controllers in v1, and v2 for its own book-keeping.
const HYBRID: &str = "\
31 23 0:28 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755
40 31 0:37 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate
35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu
33 31 0:30 / /sys/fs/cgroup/cpuacct rw - cgroup cgroup rw,cpuacct
";
/// Of a container that sees the host's names: what is mounted is its own cgroup.
const V1_CONTAINER: &str = "\
35 31 0:32 /docker/f00 /sys/fs/cgroup/memory ro,nosuid master:11 - cgroup cgroup rw,memory
32 31 0:29 /docker/f00 /sys/fs/cgroup/cpu,cpuacct ro master:12 - cgroup cgroup rw,cpu,cpuacct
";

struct Case {
    name: &'static str,
    cgroups: &'static str,
    mounts: &'static str,
    files: &'static [(&'static str, &'static str)],
}

impl Case {
    fn tree(&self) -> TempDir {
        let proc = [
            ("proc/self/cgroup".to_owned(), self.cgroups),
            ("proc/self/mountinfo".to_owned(), self.mounts),
        ];
        let groups = self.files.iter();
        let groups = groups.map(|(path, text)| (format!("sys/fs/cgroup/{path}"), *text));
        let root = tempfile::tempdir().unwrap();
        for (path, text) in groups.chain(proc) {
            write(&root, &path, text);
        }
        root
    }

    fn memory(&self, free_swap: u64) -> Option<MemoryUse> {
        nearest(&mut Groups::new(self.tree().path()), free_swap)
    }

    /// Of the smallest quota.
    fn cpu(&self) -> Option<CpuUse> {
        let tree = self.tree();
        let mut groups = Groups::<CpuGroup>::new(tree.path());
        let groups = groups.now().unwrap().iter_mut();
        let quotas = groups.filter_map(|group| group.read(Instant::now()).unwrap());
        quotas.min_by(|a, b| a.quota.total_cmp(&b.quota))
    }
}

fn write(root: &TempDir, path: &str, text: &str) {
    let path = root.path().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// The memory of the cgroup that is nearest to its limit.
fn nearest(groups: &mut Groups<MemoryGroup>, free_swap: u64) -> Option<MemoryUse> {
    let groups = groups.now().unwrap().iter_mut();
    let memories = groups.filter_map(|group| group.read(free_swap).unwrap());
    let share = |memory: &MemoryUse| memory.used as f64 / memory.limit as f64;
    memories.max_by(|a, b| share(a).total_cmp(&share(b)))
}

const CONTAINER: Case = Case {
    name: "v2",
    cgroups: "0::/\n",
    mounts: V2,
    files: &[],
};

#[test]
fn a_process_that_is_moved_is_followed_and_a_limit_that_is_set_later_is_found() {
    let tree = Case {
        files: &[
            ("a/memory.max", "max\n"),
            ("a/memory.stat", "anon 1\n"),
            ("b/memory.max", "200\n"),
            ("b/memory.stat", "anon 2\n"),
        ],
        cgroups: "0::/a\n",
        ..CONTAINER
    };
    let tree = tree.tree();
    let mut groups = Groups::new(tree.path());
    assert_eq!(nearest(&mut groups, 0), None);
    write(&tree, "sys/fs/cgroup/a/memory.max", "100\n");
    assert_eq!(
        nearest(&mut groups, 0),
        Some(MemoryUse {
            used: 1,
            limit: 100
        })
    );
    write(&tree, "proc/self/cgroup", "0::/b\n");
    assert_eq!(
        nearest(&mut groups, 0),
        Some(MemoryUse {
            used: 2,
            limit: 200
        })
    );
}

#[test]
fn the_pressure_is_that_of_the_cgroup_itself_if_the_kernel_measures_it() {
    const CPU: &str = "some avg10=1.00 avg60=12.34 avg300=3.00 total=7\nfull avg10=0.00 avg60=9.00 avg300=0.00 total=0\n";
    const MEMORY: &str = "some avg10=1.00 avg60=50.00 avg300=3.00 total=7\nfull avg10=0.00 avg60=5.60 avg300=0.00 total=0\n";
    let both = &[
        ("app/cpu.pressure", CPU),
        ("app/memory.pressure", MEMORY),
        ("cpu.pressure", "garbage"),
    ];
    for (case, expected) in [
        (
            Case {
                cgroups: "0::/app\n",
                files: both,
                ..CONTAINER
            },
            [Some(12.34), Some(5.6)],
        ),
        (
            Case {
                name: "hybrid: the controllers are in v1, and pressure in v2",
                cgroups: "4:memory:/app\n0::/app\n",
                mounts: HYBRID,
                files: &[
                    ("unified/app/cpu.pressure", CPU),
                    ("unified/app/memory.pressure", MEMORY),
                ],
            },
            [Some(12.34), Some(5.6)],
        ),
        (
            Case {
                files: both,
                ..CONTAINER
            },
            [None, None],
        ),
        (CONTAINER, [None, None]),
    ] {
        let tree = case.tree();
        let mut groups = Groups::<PressureFile>::new(tree.path());
        let group = &mut groups.now().unwrap()[0];
        let read = [Resource::Cpu, Resource::Memory].map(|resource| group.read(resource).unwrap());
        assert_eq!(read, expected, "{}", case.name);
    }
}
