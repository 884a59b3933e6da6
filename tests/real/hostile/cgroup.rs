//! A control group of the kernel that limits the processor, of either version.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::process::Service;
use crate::root::as_root;

/// A control group that may run for five milliseconds in each tenth of a second. It is removed when
/// this is dropped, after its processes.
pub(super) struct Throttle {
    dir: PathBuf,
    /// The file with its limit, and what to write there for none.
    limit: (&'static str, &'static str),
}

impl Throttle {
    pub(super) fn new(name: &str) -> Result<Self, String> {
        let name = format!("tower-health-{}-{name}", std::process::id());
        let unified = Path::new("/sys/fs/cgroup");
        let controllers = fs::read_to_string(unified.join("cgroup.controllers"));
        if controllers.is_ok_and(|all| all.split_whitespace().any(|one| one == "cpu")) {
            write(&unified.join("cgroup.subtree_control"), "+cpu")?;
            let throttle = Self::make(unified.join(name), ("cpu.max", "max"))?;
            throttle.write("cpu.max", "5000 100000")?;
            return Ok(throttle);
        }
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let root = mounts.lines().find_map(|mount| {
            let fields: Vec<_> = mount.split(' ').collect();
            let has_cpu = fields[3].split(',').any(|option| option == "cpu");
            (fields[2] == "cgroup" && has_cpu).then(|| PathBuf::from(fields[1]))
        });
        let root = root.ok_or("no control groups for the processor")?;
        let throttle = Self::make(root.join(name), ("cpu.cfs_quota_us", "-1"))?;
        throttle.write("cpu.cfs_period_us", "100000")?;
        throttle.write("cpu.cfs_quota_us", "5000")?;
        Ok(throttle)
    }

    fn make(dir: PathBuf, limit: (&'static str, &'static str)) -> Result<Self, String> {
        let made = as_root("mkdir").arg(&dir).output().unwrap();
        if made.status.success() {
            Ok(Self { dir, limit })
        } else {
            Err(format!("{}: {made:?}", dir.display()))
        }
    }

    fn write(&self, file: &str, text: &str) -> Result<(), String> {
        write(&self.dir.join(file), text)
    }

    pub(super) fn take(&self, service: &Service) {
        let pid = service.child.id().to_string();
        self.write("cgroup.procs", &pid).unwrap();
    }

    pub(super) fn lift(&self) {
        let (file, none) = self.limit;
        self.write(file, none).unwrap();
    }

    /// In how many tenths of a second its processes had to wait.
    pub(super) fn throttled(&self) -> u64 {
        let stat = fs::read_to_string(self.dir.join("cpu.stat")).unwrap();
        let line = |line: &str| line.strip_prefix("nr_throttled ")?.parse().ok();
        stat.lines().find_map(line).unwrap()
    }
}

impl Drop for Throttle {
    fn drop(&mut self) {
        let _ = as_root("rmdir").arg(&self.dir).status();
    }
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    let mut tee = as_root("tee");
    let tee = tee.arg(path).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut tee = tee.stderr(Stdio::null()).spawn().unwrap();
    tee.stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let written = tee.wait().unwrap().success();
    written.then_some(()).ok_or(path.display().to_string())
}
