//! A process that has no file descriptor left: no check of the host turns green for that.

use std::fs::File;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tower_health::indicators::{
    CpuIndicator, DiskIndicator, FileDescriptorsIndicator, MemoryIndicator,
};
use tower_health::{HealthIndicator, Status};

use super::support::{number, output, status};
use crate::support::child::is_alone;

/// Opens files until none can be opened.
fn take_descriptors() -> Vec<File> {
    let limit = Rlimit {
        current: Some(64),
        ..getrlimit(Resource::Nofile)
    };
    setrlimit(Resource::Nofile, limit).unwrap();
    std::iter::from_fn(|| File::open("/dev/null").ok()).collect()
}

#[tokio::test]
async fn checks_that_were_made_before_still_see_what_they_saw() {
    if !is_alone(
        module_path!(),
        "checks_that_were_made_before_still_see_what_they_saw",
    ) {
        return;
    }
    let descriptors = FileDescriptorsIndicator::new("descriptors");
    let lenient = FileDescriptorsIndicator::new("descriptors")
        .warn_above_percent(100.0)
        .fail_above_percent(100.0);
    let memory = MemoryIndicator::new("memory").fail_above_rss(1);
    let cpu = CpuIndicator::new("cpu");
    let disk = DiskIndicator::new("disk", "/").fail_below_bytes(u64::MAX / 2);
    let taken = take_descriptors();

    let result = descriptors.check().await;
    assert_eq!(status(&result), Status::Fail, "{result:?}");
    let text = output(&result);
    let none = "no file can be opened: Too many open files (os error 24); ";
    assert!(text.starts_with(none), "{text}");
    // A descriptor that was inherited may have a number beyond the limit.
    let all = " of 64 file descriptors are open, more than 95 %";
    assert!(text.ends_with(all), "{text}");
    let result = lenient.check().await;
    assert_eq!(status(&result), Status::Fail, "{result:?}");

    let result = memory.check().await;
    assert_eq!(status(&result), Status::Fail, "{result:?}");
    assert!(
        output(&result).starts_with("the process uses "),
        "{result:?}"
    );
    number(&cpu.check().await, "load", "load");
    let result = disk.check().await;
    assert_eq!(status(&result), Status::Fail, "{result:?}");
    assert!(output(&result).contains(" free ("), "{result:?}");

    drop(taken);
    let result = descriptors.check().await;
    assert_eq!(status(&result), Status::Pass, "{result:?}");
}

#[tokio::test]
async fn checks_that_are_made_then_fail_until_they_can_look() {
    if !is_alone(
        module_path!(),
        "checks_that_are_made_then_fail_until_they_can_look",
    ) {
        return;
    }
    let taken = take_descriptors();
    let descriptors = FileDescriptorsIndicator::new("descriptors");
    let (memory, cpu) = (MemoryIndicator::new("memory"), CpuIndicator::new("cpu"));
    for result in [
        descriptors.check().await,
        memory.check().await,
        cpu.check().await,
    ] {
        assert_eq!(status(&result), Status::Fail, "{result:?}");
        let text = output(&result);
        assert!(text.starts_with("the kernel cannot be asked: "), "{text}");
        assert!(
            text.ends_with("Too many open files (os error 24)"),
            "{text}"
        );
    }
    drop(taken);
    for result in [
        descriptors.check().await,
        memory.check().await,
        cpu.check().await,
    ] {
        assert_ne!(status(&result), Status::Fail, "{result:?}");
    }
}
