//! Cgroup trees as hosts and containers see them, as files in a directory.

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

/// A file system with these files, each with its text.
fn tree(files: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join("sys/fs/cgroup").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

struct Case {
    name: &'static str,
    cgroups: &'static str,
    mounts: &'static str,
    files: &'static [(&'static str, &'static str)],
}

impl Case {
    fn read<T>(&self, read: impl FnOnce(&Hierarchies) -> T) -> T {
        let tree = tree(self.files);
        read(&Hierarchies {
            root: tree.path().to_path_buf(),
            cgroups: self.cgroups.to_owned(),
            mounts: self.mounts.to_owned(),
        })
    }
}

#[test]
fn the_memory_of_the_cgroup_that_is_nearest_to_its_limit_is_found() {
    let found = |used, limit| Some(Memory { used, limit });
    let cases = [
        (
            Case {
                name: "v2 in a container: the path is that of its own namespace",
                cgroups: "0::/\n",
                mounts: V2,
                files: &[
                    ("memory.max", "1000\n"),
                    ("memory.current", "700\n"),
                    (
                        "memory.stat",
                        "anon 500\ninactive_file 150\nactive_file 50\n",
                    ),
                ],
            },
            found(550, 1000),
        ),
        (
            Case {
                name: "v2 without memory.stat",
                cgroups: "0::/\n",
                mounts: V2,
                files: &[("memory.max", "1000\n"), ("memory.current", "700\n")],
            },
            found(700, 1000),
        ),
        (
            Case {
                name: "v2 without a limit",
                cgroups: "0::/user.slice\n",
                mounts: V2,
                files: &[
                    ("user.slice/memory.max", "max\n"),
                    ("user.slice/memory.current", "700\n"),
                ],
            },
            None,
        ),
        (
            Case {
                name: "v2, nested: the limit is that of the slice above",
                cgroups: "0::/app.slice/app.service\n",
                mounts: V2,
                files: &[
                    ("app.slice/memory.max", "1000\n"),
                    ("app.slice/memory.current", "900\n"),
                    ("app.slice/app.service/memory.max", "max\n"),
                    ("app.slice/app.service/memory.current", "100\n"),
                ],
            },
            found(900, 1000),
        ),
        (
            Case {
                name: "v2, nested: the controller is not enabled further down",
                cgroups: "0::/app.slice/app.service\n",
                mounts: V2,
                files: &[
                    ("app.slice/memory.max", "1000\n"),
                    ("app.slice/memory.current", "900\n"),
                    ("app.slice/app.service/cgroup.procs", ""),
                ],
            },
            found(900, 1000),
        ),
        (
            Case {
                name: "v2, nested: both have limits, and its own is nearer",
                cgroups: "0::/app.slice/app.service\n",
                mounts: V2,
                files: &[
                    ("app.slice/memory.max", "1000\n"),
                    ("app.slice/memory.current", "600\n"),
                    ("app.slice/app.service/memory.max", "200\n"),
                    ("app.slice/app.service/memory.current", "190\n"),
                ],
            },
            found(190, 200),
        ),
        (
            Case {
                name: "v1 on a host",
                cgroups: "4:memory:/app\n1:cpu,cpuacct:/\n",
                mounts: V1,
                files: &[
                    ("memory/app/memory.limit_in_bytes", "1000\n"),
                    ("memory/app/memory.usage_in_bytes", "800\n"),
                    (
                        "memory/app/memory.stat",
                        "inactive_file 1\ntotal_inactive_file 200\n",
                    ),
                    ("memory/memory.limit_in_bytes", "9223372036854771712\n"),
                    ("memory/memory.usage_in_bytes", "5000\n"),
                ],
            },
            found(600, 1000),
        ),
        (
            Case {
                name: "v1 without a limit",
                cgroups: "4:memory:/\n",
                mounts: V1,
                files: &[
                    ("memory/memory.limit_in_bytes", "9223372036854771712\n"),
                    ("memory/memory.usage_in_bytes", "5000\n"),
                ],
            },
            None,
        ),
        (
            Case {
                name: "v1 in a container that sees the names of the host",
                cgroups: "4:memory:/docker/f00\n",
                mounts: V1_CONTAINER,
                files: &[
                    ("memory/memory.limit_in_bytes", "1000\n"),
                    ("memory/memory.usage_in_bytes", "800\n"),
                ],
            },
            found(800, 1000),
        ),
        (
            Case {
                name: "a path that is not mounted here: what is mounted counts",
                cgroups: "0::/kubepods/pod7/f00\n",
                mounts: V2,
                files: &[("memory.max", "1000\n"), ("memory.current", "700\n")],
            },
            found(700, 1000),
        ),
        (
            Case {
                name: "a path outside of the namespace: what is mounted counts",
                cgroups: "0::/../other\n",
                mounts: V2,
                files: &[
                    ("memory.max", "1000\n"),
                    ("memory.current", "700\n"),
                    ("../other/memory.max", "1\n"),
                    ("../other/memory.current", "1\n"),
                ],
            },
            found(700, 1000),
        ),
        (
            Case {
                name: "hybrid: the controller is in v1",
                cgroups: "4:memory:/app\n0::/init.scope\n",
                mounts: HYBRID,
                files: &[
                    ("memory/app/memory.limit_in_bytes", "1000\n"),
                    ("memory/app/memory.usage_in_bytes", "800\n"),
                    ("unified/init.scope/cgroup.procs", ""),
                ],
            },
            found(800, 1000),
        ),
        (
            Case {
                name: "a limit of 0, which allows nothing and divides by nothing",
                cgroups: "0::/\n",
                mounts: V2,
                files: &[("memory.max", "0\n"), ("memory.current", "700\n")],
            },
            None,
        ),
        (
            Case {
                name: "garbage",
                cgroups: "0::/\n::\nx\n",
                mounts: V2,
                files: &[("memory.max", "lots\n"), ("memory.current", "\n")],
            },
            None,
        ),
        (
            Case {
                name: "nothing is mounted",
                cgroups: "0::/\n",
                mounts: "",
                files: &[],
            },
            None,
        ),
        (
            Case {
                name: "no /proc",
                cgroups: "",
                mounts: "",
                files: &[],
            },
            None,
        ),
    ];
    for (case, expected) in cases {
        assert_eq!(case.read(Hierarchies::memory), expected, "{}", case.name);
    }
}

#[test]
fn the_smallest_quota_of_processor_time_is_found_and_what_was_used_of_it() {
    let found = |quota, micros| {
        let used = Duration::from_micros(micros);
        Some(CpuTime { quota, used })
    };
    let cases = [
        (
            Case {
                name: "v2",
                cgroups: "0::/\n",
                mounts: V2,
                files: &[
                    ("cpu.max", "150000 100000\n"),
                    (
                        "cpu.stat",
                        "usage_usec 7000\nuser_usec 6000\nsystem_usec 1000\n",
                    ),
                ],
            },
            found(1.5, 7000),
        ),
        (
            Case {
                name: "v2 without a quota",
                cgroups: "0::/\n",
                mounts: V2,
                files: &[("cpu.max", "max 100000\n"), ("cpu.stat", "usage_usec 7\n")],
            },
            None,
        ),
        (
            Case {
                name: "v2, nested: the slice above has the smaller one",
                cgroups: "0::/app.slice/app.service\n",
                mounts: V2,
                files: &[
                    ("app.slice/cpu.max", "50000 100000\n"),
                    ("app.slice/cpu.stat", "usage_usec 9000\n"),
                    ("app.slice/app.service/cpu.max", "100000 100000\n"),
                    ("app.slice/app.service/cpu.stat", "usage_usec 7000\n"),
                ],
            },
            found(0.5, 9000),
        ),
        (
            Case {
                name: "v1, mounted together",
                cgroups: "1:cpu,cpuacct:/app\n",
                mounts: V1,
                files: &[
                    ("cpu,cpuacct/app/cpu.cfs_quota_us", "200000\n"),
                    ("cpu,cpuacct/app/cpu.cfs_period_us", "100000\n"),
                    ("cpu,cpuacct/app/cpuacct.usage", "7000000\n"),
                ],
            },
            found(2.0, 7000),
        ),
        (
            Case {
                name: "hybrid, mounted one by one",
                cgroups: "2:cpuacct:/app\n1:cpu:/app\n0::/\n",
                mounts: HYBRID,
                files: &[
                    ("cpu/app/cpu.cfs_quota_us", "-1\n"),
                    ("cpu/app/cpu.cfs_period_us", "100000\n"),
                    ("cpu/cpu.cfs_quota_us", "50000\n"),
                    ("cpu/cpu.cfs_period_us", "100000\n"),
                    ("cpuacct/app/cpuacct.usage", "1000\n"),
                    ("cpuacct/cpuacct.usage", "9000000\n"),
                ],
            },
            found(0.5, 9000),
        ),
        (
            Case {
                name: "v1 without a quota",
                cgroups: "1:cpu,cpuacct:/\n",
                mounts: V1,
                files: &[
                    ("cpu,cpuacct/cpu.cfs_quota_us", "-1\n"),
                    ("cpu,cpuacct/cpu.cfs_period_us", "100000\n"),
                ],
            },
            None,
        ),
        (
            Case {
                name: "a period of 0",
                cgroups: "0::/\n",
                mounts: V2,
                files: &[("cpu.max", "50000 0\n"), ("cpu.stat", "usage_usec 7\n")],
            },
            None,
        ),
        (
            Case {
                name: "nothing is there",
                cgroups: "0::/\n",
                mounts: V2,
                files: &[],
            },
            None,
        ),
    ];
    for (case, expected) in cases {
        assert_eq!(case.read(Hierarchies::cpu), expected, "{}", case.name);
    }
}
