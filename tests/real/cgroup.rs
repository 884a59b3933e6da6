//! A control group of the kernel, of either version, which a test makes and limits.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::root::as_root;

/// It is removed when this is dropped, after its processes.
pub(crate) struct Cgroup {
    dir: PathBuf,
    is_v2: bool,
}

impl Cgroup {
    /// One that this controller can limit. The error says why this machine has none.
    pub(crate) fn new(controller: &str, name: &str) -> Result<Self, String> {
        let name = format!("tower-health-{}-{name}", std::process::id());
        let unified = Path::new("/sys/fs/cgroup");
        let controllers = fs::read_to_string(unified.join("cgroup.controllers"));
        if controllers.is_ok_and(|all| all.split_whitespace().any(|one| one == controller)) {
            write(
                &unified.join("cgroup.subtree_control"),
                &format!("+{controller}"),
            )?;
            return Self::make(unified.join(name), true);
        }
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let root = mounts.lines().find_map(|mount| {
            let fields: Vec<_> = mount.split(' ').collect();
            let has_it = fields[3].split(',').any(|option| option == controller);
            (fields[2] == "cgroup" && has_it).then(|| PathBuf::from(fields[1]))
        });
        let root = root.ok_or(format!("no control groups for {controller}"))?;
        Self::make(root.join(name), false)
    }

    fn make(dir: PathBuf, is_v2: bool) -> Result<Self, String> {
        let made = as_root("mkdir").arg(&dir).output().unwrap();
        if made.status.success() {
            Ok(Self { dir, is_v2 })
        } else {
            Err(format!("{}: {made:?}", dir.display()))
        }
    }

    pub(crate) fn is_v2(&self) -> bool {
        self.is_v2
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.dir.join(file)
    }

    pub(crate) fn write(&self, file: &str, text: &str) -> Result<(), String> {
        write(&self.path(file), text)
    }

    pub(crate) fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap()
    }

    pub(crate) fn take(&self, pid: u32) {
        self.write("cgroup.procs", &pid.to_string()).unwrap();
    }
}

impl Drop for Cgroup {
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
