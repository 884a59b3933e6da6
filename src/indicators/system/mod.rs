//! The host and its container: disk, memory, processor, file descriptors.

#[cfg(target_os = "linux")]
mod average;
#[cfg(target_os = "linux")]
mod cgroup;
mod cpu;
mod descriptors;
mod disk;
#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::unwrap_used, reason = "tests end where they go wrong")]
mod healthy_tests;
#[cfg(target_os = "linux")]
mod kernel_file;
mod memory;

use std::time::Duration;

pub use self::cpu::CpuIndicator;
pub use self::descriptors::FileDescriptorsIndicator;
pub use self::disk::DiskIndicator;
pub use self::memory::MemoryIndicator;
use super::shared::blocking::BlockingSlot;
use crate::{CheckResult, Observation};

/// None of these values changes by the second, and the kernel updates its load average every 5 s.
const TTL: Duration = Duration::from_secs(5);

/// A value that an indicator of this folder reads from the kernel, and its limits.
trait Measure: Clone + Send + Sync + 'static {
    /// May block.
    fn measure(&self) -> CheckResult;

    fn config_error(&self) -> Option<String>;
}

/// A measurement on the blocking pool: kernel files are usually fast, but a file system that hangs
/// blocks its thread.
struct Host<M> {
    name: String,
    source: M,
    slot: BlockingSlot,
}

impl<M: Measure> Host<M> {
    fn new(name: String, source: M) -> Self {
        Self {
            name,
            source,
            slot: BlockingSlot::default(),
        }
    }

    /// Measures once, at once: the files that it reads are then open, and stay so when the process
    /// has no descriptor left.
    fn prepared(name: String, source: M) -> Self {
        let _ = source.measure();
        Self::new(name, source)
    }

    fn with(mut self, change: impl FnOnce(&mut M)) -> Self {
        change(&mut self.source);
        self
    }

    async fn measure(&self) -> CheckResult {
        let source = self.source.clone();
        self.slot.run(move || source.measure()).await?
    }
}

/// Makes a newtype of [`Host`] an indicator.
macro_rules! host_indicator {
    ($indicator:ident) => {
        impl crate::HealthIndicator for $indicator {
            fn name(&self) -> &str {
                &self.0.name
            }

            async fn check(&self) -> crate::CheckResult {
                crate::indicators::shared::config::validated(self)?;
                self.0.measure().await
            }

            fn ttl(&self) -> Option<std::time::Duration> {
                Some(super::TTL)
            }

            fn criticality(&self) -> crate::Criticality {
                crate::Criticality::NonCritical
            }

            fn config_error(&self) -> Option<String> {
                self.0.source.config_error()
            }

            fn component_type(&self) -> Option<crate::ComponentType> {
                Some(crate::ComponentType::System)
            }
        }

        impl std::fmt::Debug for $indicator {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($indicator))
                    .field("name", &self.0.name)
                    .field("source", &self.0.source)
                    .finish_non_exhaustive()
            }
        }
    };
}
use host_indicator;

/// Passes with a text that says why there is no value.
fn note(text: impl Into<String>) -> Observation {
    Observation::pass().value(text.into(), "")
}

/// What this host does not have is a note. That something could not be read is a failure, since
/// nobody knows then whether all is well.
#[cfg(target_os = "linux")]
fn unreadable(error: &std::io::Error) -> CheckResult {
    match kernel_file::is_absent(error) {
        true => Ok(note(format!("not available here: {error}"))),
        false => Err(format!("the kernel cannot be asked: {error}").into()),
    }
}

#[cfg(not(target_os = "linux"))]
fn not_on_this_platform() -> CheckResult {
    Ok(note("not available on this platform"))
}

const MEGABYTE: f64 = 1024.0 * 1024.0;

fn megabytes(bytes: f64) -> String {
    format!("{:.1} MB", bytes / MEGABYTE)
}

/// In the largest unit that gives a number of at least 1.
fn size(bytes: f64) -> String {
    let gigabytes = bytes / MEGABYTE / 1024.0;
    if gigabytes >= 1024.0 {
        format!("{:.1} TB", gigabytes / 1024.0)
    } else if gigabytes >= 1.0 {
        format!("{gigabytes:.1} GB")
    } else {
        megabytes(bytes)
    }
}
