//! A process in a control group that is throttled, or that is full of file pages and then of memory.

use std::fs::File;
use std::hint::black_box;
use std::io::{Read, Write, stdin};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use tower_health::indicators::{CpuIndicator, MemoryIndicator};
use tower_health::{HealthIndicator, Status};

use crate::cgroup::Cgroup;
use crate::hostile::Throttle;
use crate::support::child::{command, is_child};
use crate::support::eventually;

const MEGABYTE: usize = 1 << 20;

/// A test in a process of its own, which waits until it may begin.
fn spawn(name: &str) -> Child {
    let mut command: Command = command(module_path!(), name);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command.stderr(Stdio::piped()).spawn().unwrap()
}

fn may_begin() {
    stdin().read_exact(&mut [0]).unwrap();
}

/// Lets it begin, and waits until it has passed.
fn passes(mut child: Child) {
    child.stdin.take().unwrap().write_all(b"!").unwrap();
    let child = child.wait_with_output().unwrap();
    let output = String::from_utf8_lossy(&child.stdout);
    let errors = String::from_utf8_lossy(&child.stderr);
    let has_passed = child.status.success() && output.contains("1 passed");
    assert!(has_passed, "{output}\n{errors}");
}

#[tokio::test]
#[ignore = "needs root, for a control group: run .ci/test"]
async fn a_process_that_is_throttled_warns_where_a_limit_is_set_and_not_by_default() {
    if is_child() {
        return is_throttled().await;
    }
    let throttle = Throttle::new("host").expect("a control group");
    let child = spawn("a_process_that_is_throttled_warns_where_a_limit_is_set_and_not_by_default");
    throttle.take_process(child.id());
    passes(child);
    assert!(throttle.throttled() > 0);
}

async fn is_throttled() {
    may_begin();
    for _ in 0..2 {
        thread::spawn(|| {
            loop {
                std::hint::spin_loop();
            }
        });
    }
    let default = CpuIndicator::new("cpu");
    let limited = CpuIndicator::new("cpu").warn_above_throttled_percent(2.0);
    eventually("throttling", async || {
        let told = limited.check().await.unwrap();
        let output = told.output().unwrap_or_default();
        told.status() == Status::Warn && output.starts_with("it was throttled in ")
    })
    .await;
    let told = default.check().await.unwrap();
    assert_eq!(told.status(), Status::Pass, "{told:?}");
}

/// Of the control group, and of the file that fills it: more than nine tenths of the limit, and not all of it.
const LIMIT: usize = 128 * MEGABYTE;
const FILE: usize = 120 * MEGABYTE;

/// Set for the process in the control group: the file that it reads.
const LARGE_FILE: &str = "TOWER_HEALTH_TEST_LARGE_FILE";

/// Set for it, too: the statistics of the control group.
const STATISTICS: &str = "TOWER_HEALTH_TEST_STATISTICS";

#[tokio::test]
#[ignore = "needs root, for a control group: run .ci/test"]
async fn file_pages_in_active_use_are_no_memory_that_is_short_and_memory_that_is_held_is() {
    const NAME: &str =
        "file_pages_in_active_use_are_no_memory_that_is_short_and_memory_that_is_held_is";
    if is_child() {
        return reads_and_then_holds().await;
    }
    let group = Cgroup::new("memory", "host").expect("a control group");
    let limit = LIMIT.to_string();
    let file = match group.is_v2() {
        true => "memory.max",
        false => "memory.limit_in_bytes",
    };
    group.write(file, &limit).unwrap();
    // Not in a file system that is itself in memory.
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = directory.path().join("large");
    let mut file = File::create(&path).unwrap();
    file.write_all(&vec![1; FILE]).unwrap();
    file.sync_all().unwrap();
    // Pages belong to the group that reads them first.
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();

    let mut child: Command = command(module_path!(), NAME);
    child.env(LARGE_FILE, &path);
    child.env(STATISTICS, group.path("memory.stat"));
    let child = child.stdin(Stdio::piped()).stdout(Stdio::piped());
    let child = child.stderr(Stdio::piped()).spawn().unwrap();
    group.take(child.id());
    passes(child);
}

async fn reads_and_then_holds() {
    may_begin();
    let path = std::env::var_os(LARGE_FILE).unwrap();
    let memory = MemoryIndicator::new("memory");
    read_often(Path::new(&path));
    let statistics = std::fs::read_to_string(std::env::var_os(STATISTICS).unwrap()).unwrap();
    let mut lines = statistics.lines();
    let active = lines.find_map(|line| line.strip_prefix("active_file "));
    let active: usize = active.unwrap().parse().unwrap();
    assert!(active > LIMIT / 10 * 8, "{statistics}");
    let result = memory.check().await;
    let observation = result.unwrap();
    assert_eq!(observation.status(), Status::Pass, "{observation:?}");

    let mut held = Vec::new();
    while held.len() * MEGABYTE < LIMIT {
        held.push(vec![1_u8; MEGABYTE]);
        if let Err(failure) = memory.check().await {
            assert!(
                failure.output().starts_with("its cgroup uses "),
                "{failure:?}"
            );
            black_box(held);
            return;
        }
    }
    panic!("it holds all of its limit");
}

/// So that the kernel takes its pages for active ones.
fn read_often(path: &Path) {
    let file = File::open(path).unwrap();
    let mut part = vec![0; MEGABYTE];
    for _ in 0..5 {
        for at in (0..FILE).step_by(MEGABYTE) {
            file.read_exact_at(&mut part, at as u64).unwrap();
        }
    }
}
