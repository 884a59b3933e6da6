//! The name of this instance among those of its service.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

/// Returns the name of the host, or what no other process has.
pub(super) fn instance() -> String {
    static INSTANCE: OnceLock<String> = OnceLock::new();
    INSTANCE
        .get_or_init(|| host().unwrap_or_else(random))
        .clone()
}

/// The name of the host, which is that of the pod in Kubernetes.
fn host() -> Option<String> {
    let of_environment = ["HOSTNAME", "COMPUTERNAME"].map(|name| std::env::var(name).ok());
    let of_kernel = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let mut names = of_environment.into_iter().flatten().chain(of_kernel());
    names.find_map(|name| {
        let name = name.trim();
        (!name.is_empty()).then(|| name.to_owned())
    })
}

fn random() -> String {
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}
