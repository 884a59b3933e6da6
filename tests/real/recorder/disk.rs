//! A disk that is full or read-only: a small one, which the test mounts.

use std::fs;
use std::time::Duration;

use tempfile::{TempDir, tempdir};
use tower_health::recorder::Recorder;
use tower_health::{Health, Probe, Status};

use crate::root::as_root;
use crate::support::eventually;
use crate::support::recorded::{healthy, passed_lately, run_db};

struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount() -> Self {
        let disk = Self(tempdir().unwrap());
        disk.run(
            "mount",
            &["-t", "tmpfs", "-o", "size=2m,mode=1777", "tmpfs"],
        );
        disk
    }

    fn run(&self, program: &str, options: &[&str]) {
        let done = as_root(program).args(options).arg(self.0.path()).output();
        let done = done.unwrap();
        assert!(done.status.success(), "{done:?}");
    }

    fn record(&self, health: &Health) -> Recorder {
        let recorder = Recorder::sqlite(self.0.path().join("health.db")).service("shop");
        let recorder = recorder.interval(Duration::from_secs(45 * 60));
        recorder.start(health).unwrap()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = as_root("umount").arg("-l").arg(self.0.path()).status();
    }
}

async fn recovers(recorder: &Recorder, health: &Health) {
    eventually("it writes again", async || recorder.flush().await.is_ok()).await;
    let runs = health.runs(Probe::Readiness, "db").unwrap().samples().len();
    assert_eq!(passed_lately(recorder.archive()).await as usize, runs);
    assert_eq!(recorder.stats().lost_minutes, 0);
}

#[tokio::test]
#[ignore = "needs root, to mount a small disk: run .ci/test"]
async fn a_disk_that_is_full_harms_no_health_and_loses_nothing() {
    let disk = SmallDisk::mount();
    let health = healthy().await;
    let recorder = disk.record(&health);
    recovers(&recorder, &health).await;
    let filler = disk.0.path().join("filler");
    // Until the disk takes no more.
    assert!(fs::write(&filler, vec![0; 3 << 20]).is_err());
    // The log has room for some.
    let mut error = None;
    for _ in 0..100 {
        run_db(&health, 1).await;
        error = recorder.flush().await.err();
        if error.is_some() {
            break;
        }
    }
    let text = error.unwrap().to_string();
    assert!(text.contains("disk is full"), "{text}");
    run_db(&health, 1).await;
    assert_eq!(health.status(Probe::Readiness), Status::Pass);
    fs::remove_file(&filler).unwrap();
    recovers(&recorder, &health).await;
    recorder.finish().await.unwrap();
}

#[tokio::test]
#[ignore = "needs root, to mount a small disk: run .ci/test"]
async fn a_disk_that_is_read_only_gets_all_once_it_is_not() {
    let disk = SmallDisk::mount();
    let health = healthy().await;
    disk.run("mount", &["-o", "remount,ro"]);
    let recorder = disk.record(&health);
    run_db(&health, 1).await;
    let error = recorder.flush().await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    assert_eq!(health.status(Probe::Readiness), Status::Pass);
    disk.run("mount", &["-o", "remount,rw"]);
    recovers(&recorder, &health).await;
}
