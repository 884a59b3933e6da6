//! The limits of everything that comes from outside, in one place.

use std::fmt::Display;
use std::time::Duration;

use super::{OptionFault, Problem};

/// Limits how much of what comes from outside a [`Health`](crate::Health) reads, keeps or has open
/// at once.
///
/// The defaults suit most services. A value out of the range of its limit is an error at the
/// start that names both. The [limits guide](crate::guides::limits) says what happens
/// beyond each limit, and lists the quantities that have none.
///
/// Limits can be added in later versions, so a program begins with the defaults:
///
/// ```
/// use tower_health::{Health, Limits};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut limits = Limits::default();
/// limits.text_bytes = 1024;
/// limits.transitions = 100;
/// let health = Health::builder().limits(limits).start()?;
///
/// limits.transitions = 0;
/// let error = Health::builder().limits(limits).start().unwrap_err();
/// assert_eq!(error.to_string(), "limits.transitions is 0, but must be from 1 to 65536");
/// # Ok(())
/// # }
/// ```
///
/// In a settings file, they are the section `limits` of [`HealthConfig`](crate::HealthConfig).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct Limits {
    /// Names that one request can exclude by `?exclude=`. Default: 256; at most 65,536.
    ///
    /// Further names are not excluded.
    #[cfg_attr(feature = "serde", serde(with = "super::number"))]
    pub excluded_names: usize,
    /// Bytes of a query that are read. Default: 8 KiB; at most 64 KiB.
    ///
    /// A parameter that ends beyond them is ignored.
    #[cfg_attr(feature = "serde", serde(with = "super::number"))]
    pub query_bytes: usize,
    /// gRPC calls whose request has not arrived completely. Default: 1,024; at most 1,048,576.
    ///
    /// One more ends the oldest of them with `RESOURCE_EXHAUSTED`. A call whose request is there when
    /// it is first looked at does not count.
    #[cfg(feature = "grpc")]
    #[cfg_attr(docsrs, doc(cfg(feature = "grpc")))]
    #[cfg_attr(feature = "serde", serde(with = "super::number"))]
    pub pending_calls: usize,
    /// How many of the [`pending_calls`](Self::pending_calls) may come from one peer. Default: 64; at
    /// most 1,048,576.
    ///
    /// It counts only for a layer that [knows the
    /// peer](crate::HealthLayerBuilder::grpc_peer).
    #[cfg(feature = "grpc")]
    #[cfg_attr(docsrs, doc(cfg(feature = "grpc")))]
    #[cfg_attr(feature = "serde", serde(with = "super::number"))]
    pub pending_calls_per_peer: usize,
    /// Time within which the request of a gRPC call must arrive. Default: 5 s; from 1 ms to 1 h.
    ///
    /// The `grpc-timeout` of the call can only shorten it. Afterwards the call ends with
    /// `DEADLINE_EXCEEDED`.
    #[cfg(feature = "grpc")]
    #[cfg_attr(docsrs, doc(cfg(feature = "grpc")))]
    #[cfg_attr(feature = "serde", serde(with = "super::duration"))]
    pub read_timeout: Duration,
    /// gRPC `Watch` streams that may be open at once. Default: 16,384; at most 1,048,576.
    ///
    /// Further ones are refused with `RESOURCE_EXHAUSTED`.
    #[cfg(feature = "grpc")]
    #[cfg_attr(docsrs, doc(cfg(feature = "grpc")))]
    #[cfg_attr(feature = "serde", serde(with = "super::number"))]
    pub watches: usize,
    /// How many of the [`watches`](Self::watches) may belong to one peer. Default: 256; at most
    /// 1,048,576.
    ///
    /// It counts only for a layer that [knows the
    /// peer](crate::HealthLayerBuilder::grpc_peer).
    #[cfg(feature = "grpc")]
    #[cfg_attr(docsrs, doc(cfg(feature = "grpc")))]
    #[cfg_attr(feature = "serde", serde(with = "super::number"))]
    pub watches_per_peer: usize,
    /// gRPC services whose status the application sets. Default: 1,024; at most 65,536.
    ///
    /// [`set_serving_status`](crate::Health::set_serving_status) returns an error for one more.
    #[cfg(feature = "grpc")]
    #[cfg_attr(docsrs, doc(cfg(feature = "grpc")))]
    #[cfg_attr(feature = "serde", serde(with = "super::number"))]
    pub services: usize,
    /// Bytes of the name of a gRPC service. Default: 256; at most 4,096.
    ///
    /// A service with a longer name cannot be declared or set, and a `Watch` of it is refused with
    /// `RESOURCE_EXHAUSTED`, since it would keep the name for as long as it is open.
    #[cfg(feature = "grpc")]
    #[cfg_attr(docsrs, doc(cfg(feature = "grpc")))]
    #[cfg_attr(feature = "serde", serde(with = "super::number"))]
    pub service_name_bytes: usize,
    /// Transitions that listeners and each subscriber can fall behind. Default: 1,024; at most
    /// 65,536.
    ///
    /// They miss the oldest beyond it, which are counted. There is always room for two changes of
    /// each probe and of each check that was registered at the start.
    #[cfg_attr(feature = "serde", serde(with = "super::number"))]
    pub transitions: usize,
    /// Log lines that wait for the `tracing` subscriber. Default: 1,024; at most 65,536.
    ///
    /// The oldest are dropped beyond it, and counted. There is always room for two lines about each
    /// probe and each check that was registered at the start.
    #[cfg_attr(feature = "serde", serde(with = "super::number"))]
    pub log_lines: usize,
    /// Transitions of each check and each probe that [`history`](crate::Health::history) keeps.
    /// Default: 64; at most 4,096.
    ///
    /// A transition beyond it replaces the oldest of the same check or probe.
    #[cfg_attr(feature = "serde", serde(with = "super::number"))]
    pub history_per_check: usize,
    /// Bytes of text in the history of each check and each probe. Default: 16 KiB; at most 1 MiB.
    ///
    /// The oldest transitions of the same check or probe make room; the latest is always kept.
    #[cfg_attr(feature = "serde", serde(with = "super::number"))]
    pub history_bytes_per_check: usize,
    /// Runs of each check that [`Health::runs`](crate::Health::runs) keeps, of 16 bytes each. Default:
    /// 120; at most 65,536.
    #[cfg_attr(feature = "serde", serde(with = "super::number"))]
    pub samples_per_check: usize,
    /// Minutes of each check for which [`Health::runs`](crate::Health::runs) keeps sums, of 120 bytes
    /// each. Default: 90; at most 10,080, a week.
    #[cfg_attr(feature = "serde", serde(with = "super::number"))]
    pub minutes_per_check: usize,
    /// Readings of one run of a check that are kept. Default: 64; at most 4,096.
    ///
    /// The first ones are kept.
    #[cfg_attr(feature = "serde", serde(with = "super::number"))]
    pub readings_per_check: usize,
    /// Bytes of each text from a check, a gate or the application after redaction. Default: 4 KiB;
    /// from 64 bytes to 64 KiB.
    ///
    /// A longer text is cut.
    #[cfg_attr(feature = "serde", serde(with = "super::number"))]
    pub text_bytes: usize,
    /// Runs of one check that go on after their timeout. Default: 4; at most 1,024.
    ///
    /// When a further run is due, the check fails once and the oldest of them is aborted; see
    /// [`OnTimeout::Detach`](crate::OnTimeout::Detach).
    #[cfg_attr(feature = "serde", serde(with = "super::number"))]
    pub detached_runs: usize,
    /// Lateness of the refresher that is excused, for one run and for one result. Default: 60 s; from
    /// 1 ms to 1 h.
    ///
    /// A result is never shown for longer than this beyond its expiry, however long the process was
    /// paused.
    #[cfg_attr(feature = "serde", serde(with = "super::duration"))]
    pub lateness: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            excluded_names: 256,
            query_bytes: 8 * 1024,
            #[cfg(feature = "grpc")]
            pending_calls: 1_024,
            #[cfg(feature = "grpc")]
            pending_calls_per_peer: 64,
            #[cfg(feature = "grpc")]
            read_timeout: Duration::from_secs(5),
            #[cfg(feature = "grpc")]
            watches: 16_384,
            #[cfg(feature = "grpc")]
            watches_per_peer: 256,
            #[cfg(feature = "grpc")]
            services: 1_024,
            #[cfg(feature = "grpc")]
            service_name_bytes: 256,
            transitions: 1_024,
            log_lines: 1_024,
            history_per_check: 64,
            history_bytes_per_check: 16 * 1024,
            samples_per_check: 120,
            minutes_per_check: 90,
            readings_per_check: 64,
            text_bytes: 4 * 1024,
            detached_runs: 4,
            lateness: Duration::from_secs(60),
        }
    }
}

impl Limits {
    /// Returns a problem for each limit that is out of its range.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        // Takes every field by name, so that none is added without a range.
        let Self {
            excluded_names,
            query_bytes,
            #[cfg(feature = "grpc")]
            pending_calls,
            #[cfg(feature = "grpc")]
            pending_calls_per_peer,
            #[cfg(feature = "grpc")]
            read_timeout,
            #[cfg(feature = "grpc")]
            watches,
            #[cfg(feature = "grpc")]
            watches_per_peer,
            #[cfg(feature = "grpc")]
            services,
            #[cfg(feature = "grpc")]
            service_name_bytes,
            transitions,
            log_lines,
            history_per_check,
            history_bytes_per_check,
            samples_per_check,
            minutes_per_check,
            readings_per_check,
            text_bytes,
            detached_runs,
            lateness,
        } = *self;
        let counts = [
            ("limits.excluded_names", excluded_names, 1, 65_536),
            ("limits.query_bytes", query_bytes, 1, 65_536),
            #[cfg(feature = "grpc")]
            ("limits.pending_calls", pending_calls, 1, 1 << 20),
            #[cfg(feature = "grpc")]
            (
                "limits.pending_calls_per_peer",
                pending_calls_per_peer,
                1,
                1 << 20,
            ),
            #[cfg(feature = "grpc")]
            ("limits.watches", watches, 1, 1 << 20),
            #[cfg(feature = "grpc")]
            ("limits.watches_per_peer", watches_per_peer, 1, 1 << 20),
            #[cfg(feature = "grpc")]
            ("limits.services", services, 1, 65_536),
            #[cfg(feature = "grpc")]
            ("limits.service_name_bytes", service_name_bytes, 1, 4_096),
            // Room for the transitions is taken at the start.
            ("limits.transitions", transitions, 1, 65_536),
            ("limits.log_lines", log_lines, 1, 65_536),
            ("limits.history_per_check", history_per_check, 1, 4_096),
            (
                "limits.history_bytes_per_check",
                history_bytes_per_check,
                1,
                1 << 20,
            ),
            ("limits.samples_per_check", samples_per_check, 1, 65_536),
            ("limits.minutes_per_check", minutes_per_check, 1, 10_080),
            ("limits.readings_per_check", readings_per_check, 1, 4_096),
            // Redaction reads at most 64 KiB.
            ("limits.text_bytes", text_bytes, 64, 65_536),
            ("limits.detached_runs", detached_runs, 1, 1_024),
        ];
        let durations = [
            #[cfg(feature = "grpc")]
            ("limits.read_timeout", read_timeout),
            ("limits.lateness", lateness),
        ];
        let counts = counts
            .into_iter()
            .filter_map(|(name, given, least, most)| out_of_range(name, given, least, most, |n| n));
        let durations = durations.into_iter().filter_map(|(name, given)| {
            let (least, most) = (Duration::from_millis(1), Duration::from_secs(60 * 60));
            out_of_range(name, given, least, most, humantime::format_duration)
        });
        counts.chain(durations).collect()
    }
}

fn out_of_range<T: PartialOrd, D: Display>(
    name: &'static str,
    given: T,
    least: T,
    most: T,
    text: impl Fn(T) -> D,
) -> Option<Problem> {
    if (&least..=&most).contains(&&given) {
        return None;
    }
    let [given, least, most] = [given, least, most].map(|value| text(value).to_string());
    let fault = OptionFault::OutOfRange { given, least, most };
    Some(Problem::option(None, name, fault))
}
