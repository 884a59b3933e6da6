//! Which cgroup limits the processor, and how it is used.

use super::*;

#[test]
fn the_quotas_of_processor_time_are_found() {
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
            Some(1.5),
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
            Some(0.5),
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
            Some(2.0),
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
            Some(0.5),
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
        let quota = case.cpu().map(|cpu| cpu.quota);
        assert_eq!(quota, expected, "{}", case.name);
    }
}

/// Half a core for ten minutes, in each version: what is used, and periods that are throttled.
#[test]
fn use_and_throttling_are_averages_of_a_minute() {
    let v1 = Case {
        cgroups: "2:cpuacct:/\n1:cpu:/\n",
        mounts: HYBRID,
        files: &[
            ("cpu/cpu.cfs_quota_us", "50000\n"),
            ("cpu/cpu.cfs_period_us", "100000\n"),
        ],
        ..CONTAINER
    };
    let v2 = Case {
        files: &[("cpu.max", "50000 100000\n")],
        ..CONTAINER
    };
    for (case, stat, usage) in [
        (v1, "cpu/cpu.stat", Some("cpuacct/cpuacct.usage")),
        (v2, "cpu.stat", None),
    ] {
        let tree = case.tree();
        let mut groups = Groups::<CpuGroup>::new(tree.path());
        let start = Instant::now();
        let mut seen = Vec::new();
        // 39 % of the quota, and 27 of 100 periods, as a burst of threads now and then makes it.
        for second in (0..=600).step_by(5) {
            let used = second * 195_000;
            let stats = format!(
                "usage_usec {used}\nnr_periods {}\nnr_throttled {}\nthrottled_usec 1\n",
                second * 10,
                second * 27 / 10
            );
            write(&tree, &format!("sys/fs/cgroup/{stat}"), &stats);
            if let Some(usage) = usage {
                let used = format!("{}\n", used * 1_000);
                write(&tree, &format!("sys/fs/cgroup/{usage}"), &used);
            }
            let group = &mut groups.now().unwrap()[0];
            seen.push(
                group
                    .read(start + Duration::from_secs(second))
                    .unwrap()
                    .unwrap(),
            );
        }
        let CpuUse {
            quota,
            used,
            throttled,
        } = seen[0];
        assert_eq!((quota, used, throttled), (0.5, 0.0, 0.0), "{stat}");
        let CpuUse {
            used, throttled, ..
        } = *seen.last().unwrap();
        assert!((used - 39.0).abs() < 0.1, "{stat}: {used}");
        assert!((throttled - 27.0).abs() < 0.5, "{stat}: {throttled}");
    }
}
