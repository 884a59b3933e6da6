//! Acts as a platform against a real process: starts it as the platform's file says, probes it, and
//! does what the platform does then.
//!
//! Time between probes can run faster by a [`Pace`]. What a platform grants the process, such as the
//! timeout of a probe or the time after SIGTERM, does not.

pub mod compose;
pub mod docker;
pub mod fly;
mod image;
pub mod kubelet;
mod pace;
pub mod prober;
mod process;
pub mod railway;

pub use image::Image;
pub use pace::{Pace, StopFlag};
pub use process::{End, Process};
