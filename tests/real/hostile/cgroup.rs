//! A control group that limits the processor.

use super::process::Service;
use crate::cgroup::Cgroup;

/// A control group that may run for five milliseconds in each tenth of a second.
pub(crate) struct Throttle {
    group: Cgroup,
    /// The file with its limit, and what to write there for none.
    limit: (&'static str, &'static str),
}

impl Throttle {
    pub(crate) fn new(name: &str) -> Result<Self, String> {
        let group = Cgroup::new("cpu", name)?;
        if group.is_v2() {
            group.write("cpu.max", "5000 100000")?;
            let limit = ("cpu.max", "max");
            return Ok(Self { group, limit });
        }
        group.write("cpu.cfs_period_us", "100000")?;
        group.write("cpu.cfs_quota_us", "5000")?;
        let limit = ("cpu.cfs_quota_us", "-1");
        Ok(Self { group, limit })
    }

    pub(super) fn take(&self, service: &Service) {
        self.take_process(service.child.id());
    }

    pub(crate) fn take_process(&self, pid: u32) {
        self.group.take(pid);
    }

    pub(super) fn lift(&self) {
        let (file, none) = self.limit;
        self.group.write(file, none).unwrap();
    }

    /// In how many tenths of a second its processes had to wait.
    pub(crate) fn throttled(&self) -> u64 {
        let stat = self.group.read("cpu.stat");
        let line = |line: &str| line.strip_prefix("nr_throttled ")?.parse().ok();
        stat.lines().find_map(line).unwrap()
    }
}
