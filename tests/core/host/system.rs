//! What is read of the host, beside what other programs say of it, and limits set around that.

use std::fs::{self, File};
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tempfile::tempdir;
use tower_health::indicators::{
    CpuIndicator, DiskIndicator, FileDescriptorsIndicator, MemoryIndicator,
};
use tower_health::{ComponentType, Criticality, HealthIndicator, Probe, Status};

use super::support::{number, output, status};
use crate::support::child::is_alone;
use crate::support::eventually;
use crate::support::watched::Watched;

const MEGABYTE: u64 = 1 << 20;

#[test]
fn none_is_critical_and_each_belongs_to_the_system() {
    fn assert_defaults(indicator: &impl HealthIndicator) {
        let name = indicator.name();
        assert_eq!(indicator.criticality(), Criticality::NonCritical, "{name}");
        let of_type = indicator.component_type();
        assert_eq!(of_type, Some(ComponentType::System), "{name}");
        assert_eq!(indicator.ttl().unwrap().as_secs(), 5, "{name}");
    }
    assert_defaults(&CpuIndicator::new("cpu"));
    assert_defaults(&DiskIndicator::new("disk", "/"));
    assert_defaults(&FileDescriptorsIndicator::new("descriptors"));
    assert_defaults(&MemoryIndicator::new("memory"));
}

#[tokio::test]
async fn a_limit_of_the_host_that_is_passed_warns_and_takes_no_traffic_away() {
    let memory = MemoryIndicator::new("memory").fail_above_rss(1);
    let watched = Watched::start_check("memory", memory);
    watched.turns_with(Status::Warn, "the process uses ").await;
    assert_eq!(watched.health.status(Probe::Readiness), Status::Warn);
}

/// A figure in bytes of `/proc/self/status`.
fn of_status(field: &str) -> f64 {
    let text = fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with(field)).unwrap();
    let kilobytes: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes * 1024.0
}

#[tokio::test]
async fn the_memory_is_that_which_the_kernel_says_and_falls_when_it_is_given_back() {
    if !is_alone(
        module_path!(),
        "the_memory_is_that_which_the_kernel_says_and_falls_when_it_is_given_back",
    ) {
        return;
    }
    const LARGE: usize = 96 << 20;
    let read = async || {
        number(
            &MemoryIndicator::new("memory").check().await,
            "rss",
            "bytes",
        )
    };
    let before = read().await;
    // The harness and the runtime take some meanwhile.
    let near = 16.0 * MEGABYTE as f64;
    assert!((before - of_status("VmRSS")).abs() < near, "{before}");

    let limit = before as u64 + 48 * MEGABYTE;
    let memory = MemoryIndicator::new("memory").fail_above_rss(limit);
    let watched = Watched::start("memory", memory);
    watched.passes().await;
    let mut large = vec![0_u8; LARGE];
    large.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
    let told = watched.fails().await;
    let after = read().await;
    assert!((after - before - LARGE as f64).abs() < near, "{after}");
    let most = format!(" MB, more than {:.1} MB", limit as f64 / MEGABYTE as f64);
    let (said, rest) = told.split_once(&most).unwrap_or_else(|| panic!("{told}"));
    assert_eq!(rest, "");
    let said: f64 = said
        .strip_prefix("the process uses ")
        .unwrap()
        .parse()
        .unwrap();
    assert!((said * MEGABYTE as f64 - after).abs() < near, "{told}");
    drop(black_box(large));
    watched.passes().await;
}

#[tokio::test]
async fn memory_between_its_limits_warns() {
    let memory = MemoryIndicator::new("memory")
        .warn_above_rss(1)
        .fail_above_rss(1 << 40);
    let result = memory.check().await;
    assert_eq!(status(&result), Status::Warn);
    assert!(
        output(&result).ends_with(" MB, more than 0.0 MB"),
        "{result:?}"
    );
    let utilization = number(&result, "utilization", "percent");
    assert!((0.0..=100.0).contains(&utilization), "{result:?}");
}

#[tokio::test]
async fn open_files_are_counted_and_not_those_of_the_count() {
    if !is_alone(
        module_path!(),
        "open_files_are_counted_and_not_those_of_the_count",
    ) {
        return;
    }
    let read = async || {
        let result = FileDescriptorsIndicator::new("descriptors").check().await;
        let utilization = number(&result, "utilization", "percent");
        (number(&result, "descriptors", "descriptors"), utilization)
    };
    // The harness and the runtime open and close some meanwhile.
    let near = 60.0;
    let (before, _) = read().await;
    let listed = fs::read_dir("/proc/self/fd").unwrap().count();
    assert!((before - listed as f64).abs() < near, "{before} {listed}");
    let path = tempdir().unwrap();
    let create = |index| File::create(path.path().join(format!("{index}"))).unwrap();
    let files: Vec<_> = (0..300).map(create).collect();
    let (after, percent) = read().await;
    assert!((after - before - 300.0).abs() < near, "{before} {after}");

    let limit = soft_limit();
    assert!((percent - after / limit * 100.0).abs() < 100.0 * near / limit + 0.01);
    let warn = (before + 150.0) / limit * 100.0;
    let descriptors = FileDescriptorsIndicator::new("descriptors");
    let descriptors = descriptors
        .warn_above_percent(warn)
        .fail_above_percent(warn);
    let watched = Watched::start("descriptors", descriptors);
    let told = watched
        .turns_with(Status::Fail, "file descriptors are open")
        .await;
    let most = format!(" of {limit} file descriptors are open, more than {warn} %");
    assert!(told.ends_with(&most), "{told}");
    drop(files);
    watched.passes().await;
}

fn soft_limit() -> f64 {
    let shown = Command::new("sh").args(["-c", "ulimit -S -n"]).output();
    let shown = String::from_utf8(shown.unwrap().stdout).unwrap();
    shown.trim().parse().unwrap()
}

#[tokio::test]
async fn the_load_is_that_which_the_kernel_says() {
    let cpu = CpuIndicator::new("cpu")
        .warn_above_load_per_core(1e6)
        .fail_above_load_per_core(1e6);
    // It may be renewed between both looks.
    eventually("the load", async || {
        let load = number(&cpu.check().await, "load", "load");
        let text = fs::read_to_string("/proc/loadavg").unwrap();
        load == text.split(' ').next().unwrap().parse::<f64>().unwrap()
    })
    .await;
    let result = cpu.check().await;
    assert_eq!(status(&result), Status::Pass, "{result:?}");
    let load = number(&result, "load", "load");
    let per_core = number(&result, "loadPerCore", "load");
    let nproc = Command::new("nproc").arg("--all").output().unwrap();
    let cores: f64 = String::from_utf8(nproc.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    assert!((per_core - load / cores).abs() < 0.011, "{result:?}");
}

/// The kernel looks every five seconds at what runs, and there may have been nothing for minutes.
#[tokio::test]
async fn a_load_above_its_limit_fails() {
    let cpu = CpuIndicator::new("cpu")
        .warn_above_load_per_core(1e-9)
        .fail_above_load_per_core(1e-9);
    let done = Arc::new(AtomicBool::new(false));
    let until = Arc::clone(&done);
    let spinner = thread::spawn(move || while !until.load(Ordering::Relaxed) {});
    eventually("some load", async || {
        let result = cpu.check().await;
        status(&result) == Status::Fail && output(&result).starts_with("the load is ")
    })
    .await;
    done.store(true, Ordering::Relaxed);
    spinner.join().unwrap();
}

/// What `df` says in this column.
fn df(column: &str, path: &Path) -> f64 {
    let df = Command::new("df")
        .args(["-B1", &format!("--output={column}")])
        .arg(path)
        .output()
        .unwrap();
    let text = String::from_utf8(df.stdout).unwrap();
    let figure = text.lines().nth(1).unwrap().trim().trim_end_matches('%');
    figure.parse().unwrap()
}

#[tokio::test]
async fn the_space_is_that_which_df_says() {
    let directory = tempdir().unwrap();
    let disk = DiskIndicator::new("disk", directory.path());
    eventually("the same figures", async || {
        let result = disk.check().await;
        let free = number(&result, "free", "bytes");
        let percent = number(&result, "utilization", "percent");
        let is_same = (free - df("avail", directory.path())).abs() < 1e9;
        // `df` rounds up.
        is_same && (0.0..=1.1).contains(&(df("pcent", directory.path()) - percent + 0.05))
    })
    .await;
}

#[tokio::test]
async fn space_is_judged_by_percent_and_by_bytes() {
    let directory = tempdir().unwrap();
    let disk = || DiskIndicator::new("disk", directory.path());
    let all = u64::MAX / 2;
    let bytes = |warn, fail| disk().warn_below_bytes(warn).fail_below_bytes(fail);
    let percent = |disk: DiskIndicator, warn, fail| {
        let disk = disk.warn_below_percent(warn);
        disk.fail_below_percent(fail)
    };
    for (disk, expected, part) in [
        (bytes(1, 1), Status::Pass, ""),
        (bytes(all, 1), Status::Warn, " free ("),
        (bytes(all, all), Status::Fail, ", less than "),
        (percent(disk(), 0.01, 0.001), Status::Pass, ""),
        (
            percent(disk(), 100.0, 0.001),
            Status::Warn,
            ", less than 100 %",
        ),
        (
            percent(disk(), 100.0, 100.0),
            Status::Fail,
            ", less than 100 %",
        ),
    ] {
        let result = disk.check().await;
        assert_eq!(status(&result), expected, "{result:?}");
        assert!(output(&result).contains(part), "{result:?}");
    }
    let both = percent(bytes(all, all), 100.0, 0.001);
    let result = both.check().await;
    assert_eq!(status(&result), Status::Fail);
    assert_eq!(output(&result).matches("; ").count(), 1, "{result:?}");
}

#[tokio::test]
async fn a_path_that_is_gone_fails_until_it_is_back() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("data");
    fs::create_dir(&path).unwrap();
    let disk = DiskIndicator::new("disk", &path);
    let watched = Watched::start("disk", disk.warn_below_bytes(1).fail_below_bytes(1));
    watched.passes().await;
    fs::remove_dir(&path).unwrap();
    let told = watched.fails().await;
    assert!(told.contains("No such file or directory"), "{told}");
    assert!(told.starts_with(path.to_str().unwrap()), "{told}");
    fs::create_dir(&path).unwrap();
    watched.passes().await;
}

#[tokio::test]
async fn only_a_mount_point_passes_where_one_is_wanted() {
    let is_mounted = async |path: &Path| {
        let disk = DiskIndicator::new("disk", path).must_be_mount_point();
        let result = disk.check().await;
        !output(&result).contains("is not a mount point: nothing is mounted there")
    };
    let directory = tempdir().unwrap();
    assert!(!is_mounted(directory.path()).await);
    for path in ["/", "/proc", "/proc/."] {
        assert!(is_mounted(Path::new(path)).await, "{path}");
    }
    assert!(!is_mounted(Path::new("/proc/self")).await);
}

#[tokio::test]
async fn a_file_system_without_a_size_passes_with_a_note() {
    let disk = DiskIndicator::new("disk", "/proc");
    let result = disk.check().await;
    assert_eq!(status(&result), Status::Pass);
    assert!(format!("{result:?}").contains("this file system has no size"));
}
