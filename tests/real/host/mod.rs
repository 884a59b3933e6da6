//! The host itself: disks that the tests mount, and control groups that they limit.

mod cgroups;
mod disk;
