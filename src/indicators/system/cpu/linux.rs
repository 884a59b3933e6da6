//! What the kernel tells of the processors, and what is made of it.

use std::io;
use std::path::Path;
use std::sync::PoisonError;
use std::thread::available_parallelism;
use std::time::Instant;

use super::super::cgroup::{CpuGroup, CpuUse, Groups, PressureFile, Resource};
use super::super::kernel_file::KernelFile;
use super::super::unreadable;
use super::Cpu;
use crate::CheckResult;
use crate::indicators::shared::findings::{Findings, rounded};

/// The files that stay open.
#[derive(Debug)]
pub(super) struct Files {
    load: KernelFile,
    processors: KernelFile,
    groups: Groups<CpuGroup>,
    pressure: Groups<PressureFile>,
}

/// What is read in a run.
struct Readings {
    load: f64,
    /// The processors of the machine, because the load is that of the machine.
    cores: usize,
    /// Of each cgroup with a quota.
    uses: Vec<CpuUse>,
    /// `Some` where the kernel measures it, in percent.
    pressure: Option<f64>,
}

impl Files {
    pub(super) fn below(root: &Path) -> Self {
        Self {
            load: KernelFile::new(root.join("proc/loadavg")),
            processors: KernelFile::new(root.join("sys/devices/system/cpu/online")),
            groups: Groups::new(root),
            pressure: Groups::new(root),
        }
    }

    fn read(&mut self, now: Instant) -> io::Result<Readings> {
        let load = self.load.read()?;
        let load = load.split(' ').next().and_then(|load| load.parse().ok());
        let online = self.processors.read_if_there()?;
        let cores = online.and_then(|online| count(&online));
        let mut uses = Vec::new();
        for group in self.groups.now()? {
            uses.extend(group.read(now)?);
        }
        let pressure = match self.pressure.now()?.first_mut() {
            Some(group) => group.read(Resource::Cpu)?,
            None => None,
        };
        Ok(Readings {
            load: load.ok_or_else(|| io::Error::other("/proc/loadavg has no load"))?,
            cores: cores.unwrap_or_else(|| available_parallelism().map_or(1, usize::from)),
            uses,
            pressure,
        })
    }
}

impl Cpu {
    pub(super) fn measure_at(&self, now: Instant) -> CheckResult {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        match files.read(now) {
            Ok(readings) => self.judge(&readings),
            Err(error) => unreadable(&error),
        }
    }

    fn judge(&self, readings: &Readings) -> CheckResult {
        let Readings { load, cores, .. } = *readings;
        let per_core = load / cores as f64;
        let most = |share: fn(&CpuUse) -> f64| {
            let uses = readings.uses.iter();
            uses.max_by(|a, b| share(a).total_cmp(&share(b)))
        };

        let mut findings = Findings::default();
        findings.reading("load", rounded(load), "load");
        findings.reading("loadPerCore", rounded(per_core), "load");
        findings.limit(self.load_per_core.compare(per_core), |limit| {
            format!("the load is {load:.2} on {cores} cores, more than {limit} per core")
        });
        if let Some(CpuUse { quota, used, .. }) = most(|one| one.used) {
            let quota = rounded(*quota);
            findings.reading("utilization", rounded(*used), "percent");
            findings.limit(self.quota.compare(*used), |limit| {
                format!("{used:.1} % of the quota of {quota} cores are used, more than {limit} %")
            });
        }
        if let Some(CpuUse { throttled, .. }) = most(|one| one.throttled) {
            findings.reading("throttled", rounded(*throttled), "percent");
            findings.limit(self.throttled.compare(*throttled), |limit| {
                format!("it was throttled in {throttled:.1} % of all periods, more than {limit} %")
            });
        }
        if let Some(pressure) = readings.pressure {
            findings.reading("pressure", rounded(pressure), "percent");
            findings.limit(self.pressure.compare(pressure), |limit| {
                format!(
                    "tasks waited for a processor in {pressure} % of the last minute, \
                     more than {limit} %"
                )
            });
        }
        findings.result()
    }
}

/// Counts the processors in a list such as `0-3,5`.
fn count(list: &str) -> Option<usize> {
    let mut count = 0;
    for range in list.trim().split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        count += last.checked_sub(first)? + 1;
    }
    Some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_processors_are_counted() {
        for (list, expected) in [
            ("0\n", Some(1)),
            ("0-3\n", Some(4)),
            ("0-3,5,8-9\n", Some(7)),
            ("", None),
            ("3-0", None),
            ("x", None),
        ] {
            assert_eq!(count(list), expected, "{list:?}");
        }
    }
}
