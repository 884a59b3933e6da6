//! The runner against a stub: what each platform does when a probe passes, fails, hangs or redirects.

mod docker;
mod fly;
mod kubelet;
mod life;
#[path = "../support/ports.rs"]
mod ports;
mod process;
mod railway;
mod support;
