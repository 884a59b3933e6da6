//! What counts as used memory, and swap.

use super::*;

#[test]
fn memory_that_the_kernel_can_take_back_does_not_count() {
    let v2 = "anon 300\nfile 900\nkernel 90\nkernel_stack 10\nshmem 40\nsock 5\n\
              active_file 800\ninactive_file 60\nslab_reclaimable 70\nslab_unreclaimable 8\n";
    let before_5_18 = "anon 300\nfile 900\nkernel_stack 10\npagetables 20\npercpu 3\nshmem 40\n\
                       sock 5\nactive_file 860\nslab_reclaimable 70\nslab_unreclaimable 8\n";
    for (name, stat, used) in [
        ("v2", v2, 300 + 40 + 5 + 20),
        (
            "v2 before Linux 5.18",
            before_5_18,
            300 + 40 + 5 + 10 + 20 + 3 + 8,
        ),
    ] {
        let tree = CONTAINER.tree();
        write(&tree, "sys/fs/cgroup/memory.max", "1000\n");
        write(&tree, "sys/fs/cgroup/memory.current", "999\n");
        write(&tree, "sys/fs/cgroup/memory.stat", stat);
        let found = nearest(&mut Groups::new(tree.path()), 0);
        assert_eq!(found, Some(MemoryUse { used, limit: 1000 }), "{name}");
    }
    let tree = Case {
        name: "v1",
        cgroups: "4:memory:/\n",
        mounts: V1,
        files: &[
            ("memory/memory.limit_in_bytes", "1000\n"),
            ("memory/memory.usage_in_bytes", "999\n"),
            (
                "memory/memory.stat",
                "total_rss 300\ntotal_shmem 40\ntotal_active_file 600\n",
            ),
        ],
    };
    let found = tree.memory(0);
    assert_eq!(
        found,
        Some(MemoryUse {
            used: 340,
            limit: 1000
        })
    );
}

#[test]
fn swap_that_the_cgroup_may_use_adds_to_its_limit() {
    for (name, files, free, limit) in [
        (
            "no limit of swap",
            &[("memory.swap.max", "max\n")][..],
            400,
            1400,
        ),
        ("no swap is accounted", &[], 400, 1400),
        (
            "the machine has none",
            &[("memory.swap.max", "max\n")],
            0,
            1000,
        ),
        (
            "most of its own is used",
            &[
                ("memory.swap.max", "300\n"),
                ("memory.swap.current", "250\n"),
            ],
            400,
            1050,
        ),
        ("it may use none", &[("memory.swap.max", "0\n")], 400, 1000),
    ] {
        let tree = CONTAINER.tree();
        let files = files.iter().copied();
        for (file, text) in files.chain([("memory.max", "1000\n"), ("memory.stat", "anon 9\n")]) {
            write(&tree, &format!("sys/fs/cgroup/{file}"), text);
        }
        let found = nearest(&mut Groups::new(tree.path()), free);
        assert_eq!(found, Some(MemoryUse { used: 9, limit }), "{name}");
    }
    let v1 = Case {
        name: "v1",
        cgroups: "4:memory:/\n",
        mounts: V1,
        files: &[
            ("memory/memory.limit_in_bytes", "1000\n"),
            ("memory/memory.memsw.limit_in_bytes", "1300\n"),
            ("memory/memory.stat", "total_rss 9\ntotal_swap 200\n"),
        ],
    };
    assert_eq!(
        v1.memory(400),
        Some(MemoryUse {
            used: 9,
            limit: 1100
        })
    );
}
