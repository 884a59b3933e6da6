//! Which cgroup limits the memory, wherever hierarchies are mounted.

use super::*;

#[test]
fn the_memory_of_the_cgroup_that_is_nearest_to_its_limit_is_found() {
    let found = |used, limit| Some(MemoryUse { used, limit });
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
                        "anon 500\nfile 200\ninactive_file 150\nactive_file 50\n",
                    ),
                ],
            },
            found(500, 1000),
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
                        "rss 1\ntotal_cache 300\ntotal_rss 500\ntotal_active_file 200\n",
                    ),
                    ("memory/memory.limit_in_bytes", "9223372036854771712\n"),
                    ("memory/memory.usage_in_bytes", "5000\n"),
                ],
            },
            found(500, 1000),
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
        assert_eq!(case.memory(0), expected, "{}", case.name);
    }
}
