//! Counters of the probes that were answered, for a health that counts them.
//!
//! Each probe adds one to one atomic number, and waits for nobody. Without the setting there are no
//! counters, and a probe writes nothing.

use std::sync::atomic::{AtomicU64, Ordering};

#[cfg(feature = "grpc")]
use super::ServingStatus;
use super::SharedState;
#[cfg(feature = "grpc")]
use super::grpc::standard_probe;
use crate::model::{Probe, Status};

/// Counts the probes that were answered in one way.
///
/// [`Health::probe_requests`](crate::Health::probe_requests) returns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProbeRequests {
    /// The probe: `liveness`, `readiness`, `startup`, or `service` for a gRPC service that the
    /// application named.
    pub probe: &'static str,
    /// The answer. Over HTTP `200`, `503` or `405`; over gRPC the status `SERVING`, `NOT_SERVING` or
    /// `UNKNOWN`, or `NOT_FOUND` if there is no such service.
    pub code: &'static str,
    /// How the probe came: `http` or `grpc`.
    pub transport: &'static str,
    /// How many there were.
    pub count: u64,
}

const HTTP_CODES: [&str; 3] = ["200", "503", "405"];

#[cfg(feature = "grpc")]
const GRPC_CODES: [&str; 4] = ["SERVING", "NOT_SERVING", "UNKNOWN", "NOT_FOUND"];

/// The name of the place after those of the probes.
#[cfg(feature = "grpc")]
const SERVICE: &str = "service";

#[derive(Debug, Default)]
pub(super) struct ProbeCounters {
    http: [[AtomicU64; HTTP_CODES.len()]; Probe::EACH.len()],
    #[cfg(feature = "grpc")]
    grpc: [[AtomicU64; GRPC_CODES.len()]; Probe::EACH.len() + 1],
}

impl SharedState {
    /// Counts probes from now on.
    pub(crate) fn count_probe_requests(&self) {
        self.probe_counters.get_or_init(ProbeCounters::default);
    }

    /// Counts a probe over HTTP, if probes are counted. It told no status if its method is not
    /// allowed.
    #[inline]
    pub(crate) fn count_http_probe(&self, probe: Probe, told: impl FnOnce() -> Option<Status>) {
        if let Some(counters) = self.probe_counters.get() {
            let code = match told() {
                Some(status) if status.is_healthy() => 0,
                Some(_) => 1,
                None => 2,
            };
            add_one(&counters.http[probe as usize][code]);
        }
    }

    /// Counts a call of `Check`, if probes are counted.
    #[cfg(feature = "grpc")]
    #[inline]
    pub(crate) fn count_grpc_probe(&self, service: &str, told: Option<ServingStatus>) {
        if let Some(counters) = self.probe_counters.get() {
            let code = match told {
                Some(ServingStatus::Serving) => 0,
                Some(ServingStatus::NotServing) => 1,
                Some(ServingStatus::Unknown | ServingStatus::ServiceUnknown) => 2,
                None => 3,
            };
            let probe = standard_probe(service);
            let place = probe.map_or(Probe::EACH.len(), |probe| probe as usize);
            add_one(&counters.grpc[place][code]);
        }
    }

    /// Returns how many probes were answered in which way; nothing unless they are counted.
    pub(crate) fn probe_requests(&self) -> Vec<ProbeRequests> {
        let Some(counters) = self.probe_counters.get() else {
            return Vec::new();
        };
        let http = Probe::EACH.iter().zip(&counters.http);
        let http =
            http.flat_map(|(probe, counts)| read("http", probe.as_str(), &HTTP_CODES, counts));
        #[cfg(feature = "grpc")]
        let http = {
            let probes = Probe::EACH.iter().map(|probe| probe.as_str());
            let all = probes.chain([SERVICE]).zip(&counters.grpc);
            http.chain(all.flat_map(|(probe, counts)| {
                // A probe of this crate is always known.
                let codes = if probe == SERVICE { 4 } else { 2 };
                read("grpc", probe, &GRPC_CODES[..codes], counts)
            }))
        };
        http.collect()
    }
}

#[inline]
fn add_one(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn read<'a>(
    transport: &'static str,
    probe: &'static str,
    codes: &'a [&'static str],
    counts: &'a [AtomicU64],
) -> impl Iterator<Item = ProbeRequests> + use<'a> {
    codes
        .iter()
        .zip(counts)
        .map(move |(code, count)| ProbeRequests {
            probe,
            code,
            transport,
            count: count.load(Ordering::Relaxed),
        })
}
