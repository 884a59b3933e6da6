//! What the kernel tells of memory, and what is made of it.

use std::io;
use std::path::Path;
use std::sync::PoisonError;

use rustix::process::{Resource, getrlimit};

use super::super::cgroup::{Groups, MemoryGroup, MemoryUse, PressureFile, Resource as Waited};
use super::super::kernel_file::{KernelFile, field};
use super::super::{size, unreadable};
use super::Memory;
use crate::CheckResult;
use crate::indicators::shared::findings::{Findings, rounded};

/// The files that stay open.
#[derive(Debug)]
pub(super) struct Files {
    status: KernelFile,
    machine: KernelFile,
    groups: Groups<MemoryGroup>,
    pressure: Groups<PressureFile>,
}

/// What is read in a run, in bytes.
struct Readings {
    rss: u64,
    /// For each limit: what uses it, and how much.
    uses: Vec<(&'static str, MemoryUse)>,
    /// `Some` where the kernel measures it, in percent.
    pressure: Option<f64>,
}

impl Files {
    pub(super) fn below(root: &Path) -> Self {
        Self {
            status: KernelFile::new(root.join("proc/self/status")),
            machine: KernelFile::new(root.join("proc/meminfo")),
            groups: Groups::new(root),
            pressure: Groups::new(root),
        }
    }

    fn read(&mut self) -> io::Result<Readings> {
        let status = self.status.read()?;
        let of_process = |key| bytes(&status, key);
        let machine = self.machine.read_if_there()?.unwrap_or_default();
        let free_swap = bytes(&machine, "SwapFree").unwrap_or(0);
        let rss = of_process("VmRSS").unwrap_or(0);

        let mut uses = Vec::new();
        for group in self.groups.now()? {
            uses.extend(group.read(free_swap)?.map(|memory| ("its cgroup", memory)));
        }
        if let Some(total) = bytes(&machine, "MemTotal") {
            // Before Linux 4.5 only the sum with file pages is known.
            let used = match of_process("RssAnon") {
                Some(anonymous) => anonymous + of_process("RssShmem").unwrap_or(0),
                None => rss,
            };
            let limit = total + free_swap;
            uses.push(("the process, on this machine,", MemoryUse { used, limit }));
        }
        if let Some(limit) = getrlimit(Resource::As).current {
            let used = of_process("VmSize").unwrap_or(0);
            uses.push(("the address space", MemoryUse { used, limit }));
        }
        let pressure = match self.pressure.now()?.first_mut() {
            Some(group) => group.read(Waited::Memory)?,
            None => None,
        };
        Ok(Readings {
            rss,
            uses,
            pressure,
        })
    }
}

/// Of a file whose figures are in kB.
fn bytes(text: &str, key: &str) -> Option<u64> {
    field(text, key).map(|kilobytes| kilobytes.saturating_mul(1024))
}

/// In percent.
fn share(memory: &MemoryUse) -> f64 {
    memory.used as f64 / memory.limit.max(1) as f64 * 100.0
}

impl Memory {
    pub(super) fn measure_on_linux(&self) -> CheckResult {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let mut readings = match files.read() {
            Ok(readings) => readings,
            Err(error) => return unreadable(&error),
        };
        let uses = &mut readings.uses;
        uses.sort_by(|(_, a), (_, b)| share(b).total_cmp(&share(a)));
        // Of the cgroup and those above it, the one that is nearest to its limit.
        uses.dedup_by_key(|(what, _)| *what);

        let mut findings = Findings::default();
        findings.reading("rss", readings.rss, "bytes");
        if let Some((_, nearest)) = readings.uses.first() {
            findings.reading("utilization", rounded(share(nearest)), "percent");
        }
        if let Some(pressure) = readings.pressure {
            findings.reading("pressure", rounded(pressure), "percent");
        }
        let rss = readings.rss as f64;
        findings.limit(self.rss.compare(rss), |limit| {
            format!("the process uses {}, more than {}", size(rss), size(limit))
        });
        for (what, memory) in &readings.uses {
            let percent = share(memory);
            findings.limit(self.percent.compare(percent), |limit| {
                let (used, most) = (size(memory.used as f64), size(memory.limit as f64));
                format!("{what} uses {used} of {most} ({percent:.1} %), more than {limit} %")
            });
        }
        let pressure = readings.pressure.unwrap_or(0.0);
        findings.limit(self.pressure.compare(pressure), |limit| {
            format!("it waited for memory {pressure} % of the last minute, more than {limit} %")
        });
        findings.result()
    }
}
