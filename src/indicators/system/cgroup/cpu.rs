//! How much of its quota of processor time a cgroup uses, and how often it is throttled.

use std::io;
use std::time::{Duration, Instant};

use super::super::average::Average;
use super::super::kernel_file::{KernelFile, field};
use super::{Group, Hierarchies, Version};

/// The files of a cgroup that tell its processor time, and what they said last.
#[derive(Debug)]
pub(in super::super) struct CpuGroup {
    quota: QuotaFiles,
    stat: KernelFile,
    /// `None` in v2, where the statistics have it.
    usage: Option<KernelFile>,
    /// `Some` while the cgroup has a quota.
    last: Option<(Instant, Counters)>,
    used: Average,
    throttled: Average,
}

#[derive(Debug)]
enum QuotaFiles {
    V1 {
        quota: KernelFile,
        period: KernelFile,
    },
    V2(KernelFile),
}

/// A share of each period in which the cgroup may run.
#[derive(Clone, Copy)]
struct Quota {
    cores: f64,
    period: Duration,
}

/// Since the cgroup was created.
#[derive(Clone, Copy, Debug)]
struct Counters {
    used: Duration,
    throttled_periods: u64,
}

/// The processor time of a cgroup with a quota, over the last minute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in super::super) struct CpuUse {
    /// In cores.
    pub(in super::super) quota: f64,
    /// Of the quota, in percent.
    pub(in super::super) used: f64,
    /// The share of all periods, idle ones too, in which the kernel stopped the cgroup because its
    /// quota was used up, in percent.
    pub(in super::super) throttled: f64,
}

impl Group for CpuGroup {
    fn find(hierarchies: &Hierarchies) -> Vec<Self> {
        let Some(lineage) = hierarchies.lineage("cpu") else {
            return Vec::new();
        };
        // Often mounted together with `cpu`, but not always.
        let accounts = match lineage.version {
            Version::V1 => hierarchies.lineage("cpuacct"),
            Version::V2 => None,
        };
        let directories = lineage.directories.iter().enumerate();
        let groups = directories.map(|(level, directory)| {
            let file = |name| KernelFile::new(directory.join(name));
            let quota = match lineage.version {
                Version::V1 => QuotaFiles::V1 {
                    quota: file("cpu.cfs_quota_us"),
                    period: file("cpu.cfs_period_us"),
                },
                Version::V2 => QuotaFiles::V2(file("cpu.max")),
            };
            let accounts = accounts.as_ref();
            let account = accounts.and_then(|accounts| accounts.directories.get(level));
            Self {
                quota,
                stat: file("cpu.stat"),
                usage: account.map(|account| KernelFile::new(account.join("cpuacct.usage"))),
                last: None,
                used: Average::default(),
                throttled: Average::default(),
            }
        });
        groups.collect()
    }
}

impl CpuGroup {
    /// `None` if the cgroup has no quota.
    pub(in super::super) fn read(&mut self, now: Instant) -> io::Result<Option<CpuUse>> {
        let quota = self.quota.read()?;
        let counters = match quota {
            Some(_) => self.counters()?,
            None => None,
        };
        let (Some(quota), Some(counters)) = (quota, counters) else {
            self.last = None;
            return Ok(None);
        };
        if let Some((then, last)) = self.last {
            let elapsed = now.saturating_duration_since(then);
            if !elapsed.is_zero() {
                let used = counters.used.saturating_sub(last.used);
                let used = used.div_duration_f64(elapsed) / quota.cores;
                let throttled = counters
                    .throttled_periods
                    .saturating_sub(last.throttled_periods);
                let throttled = throttled as f64 / elapsed.div_duration_f64(quota.period);
                self.used.add(used * 100.0, elapsed);
                self.throttled.add(throttled * 100.0, elapsed);
            }
        }
        self.last = Some((now, counters));
        Ok(Some(CpuUse {
            quota: quota.cores,
            used: self.used.get(),
            // The looks do not fall on the ends of periods.
            throttled: self.throttled.get().min(100.0),
        }))
    }

    fn counters(&mut self) -> io::Result<Option<Counters>> {
        let stat = self.stat.read_if_there()?.unwrap_or_default();
        let used = match &mut self.usage {
            Some(usage) => usage.number()?.map(Duration::from_nanos),
            None => field(&stat, "usage_usec").map(Duration::from_micros),
        };
        Ok(used.map(|used| Counters {
            used,
            throttled_periods: field(&stat, "nr_throttled").unwrap_or(0),
        }))
    }
}

impl QuotaFiles {
    /// `None` without a quota: `max` in v2, and -1 in v1.
    fn read(&mut self) -> io::Result<Option<Quota>> {
        let (quota, period) = match self {
            Self::V1 { quota, period } => (quota.number()?, period.number()?),
            Self::V2(file) => {
                let text = file.read_if_there()?.unwrap_or_default();
                let mut numbers = text.split_ascii_whitespace().map(|word| word.parse().ok());
                (numbers.next().flatten(), numbers.next().flatten())
            }
        };
        Ok(quota.zip(period).and_then(|(quota, period)| {
            (quota > 0 && period > 0).then(|| Quota {
                cores: quota as f64 / period as f64,
                period: Duration::from_micros(period),
            })
        }))
    }
}
