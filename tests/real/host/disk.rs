//! Disks that fill up, become read-only or are not mounted: small ones, which the tests mount.

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
        let disk = Self(tempdir().unwrap());
        disk.mount_again();
        disk
    }

    /// With a hundred inodes.
    fn mount_again(&self) {
        let options = "size=1m,nr_inodes=100,mode=1777";
        self.run("mount", &["-t", "tmpfs", "-o", options, "tmpfs"]);
    }

    fn unmount(&self) {
        self.run("umount", &[]);
    }

    fn run(&self, program: &str, options: &[&str]) {
        let done = as_root(program).args(options).arg(self.0.path()).output();
        let done = done.unwrap();
        assert!(done.status.success(), "{done:?}");
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

#[tokio::test]
#[ignore = "needs root, to mount a small disk: run .ci/test"]
async fn a_disk_whose_inodes_run_out_warns_then_fails_and_recovers() {
    let small = SmallDisk::mount();
    let path = small.0.path();
    let watched = Watched::start("disk", DiskIndicator::new("disk", path));
    watched.passes().await;
    let file = |number| path.join(format!("{number}"));
    // The root takes one. The files are empty and take no space.
    (0..92).for_each(|number| fs::write(file(number), "").unwrap());
    let told = watched.turns(Status::Warn).await;
    let expected = "has 7.0 % of its inodes free (7 of 100), less than 10 %";
    assert_eq!(told, format!("{} {expected}", path.display()));
    (92..99).for_each(|number| fs::write(file(number), "").unwrap());
    assert!(fs::write(file(99), "").is_err(), "it has another inode");
    let told = "has 0.0 % of its inodes free (0 of 100), less than 5 %";
    watched.turns_with(Status::Fail, told).await;
    (0..99).for_each(|number| fs::remove_file(file(number)).unwrap());
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs root, to mount a small disk: run .ci/test"]
async fn a_disk_that_becomes_read_only_fails_unless_it_is_meant_to_be() {
    let small = SmallDisk::mount();
    let path = small.0.path();
    let disk = || DiskIndicator::new("disk", path);
    let written = Watched::start("disk", disk());
    written.passes().await;
    small.run("mount", &["-o", "remount,ro"]);
    let told = written.fails().await;
    let begin = format!("{} is mounted read-only; ", path.display());
    assert!(told.starts_with(&begin), "{told}");
    small.run("mount", &["-o", "remount,rw"]);
    written.passes().await;

    // As full as an image that nobody writes to.
    fs::write(path.join("file"), vec![0; 1020 << 10]).unwrap();
    small.run("mount", &["-o", "remount,ro"]);
    let meant = Watched::start("disk", disk().read_only());
    meant.passes().await;
}

#[tokio::test]
#[ignore = "needs root, to mount a small disk: run .ci/test"]
async fn a_volume_that_is_not_mounted_fails_where_it_must_be() {
    let small = SmallDisk::mount();
    let path = small.0.path();
    let disk = DiskIndicator::new("disk", path).must_be_mount_point();
    let watched = Watched::start("disk", disk);
    watched.passes().await;
    small.unmount();
    let told = watched.fails().await;
    let expected = "is not a mount point: nothing is mounted there";
    assert_eq!(told, format!("{} {expected}", path.display()));
    small.mount_again();
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs root, to mount a small disk: run .ci/test"]
async fn a_directory_that_is_mounted_on_itself_is_a_mount_point() {
    let small = SmallDisk(tempdir().unwrap());
    let path = small.0.path();
    let disk = DiskIndicator::new("disk", path).must_be_mount_point();
    let disk = disk.warn_below_bytes(1).fail_below_bytes(1);
    let disk = disk
        .warn_below_inodes_percent(0.01)
        .fail_below_inodes_percent(0.01);
    let watched = Watched::start("disk", disk);
    watched.fails().await;
    // It is on the same device as the directory above it.
    small.run("mount", &["--bind", path.to_str().unwrap()]);
    watched.passes().await;
}
