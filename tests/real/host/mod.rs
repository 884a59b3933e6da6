//! The host itself: disks that the tests mount, control groups that they limit, a process that they
//! pause.

mod cgroups;
mod disk;
mod pause;
