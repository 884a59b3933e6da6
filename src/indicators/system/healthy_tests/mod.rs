//! Services that are well, of several sizes: no indicator of the host warns of one by default.
//!
//! Each is a tree of the files that the kernel shows to it. `../recorded` has their layout, as Linux
//! 6.1 (v2) and 6.18 (v1) wrote them; the figures are those of the service.

mod tree;

use self::tree::{GB, MB, Service, VERSIONS, Version};
use super::CpuIndicator;
use crate::{CheckResult, Status};

const IDLE: Service = Service {
    name: "idle",
    limit: 128 * MB,
    anonymous: 3 * MB,
    page_cache: 8 * MB,
    kernel: MB,
    used: 0,
    throttled: 0,
    load: 0,
};

const HEALTHY: [Service; 8] = [
    IDLE,
    Service {
        name: "a cache of 1 GB in its memory",
        limit: GB + 256 * MB,
        anonymous: GB + 64 * MB,
        ..IDLE
    },
    Service {
        name: "a cache of 900 GB in its memory",
        limit: 1_024 * GB,
        anonymous: 900 * GB,
        kernel: 2 * GB,
        ..IDLE
    },
    Service {
        name: "a batch that uses all of its quota",
        used: 100,
        throttled: 100,
        load: 9,
        ..IDLE
    },
    Service {
        name: "bursts: all threads at once, and then nothing",
        used: 15,
        throttled: 12,
        ..IDLE
    },
    Service {
        name: "10,000 connections",
        limit: 512 * MB,
        anonymous: 250 * MB,
        kernel: 160 * MB,
        used: 60,
        throttled: 5,
        ..IDLE
    },
    Service {
        name: "the rest of its limit is full of file pages",
        limit: 256 * MB,
        anonymous: 4 * MB,
        page_cache: 251 * MB,
        ..IDLE
    },
    Service {
        name: "idle beside neighbours that keep the machine busy",
        load: 200,
        ..IDLE
    },
];

fn status(result: &CheckResult) -> Status {
    match result {
        Ok(observation) => observation.status(),
        Err(_) => Status::Fail,
    }
}

fn output(result: &CheckResult) -> &str {
    match result {
        Ok(observation) => observation.output().unwrap_or_default(),
        Err(failure) => failure.output(),
    }
}

#[test]
fn no_default_warns_of_a_service_that_is_well() {
    for service in HEALTHY {
        for version in VERSIONS {
            let cpu = service.cpu(version, &CpuIndicator::new("cpu"));
            for result in [service.memory(version), cpu] {
                let name = service.name;
                assert_eq!(
                    status(&result),
                    Status::Pass,
                    "{name}, {version:?}: {result:?}"
                );
            }
        }
    }
}

/// What the table above would not show if the files were not found.
#[test]
fn a_service_that_is_about_to_be_killed_warns_and_then_fails_by_default() {
    let near = |percent: u64| Service {
        anonymous: 1_000 * MB * percent / 100,
        limit: 1_000 * MB,
        kernel: 0,
        ..IDLE
    };
    for version in VERSIONS {
        let warning = near(92).memory(version);
        assert_eq!(status(&warning), Status::Warn);
        let text = "its cgroup uses 920.0 MB of 1000.0 MB (92.0 %), more than 90 %";
        assert_eq!(output(&warning), text);
        assert_eq!(status(&near(96).memory(version)), Status::Fail);
    }
    // Buffers of sockets count, since the kernel cannot drop them.
    let connections = Service {
        kernel: 100 * MB,
        ..near(86)
    };
    assert_eq!(status(&connections.memory(Version::V2)), Status::Fail);
}

#[test]
fn a_service_without_a_limit_of_its_own_has_the_memory_of_the_machine() {
    let large = Service {
        anonymous: 1_999 * GB,
        limit: 4_096 * GB,
        ..IDLE
    };
    let result = large.memory(Version::V2);
    assert_eq!(status(&result), Status::Fail);
    let text = "the process, on this machine, uses 2.0 TB of 2.0 TB (97.6 %), more than 95 %";
    assert_eq!(output(&result), text);
}

#[test]
fn each_limit_of_a_processor_warns_where_it_is_set() {
    let [_, _, _, batch, bursts, ..] = HEALTHY;
    let cpu = || CpuIndicator::new("cpu");
    for version in VERSIONS {
        for (service, indicator, text) in [
            (
                batch,
                cpu().warn_above_quota_percent(90.0),
                "100.0 % of the quota of 2 cores are used, more than 90 %",
            ),
            (
                bursts,
                cpu().warn_above_throttled_percent(10.0),
                "it was throttled in 12.0 % of all periods, more than 10 %",
            ),
            (
                batch,
                cpu().warn_above_load_per_core(1.0),
                "the load is 9.00 on 8 cores, more than 1 per core",
            ),
        ] {
            let result = service.cpu(version, &indicator);
            assert_eq!(status(&result), Status::Warn, "{text}");
            assert_eq!(output(&result), text);
        }
    }
}
