//! A host that is hostile: a log pipe that nobody reads, a process that is paused, starved or
//! throttled, and one that runs out of descriptors. Whatever it does, no dependency is blamed for it.
//!
//! The service under test is a process of its own. Its dependency is a server in the test.

mod cgroup;
mod checks;
mod child;
mod dependency;
mod descriptors;
mod listener;
mod log_pipe;
mod logs;
mod observer;
mod pauses;
mod process;
mod setup;
mod starvation;
mod throttle;

// What the tests of the indicators of the host need, too.
pub(crate) use self::cgroup::Throttle;
pub(crate) use self::dependency::Dependency;
pub(crate) use self::process::Service;
pub(crate) use self::setup::{CheckSetup, Kind, Setup};
