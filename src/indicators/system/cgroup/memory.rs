//! How much of its limit the memory takes that a cgroup cannot give back.

use std::io;
use std::path::Path;

use super::super::kernel_file::{KernelFile, field};
use super::{Group, Hierarchies, Version};

/// A limit of v1 from this number on means no limit: the file has `i64::MAX`, rounded to a page.
const NO_LIMIT: u64 = 1 << 60;

/// The files of a cgroup that tell its memory.
#[derive(Debug)]
pub(in super::super) struct MemoryGroup {
    version: Version,
    limit: KernelFile,
    usage: KernelFile,
    stat: KernelFile,
    swap_limit: KernelFile,
    /// `None` in v1, where the statistics have it.
    swap_usage: Option<KernelFile>,
}

/// The memory of a cgroup with a limit, in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in super::super) struct MemoryUse {
    /// What the kernel cannot take back, however much it needs memory.
    pub(in super::super) used: u64,
    /// What this can grow to before the kernel kills a process of the cgroup.
    pub(in super::super) limit: u64,
}

impl Group for MemoryGroup {
    fn find(hierarchies: &Hierarchies) -> Vec<Self> {
        let Some(lineage) = hierarchies.lineage("memory") else {
            return Vec::new();
        };
        let directories = lineage.directories.iter();
        directories
            .map(|directory| Self::of(directory, lineage.version))
            .collect()
    }
}

impl MemoryGroup {
    fn of(directory: &Path, version: Version) -> Self {
        let file = |name| KernelFile::new(directory.join(name));
        match version {
            Version::V1 => Self {
                version,
                limit: file("memory.limit_in_bytes"),
                usage: file("memory.usage_in_bytes"),
                stat: file("memory.stat"),
                swap_limit: file("memory.memsw.limit_in_bytes"),
                swap_usage: None,
            },
            Version::V2 => Self {
                version,
                limit: file("memory.max"),
                usage: file("memory.current"),
                stat: file("memory.stat"),
                swap_limit: file("memory.swap.max"),
                swap_usage: Some(file("memory.swap.current")),
            },
        }
    }

    /// `None` if the cgroup has no limit. `free_swap` is that of the machine.
    pub(in super::super) fn read(&mut self, free_swap: u64) -> io::Result<Option<MemoryUse>> {
        let limit = self.limit.number()?;
        let Some(limit) = limit.filter(|limit| (1..NO_LIMIT).contains(limit)) else {
            return Ok(None);
        };
        let stat = self.stat.read_if_there()?.unwrap_or_default();
        // Some sandboxes have no statistics. What they call usage is the best that is known.
        let used = match unreclaimable(&stat, self.version) {
            Some(used) => Some(used),
            None => self.usage.number()?,
        };
        let Some(used) = used else {
            return Ok(None);
        };
        let swap = self.swap_room(limit, &stat, free_swap)?;
        Ok(Some(MemoryUse {
            used,
            limit: limit.saturating_add(swap),
        }))
    }

    /// How much of its memory the kernel could still move to swap.
    fn swap_room(&mut self, limit: u64, stat: &str, free_swap: u64) -> io::Result<u64> {
        if free_swap == 0 {
            return Ok(0);
        }
        // Without a limit the whole swap of the machine is there for it.
        let Some(most) = self.swap_limit.number()? else {
            return Ok(free_swap);
        };
        let room = match &mut self.swap_usage {
            Some(usage) => most.saturating_sub(usage.number()?.unwrap_or(0)),
            // The limit is that of memory and swap together.
            None => {
                let swapped = field(stat, "total_swap").unwrap_or(0);
                most.saturating_sub(limit).saturating_sub(swapped)
            }
        };
        Ok(room.min(free_swap))
    }
}

/// Of the text of `memory.stat`. File pages, active ones too, and caches of the kernel go when
/// memory is scarce; what is left when they are gone counts. `None` if the text does not tell.
fn unreclaimable(stat: &str, version: Version) -> Option<u64> {
    let get = |key| field(stat, key).unwrap_or(0);
    match version {
        // v1 does not tell which memory of the kernel is a cache.
        Version::V1 => Some(field(stat, "total_rss")?.saturating_add(get("total_shmem"))),
        Version::V2 => {
            let kernel = match field(stat, "kernel") {
                Some(kernel) => kernel.saturating_sub(get("slab_reclaimable")),
                // Before Linux 5.18.
                None => KERNEL.into_iter().map(get).sum(),
            };
            let anonymous = field(stat, "anon")?.saturating_add(get("shmem"));
            Some(anonymous.saturating_add(kernel).saturating_add(get("sock")))
        }
    }
}

const KERNEL: [&str; 5] = [
    "kernel_stack",
    "pagetables",
    "percpu",
    "vmalloc",
    "slab_unreclaimable",
];
