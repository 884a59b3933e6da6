//! Limits of the host and of the container: disk, memory, processor, file descriptors.

#[cfg(target_os = "linux")]
mod cgroup;
mod cpu;
mod descriptors;
mod disk;
mod memory;

use std::time::Duration;

pub use self::cpu::CpuIndicator;
pub use self::descriptors::FileDescriptorsIndicator;
pub use self::disk::DiskIndicator;
pub use self::memory::MemoryIndicator;
use crate::{BlockingFnIndicator, CheckResult, Observation, blocking_indicator_fn};

/// None of these changes by the second, and the kernel renews its load average every five.
const TTL: Duration = Duration::from_secs(5);

/// What an indicator of this module asks the kernel.
trait Look: Clone + Send + Sync + 'static {
    fn look(&self) -> CheckResult;
}

type Run = Box<dyn Fn() -> CheckResult + Send + Sync>;

/// A look on the blocking pool: files of the kernel are quick as a rule, and a file system that
/// hangs takes its thread with it.
struct Host<L> {
    name: String,
    look: L,
    run: BlockingFnIndicator<Run>,
}

impl<L: Look> Host<L> {
    fn new(name: String, look: L) -> Self {
        let looking = look.clone();
        let run: Run = Box::new(move || looking.look());
        let run = blocking_indicator_fn(name.clone(), run);
        Self { name, look, run }
    }

    fn with(self, change: impl FnOnce(&mut L)) -> Self {
        let mut look = self.look;
        change(&mut look);
        Self::new(self.name, look)
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
                self.0.run.check().await
            }

            fn ttl(&self) -> Option<std::time::Duration> {
                Some(super::TTL)
            }

            fn criticality(&self) -> crate::Criticality {
                crate::Criticality::NonCritical
            }

            fn component_type(&self) -> Option<crate::ComponentType> {
                Some(crate::ComponentType::System)
            }
        }

        impl std::fmt::Debug for $indicator {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($indicator))
                    .field("name", &self.0.name)
                    .field("look", &self.0.look)
                    .finish_non_exhaustive()
            }
        }
    };
}
use host_indicator;

/// Passes, and says in place of a value why there is none.
fn note(text: impl Into<String>) -> Observation {
    Observation::pass().value(text.into(), "")
}

#[cfg(not(target_os = "linux"))]
fn not_on_this_platform() -> CheckResult {
    Ok(note("not available on this platform"))
}

const MEGABYTE: f64 = 1024.0 * 1024.0;

fn megabytes(bytes: f64) -> String {
    format!("{:.1} MB", bytes / MEGABYTE)
}

/// Of the largest unit of which there is one.
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
