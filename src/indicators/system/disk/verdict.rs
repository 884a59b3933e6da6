//! What is made of a volume, with defaults that fit small and large ones.

use super::Disk;
use super::volume::{Amount, Volume};
use crate::CheckResult;
use crate::indicators::shared::findings::{Findings, rounded};
use crate::indicators::shared::limits::Limits;
use crate::indicators::system::{MEGABYTE, size};

/// What counts while no limit is set: a share, and the most that it can be.
#[derive(Clone, Copy)]
struct DefaultLimit {
    percent: f64,
    most: f64,
}

const GIGABYTE: f64 = 1024.0 * MEGABYTE;

const WARN_BELOW_SPACE: DefaultLimit = DefaultLimit {
    percent: 10.0,
    most: 20.0 * GIGABYTE,
};
const FAIL_BELOW_SPACE: DefaultLimit = DefaultLimit {
    percent: 5.0,
    most: 10.0 * GIGABYTE,
};
const WARN_BELOW_INODES: DefaultLimit = DefaultLimit {
    percent: 10.0,
    most: 1e6,
};
const FAIL_BELOW_INODES: DefaultLimit = DefaultLimit {
    percent: 5.0,
    most: 5e5,
};

impl Disk {
    /// For so many free bytes: with the defaults that neither a setting nor their number replaces.
    pub(super) fn space_percent(&self, free: f64) -> Limits {
        let default = |bytes: Option<f64>, default| match bytes {
            Some(_) => None,
            None => self.default(default, free),
        };
        let warn = default(self.bytes.warn, WARN_BELOW_SPACE);
        let fail = default(self.bytes.fail, FAIL_BELOW_SPACE);
        or(self.percent, warn, fail)
    }

    pub(super) fn inodes_percent(&self, free: f64) -> Limits {
        let warn = self.default(WARN_BELOW_INODES, free);
        let fail = self.default(FAIL_BELOW_INODES, free);
        or(self.inodes_percent, warn, fail)
    }

    fn default(&self, default: DefaultLimit, free: f64) -> Option<f64> {
        let applies = !self.is_meant_read_only && free < default.most;
        applies.then_some(default.percent)
    }

    pub(super) fn judge(&self, volume: &Volume) -> CheckResult {
        let path = self.path.display();
        let mut findings = Findings::default();
        if volume.is_read_only && !self.is_meant_read_only {
            findings.failure(format!(
                "{path} is mounted read-only; if it is meant to be, as the root of a container may \
                 be, the check needs read_only()"
            ));
        }
        if let Some(space) = volume.space {
            let (free_percent, free) = (space.free_percent(), size(space.free));
            let total = size(space.total);
            findings.reading("utilization", rounded(100.0 - free_percent), "percent");
            findings.reading("free", space.free as u64, "bytes");
            let percent = self.space_percent(space.free);
            findings.limit(percent.compare(free_percent), |limit| {
                format!(
                    "{path} has {free_percent:.1} % free ({free} of {total}), less than {limit} %"
                )
            });
            findings.limit(self.bytes.compare(space.free), |limit| {
                let limit = size(limit);
                format!(
                    "{path} has {free} free ({free_percent:.1} % of {total}), less than {limit}"
                )
            });
        }
        if let Some(inodes) = volume.inodes {
            let Amount { free, total } = inodes;
            findings.reading("freeInodes", free as u64, "inodes");
            let percent = inodes.free_percent();
            findings.limit(self.inodes_percent(free).compare(percent), |limit| {
                format!("{path} has {percent:.1} % of its inodes free ({free} of {total}), less than {limit} %")
            });
        }
        findings.result()
    }
}

/// Where a limit is not set.
fn or(mut limits: Limits, warn: Option<f64>, fail: Option<f64>) -> Limits {
    limits.warn = limits.warn.or(warn);
    limits.fail = limits.fail.or(fail);
    limits
}

#[cfg(test)]
mod tests {
    use super::super::DiskIndicator;
    use super::*;
    use crate::Status;

    #[test]
    fn a_file_system_that_is_read_only_fails_and_says_how_to_expect_it() {
        let volume = Volume {
            space: None,
            inodes: None,
            is_read_only: true,
        };
        let root = || DiskIndicator::new("disk", "/");
        let failure = root().0.source.judge(&volume).err();
        let text = failure.map(|failure| failure.output().to_owned());
        let text = text.unwrap_or_default();
        assert!(text.starts_with("/ is mounted read-only; "), "{text}");
        assert!(text.ends_with("the check needs read_only()"), "{text}");
        assert!(root().read_only().0.source.judge(&volume).is_ok());
    }

    #[test]
    fn a_default_counts_on_a_small_disk_and_a_large_one_has_a_number() {
        let gigabytes = |number: f64| number * GIGABYTE;
        let disk = DiskIndicator::new("disk", "/").0.source;
        let space = |free, total| Volume {
            space: Some(Amount {
                free: gigabytes(free),
                total: gigabytes(total),
            }),
            inodes: None,
            is_read_only: false,
        };
        let inodes = |free, total| Volume {
            inodes: Some(Amount { free, total }),
            ..space(1.0, 1.0)
        };
        for (volume, expected) in [
            (space(10.1, 100.0), Status::Pass),
            (space(9.9, 100.0), Status::Warn),
            (space(4.9, 100.0), Status::Fail),
            (space(800.0, 20_000.0), Status::Pass),
            (space(19.9, 20_000.0), Status::Warn),
            (space(9.9, 20_000.0), Status::Fail),
            (inodes(101e3, 1e6), Status::Pass),
            (inodes(99e3, 1e6), Status::Warn),
            (inodes(49e3, 1e6), Status::Fail),
            (inodes(4e6, 1e9), Status::Pass),
            (inodes(9e5, 1e9), Status::Warn),
            (inodes(4e5, 1e9), Status::Fail),
        ] {
            let status = match disk.judge(&volume) {
                Ok(observation) => observation.status(),
                Err(_) => Status::Fail,
            };
            assert_eq!(status, expected, "{volume:?}");
        }
    }
}
