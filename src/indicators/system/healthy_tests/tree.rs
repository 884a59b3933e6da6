//! The files that the kernel shows to a service in a container.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::super::{CpuIndicator, cpu, memory};
use crate::CheckResult;

pub(super) const MB: u64 = 1 << 20;
pub(super) const GB: u64 = 1 << 30;

#[derive(Clone, Copy, Debug)]
pub(super) enum Version {
    V1,
    V2,
}

pub(super) const VERSIONS: [Version; 2] = [Version::V1, Version::V2];

/// What a container with a limit of memory and a quota uses.
#[derive(Clone, Copy)]
pub(super) struct Service {
    pub(super) name: &'static str,
    pub(super) limit: u64,
    pub(super) anonymous: u64,
    pub(super) page_cache: u64,
    /// Buffers of sockets, and memory of the kernel that is no cache.
    pub(super) kernel: u64,
    /// Of its quota of two cores, in percent.
    pub(super) used: u64,
    pub(super) throttled: u64,
    /// Of the machine, which has eight cores.
    pub(super) load: u64,
}

impl Service {
    /// As it is so many seconds after its start.
    fn write(&self, root: &Path, version: Version, second: u64) {
        let throttled = ("nr_throttled", second * 10 * self.throttled / 100);
        let periods = ("nr_periods", second * 10);
        let used_usec = second * self.used * 20_000;
        let write = |path: &str, text: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let group = |path: &str, text: &str| write(&format!("sys/fs/cgroup/{path}"), text);
        match version {
            Version::V1 => {
                write(
                    "proc/self/cgroup",
                    "3:memory:/\n2:cpuacct:/\n1:cpu:/\n0::/\n",
                );
                write("proc/self/mountinfo", V1_MOUNTS);
                let stat = fill(V1_MEMORY, &self.memory_of_v1());
                group("memory/memory.stat", &stat);
                group("memory/memory.limit_in_bytes", &self.limit.to_string());
                group("memory/memory.usage_in_bytes", &self.usage().to_string());
                group("cpu/cpu.cfs_quota_us", "200000\n");
                group("cpu/cpu.cfs_period_us", "100000\n");
                group("cpu/cpu.stat", &fill(V1_CPU, &[periods, throttled]));
                group("cpuacct/cpuacct.usage", &(used_usec * 1_000).to_string());
            }
            Version::V2 => {
                write("proc/self/cgroup", "0::/\n");
                write("proc/self/mountinfo", V2_MOUNTS);
                group("memory.stat", &fill(V2_MEMORY, &self.memory_of_v2()));
                group("memory.max", &self.limit.to_string());
                group("memory.current", &self.usage().to_string());
                group("cpu.max", "200000 100000\n");
                let used = ("usage_usec", used_usec);
                group("cpu.stat", &fill(V2_CPU, &[used, periods, throttled]));
            }
        }
        let anonymous = self.anonymous / 1024;
        let process = [
            ("VmSize:", anonymous + GB / 1024),
            ("VmRSS:", anonymous + 2_048),
            ("RssAnon:", anonymous),
        ];
        write("proc/self/status", &fill(PROCESS, &process));
        let machine = "MemTotal: 2147483648 kB\nMemAvailable: 90000 kB\nSwapFree: 0 kB\n";
        write("proc/meminfo", machine);
        let load = format!("{0}.00 {0}.00 {0}.00 9/134 19110\n", self.load);
        write("proc/loadavg", &load);
        write("sys/devices/system/cpu/online", "0-7\n");
    }

    fn usage(&self) -> u64 {
        let all = self.anonymous + self.page_cache + self.kernel + CACHES;
        all.min(self.limit)
    }

    fn memory_of_v1(&self) -> Vec<(&'static str, u64)> {
        let active = self.page_cache * 9 / 10;
        vec![
            ("total_cache", self.page_cache),
            ("total_rss", self.anonymous),
            ("total_inactive_file", self.page_cache - active),
            ("total_active_file", active),
        ]
    }

    fn memory_of_v2(&self) -> Vec<(&'static str, u64)> {
        let (active, sock) = (self.page_cache * 9 / 10, self.kernel / 2);
        vec![
            ("anon", self.anonymous),
            ("file", self.page_cache),
            ("kernel", self.kernel - sock + CACHES),
            ("sock", sock),
            ("inactive_file", self.page_cache - active),
            ("active_file", active),
            ("slab_reclaimable", CACHES),
        ]
    }

    fn tree(&self, version: Version) -> TempDir {
        let root = tempfile::tempdir().unwrap();
        self.write(root.path(), version, 0);
        root
    }

    pub(super) fn memory(&self, version: Version) -> CheckResult {
        memory::measure_below(self.tree(version).path())
    }

    /// After ten minutes.
    pub(super) fn cpu(&self, version: Version, indicator: &CpuIndicator) -> CheckResult {
        let tree = self.tree(version);
        let look = cpu::below(tree.path(), indicator);
        let start = Instant::now();
        let looks = (0..=600).step_by(60).map(|second| {
            self.write(tree.path(), version, second);
            look(start + Duration::from_secs(second))
        });
        looks.last().unwrap()
    }
}

/// Of the kernel, such as those of names of files.
const CACHES: u64 = 20 * MB;

const V1_MEMORY: &str = include_str!("../recorded/v1.memory.stat");
const V1_CPU: &str = include_str!("../recorded/v1.cpu.stat");
const V2_MEMORY: &str = include_str!("../recorded/v2.memory.stat");
const V2_CPU: &str = include_str!("../recorded/v2.cpu.stat");
const PROCESS: &str = include_str!("../recorded/process.status");

const V1_MOUNTS: &str = "\
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
33 31 0:30 / /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
";
const V2_MOUNTS: &str = "\
20 19 0:18 / /sys/fs/cgroup rw,relatime - cgroup2 none rw
";

/// The recorded text with these figures.
fn fill(recorded: &str, figures: &[(&str, u64)]) -> String {
    let lines = recorded.lines().map(|line| {
        let key = line.split_ascii_whitespace().next().unwrap();
        let figure = figures.iter().find(|(name, _)| *name == key);
        figure.map_or(format!("{line}\n"), |(_, figure)| {
            format!("{key} {figure}\n")
        })
    });
    for (name, _) in figures {
        assert!(recorded.contains(name), "{name} was not recorded");
    }
    lines.collect()
}
