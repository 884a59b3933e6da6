//! A disk that fills up: a small one, which the test mounts.

use std::fs;

use tempfile::{TempDir, tempdir};
use tower_health::Status;
use tower_health::indicators::DiskIndicator;

use crate::root::as_root;
use crate::support::watched::Watched;

/// A file system of one megabyte, which is unmounted when this is dropped.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount() -> Self {
        let directory = tempdir().unwrap();
        let mut mount = as_root("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m,mode=1777", "tmpfs"]);
        let mounted = mount.arg(directory.path()).output().unwrap();
        assert!(mounted.status.success(), "{mounted:?}");
        Self(directory)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = as_root("umount").arg(self.0.path()).status();
    }
}

#[tokio::test]
#[ignore = "needs root, to mount a small disk: run .ci/test"]
async fn a_disk_that_fills_up_warns_then_fails_and_recovers() {
    let small = SmallDisk::mount();
    let (path, file) = (small.0.path(), small.0.path().join("file"));
    let disk = DiskIndicator::new("disk", path);
    let watched = Watched::start("disk", disk);
    watched.passes().await;
    fs::write(&file, vec![0; 944 << 10]).unwrap();
    let told = watched.turns(Status::Warn).await;
    let expected = "has 7.8 % free (0.1 MB of 1.0 MB), less than 10 %";
    assert_eq!(told, format!("{} {expected}", path.display()));
    fs::write(&file, vec![0; 1020 << 10]).unwrap();
    watched.turns_with(Status::Fail, "has 0.4 % free").await;
    fs::remove_file(&file).unwrap();
    watched.passes().await;
}
