//! How much of the time tasks of a cgroup wait for a resource: pressure stall information.
//!
//! Source: `Documentation/accounting/psi.rst` of Linux.

use std::io;

use super::super::kernel_file::KernelFile;
use super::{Group, Hierarchies};

/// The files of a cgroup of v2 that tell its pressure.
#[derive(Debug)]
pub(in super::super) struct PressureFile {
    cpu: KernelFile,
    memory: KernelFile,
}

#[derive(Clone, Copy, Debug)]
pub(in super::super) enum Resource {
    /// At least one task waits for a processor.
    Cpu,
    /// All tasks that could do something wait for memory.
    Memory,
}

impl Group for PressureFile {
    /// Only of the cgroup of the process itself: those above it contain other processes.
    fn find(hierarchies: &Hierarchies) -> Vec<Self> {
        let lineage = hierarchies.unified();
        let own = lineage.and_then(|lineage| lineage.directories.into_iter().next());
        let files = own.map(|own| Self {
            cpu: KernelFile::new(own.join("cpu.pressure")),
            memory: KernelFile::new(own.join("memory.pressure")),
        });
        files.into_iter().collect()
    }
}

impl PressureFile {
    /// The share of the last minute in percent. `None` where the kernel does not measure it.
    pub(in super::super) fn read(&mut self, resource: Resource) -> io::Result<Option<f64>> {
        let (file, line) = match resource {
            Resource::Cpu => (&mut self.cpu, "some"),
            Resource::Memory => (&mut self.memory, "full"),
        };
        let text = file.read_if_there()?;
        Ok(text.and_then(|text| average(&text, line)))
    }
}

/// Of a line such as `some avg10=0.00 avg60=1.50 avg300=0.10 total=7`.
fn average(text: &str, line: &str) -> Option<f64> {
    let mut lines = text.lines();
    let averages = lines.find_map(|text| text.strip_prefix(line))?;
    let mut averages = averages.split_ascii_whitespace();
    let average = averages.find_map(|average| average.strip_prefix("avg60="))?;
    average.parse().ok()
}
