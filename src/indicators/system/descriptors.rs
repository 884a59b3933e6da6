//! The open file descriptors of the process, against their limit.

#[cfg(target_os = "linux")]
use std::sync::PoisonError;

use super::{Host, Measure, host_indicator};
use crate::CheckResult;
#[cfg(target_os = "linux")]
use crate::indicators::shared::findings::{Findings, rounded};
use crate::indicators::shared::limits::Limits;

/// Checks how many file descriptors (files, sockets, pipes) the process has open, and whether it can
/// open one more.
///
/// ```
/// use tower_health::Health;
/// use tower_health::indicators::FileDescriptorsIndicator;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let descriptors = FileDescriptorsIndicator::new("descriptors")
///     .warn_above_percent(70.0)
///     .fail_above_percent(90.0);
/// let health = Health::builder().readiness(descriptors).start()?;
/// health.await_ready().await?;
/// # Ok(())
/// # }
/// ```
///
/// # What it sends
///
/// Nothing. A run asks the kernel for the number of open descriptors and their limit, and opens and
/// closes one directory of `/proc`, on the blocking pool. Before Linux 6.2 it lists the descriptors
/// instead, which takes about 1 ms for 10,000. The indicator keeps one descriptor open from its
/// construction on, so that it can also count when none is left. 500 instances cost other machines
/// nothing.
///
/// # Verdicts
///
/// - It fails above 95 % of the limit, and whenever the kernel refuses to open a file because the
///   process (`EMFILE`) or the machine (`ENFILE`) has too many open.
/// - It warns above 80 % of the limit.
/// - It passes otherwise, and with a note where the kernel does not offer the count: without
///   `/proc`, and on other platforms.
///
/// The limit is the soft one (`RLIMIT_NOFILE`, which `ulimit -n` shows; see getrlimit(2)), as it is
/// at the time of the run. At that limit the process can neither accept connections nor open files.
///
/// # What it cannot see
///
/// A burst that is over before the next run. How near the machine as a whole is to its limit: until
/// that is reached, only the process counts.
///
/// # Defaults
///
/// Not critical, component type `system`, TTL 5 s; the timeout is that of the
/// [`HealthConfig`](crate::HealthConfig). Readings: `descriptors` in `descriptors`; `utilization`
/// in `percent`, if there is a limit.
///
/// The default limits mean that the process is about to refuse connections. They are shares of a
/// limit that the process has in any case, so that 10,000 connections are well below a limit of
/// 65,536, and 950 are near one of 1,024.
#[must_use = "an indicator does nothing until it is registered"]
pub struct FileDescriptorsIndicator(Host<Descriptors>);

#[derive(Clone, Debug)]
struct Descriptors {
    percent: Limits,
    #[cfg(target_os = "linux")]
    open: std::sync::Arc<std::sync::Mutex<linux::OpenDescriptors>>,
}

impl FileDescriptorsIndicator {
    /// Creates an indicator that warns above 80 % of the limit and fails above 95 %.
    ///
    /// It counts once, at once, and keeps the descriptor that it needs for that.
    pub fn new(name: impl Into<String>) -> Self {
        let percent = Limits::above(["warn_above_percent", "fail_above_percent"], 100.0);
        let percent = percent.warn(80.0).fail(95.0);
        let descriptors = Descriptors {
            percent,
            #[cfg(target_os = "linux")]
            open: Default::default(),
        };
        Self(Host::prepared(name.into(), descriptors))
    }

    /// Warns while more than this share of the limit is open, in percent. Default: 80.
    ///
    /// The range is above 0 to 100, and at most the limit that fails.
    pub fn warn_above_percent(self, percent: f64) -> Self {
        Self(self.0.with(|source| source.percent.warn = Some(percent)))
    }

    /// Fails while more than this share of the limit is open, in percent. Default: 95.
    ///
    /// The range is above 0 to 100.
    pub fn fail_above_percent(self, percent: f64) -> Self {
        Self(self.0.with(|source| source.percent.fail = Some(percent)))
    }
}

host_indicator!(FileDescriptorsIndicator);

impl Measure for Descriptors {
    #[cfg(target_os = "linux")]
    fn measure(&self) -> CheckResult {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        match open.count() {
            Ok(count) => self.judge(count, linux::soft_limit(), linux::open_one_more()),
            Err(error) => super::unreadable(&error),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn measure(&self) -> CheckResult {
        super::not_on_this_platform()
    }

    fn config_error(&self) -> Option<String> {
        self.percent.config_error()
    }
}

#[cfg(target_os = "linux")]
impl Descriptors {
    fn judge(&self, open: u64, limit: Option<u64>, one_more: std::io::Result<()>) -> CheckResult {
        let mut findings = Findings::default();
        findings.reading("descriptors", open, "descriptors");
        if let Err(error) = one_more {
            findings.failure(format!("no file can be opened: {error}"));
        }
        if let Some(most) = limit {
            let percent = open as f64 / most as f64 * 100.0;
            findings.reading("utilization", rounded(percent), "percent");
            findings.limit(self.percent.compare(percent), |limit| {
                format!("{open} of {most} file descriptors are open, more than {limit} %")
            });
        }
        findings.result()
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::File;
    use std::io;

    use rustix::fs::Dir;
    use rustix::process::{Resource, getrlimit};

    use super::super::kernel_file::{Opener, no_descriptor_is_left};

    const PATH: &str = "/proc/self/fd";

    /// The directory of the open descriptors, which stays open and is one of them.
    #[derive(Debug, Default)]
    pub(super) struct OpenDescriptors {
        /// `Some` once it could be opened.
        directory: Option<Dir>,
        opened_by: Opener,
    }

    impl OpenDescriptors {
        pub(super) fn count(&mut self) -> io::Result<u64> {
            let is_own = self.opened_by.is_this_process();
            let directory = self.directory.as_mut().filter(|_| is_own);
            if let Some(count) = directory.and_then(|directory| count(directory).ok()) {
                return Ok(count);
            }
            self.directory = None;
            self.opened_by = Opener::default();
            let mut directory = Dir::new(File::open(PATH)?)?;
            let count = count(&mut directory)?;
            self.directory = Some(directory);
            Ok(count)
        }
    }

    fn count(directory: &mut Dir) -> io::Result<u64> {
        // Since Linux 6.2 (commit f1f1f2569901) the size is the number of entries.
        match u64::try_from(directory.stat()?.st_size) {
            Ok(count) if count > 0 => Ok(count),
            _ => listed(directory),
        }
    }

    fn listed(directory: &mut Dir) -> io::Result<u64> {
        directory.rewind();
        let mut count = 0;
        while let Some(entry) = directory.read() {
            let name = entry?;
            count += u64::from(!name.file_name().to_bytes().starts_with(b"."));
        }
        Ok(count)
    }

    /// `None` if the number is not limited.
    pub(super) fn soft_limit() -> Option<u64> {
        getrlimit(Resource::Nofile)
            .current
            .filter(|limit| *limit > 0)
    }

    /// Fails only for the lack of a descriptor.
    pub(super) fn open_one_more() -> io::Result<()> {
        match File::open(PATH) {
            Err(error) if no_descriptor_is_left(&error) => Err(error),
            _ => Ok(()),
        }
    }

    #[cfg(test)]
    #[allow(clippy::unwrap_used, reason = "tests end where they go wrong")]
    mod tests {
        use super::*;

        #[test]
        fn the_directory_that_the_parent_of_a_fork_has_opened_is_opened_again() {
            let folder = tempfile::tempdir().unwrap();
            let of_the_parent = Dir::new(File::open(folder.path()).unwrap()).unwrap();
            let mut open = OpenDescriptors {
                directory: Some(of_the_parent),
                opened_by: Opener::parent(),
            };
            open.count().unwrap();
            let device = |directory: &Dir| directory.stat().unwrap().st_dev;
            let own = Dir::new(File::open(PATH).unwrap()).unwrap();
            assert_eq!(device(open.directory.as_ref().unwrap()), device(&own));
            assert!(open.opened_by.is_this_process());
        }

        /// Other tests open and close some meanwhile.
        #[test]
        fn the_list_is_as_long_as_the_kernel_says_each_time() {
            let mut directory = Dir::new(File::open(PATH).unwrap()).unwrap();
            let files: Vec<_> = (0..500).map(|_| File::open("/dev/null").unwrap()).collect();
            for _ in 0..2 {
                let near = listed(&mut directory)
                    .unwrap()
                    .abs_diff(count(&mut directory).unwrap());
                assert!(near < 100, "{near}");
                assert!(listed(&mut directory).unwrap() > 500);
            }
            drop(files);
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io;

    use rustix::io::Errno;

    use super::*;
    use crate::Status;

    #[test]
    fn ten_thousand_connections_are_well_below_the_limit_of_a_server() {
        let indicator = FileDescriptorsIndicator::new("descriptors");
        for (limit, status) in [(65_536, Status::Pass), (12_288, Status::Warn)] {
            let judged = indicator.0.source.judge(10_040, Some(limit), Ok(()));
            assert_eq!(
                judged.ok().map(|told| told.status()),
                Some(status),
                "{limit}"
            );
        }
    }

    #[test]
    fn a_machine_that_can_open_no_file_fails_however_few_the_process_has() {
        let indicator = FileDescriptorsIndicator::new("descriptors");
        let full = || Err(io::Error::from(Errno::NFILE));
        for limit in [Some(1_024), None] {
            let failure = indicator.0.source.judge(20, limit, full());
            let told = failure.map_err(|failure| failure.output().to_owned());
            let expected = "no file can be opened: Too many open files in system (os error 23)";
            assert_eq!(told.err().as_deref(), Some(expected));
        }
    }
}
