//! The route table: exact paths, and nothing else.
//!
//! No route serves the environment, settings, memory or files, and no path falls through to a router
//! of the application. A prefix match is how CVE-2026-22731 opened paths below a health endpoint, so
//! there is none here.

use crate::Probe;

/// What a path stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// One of the three probes.
    Probe,
    /// Perhaps one check of a probe.
    Check,
    /// The stream that keeps an open page up to date.
    Events,
    /// The history, which may wait for an archive.
    History,
    Resource(Resource),
}

/// What only a caller with access gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resource {
    /// The status page.
    Page,
    Info,
    #[cfg(feature = "metrics")]
    Metrics,
    #[cfg(feature = "metrics")]
    MetricsSlis,
    /// Begins a drain, if the application allows it.
    Drain,
}

/// The paths beside those of the probes. A route that is not in this table does not exist.
const TABLE: &[(&str, Route)] = &[
    ("/", Route::Resource(Resource::Page)),
    ("/events", Route::Events),
    ("/history", Route::History),
    ("/info", Route::Resource(Resource::Info)),
    #[cfg(feature = "metrics")]
    ("/metrics", Route::Resource(Resource::Metrics)),
    #[cfg(feature = "metrics")]
    ("/metrics/slis", Route::Resource(Resource::MetricsSlis)),
    ("/drain", Route::Resource(Resource::Drain)),
];

impl Route {
    /// Returns the route of a path, compared byte by byte as it was sent.
    pub(super) fn of(path: &str) -> Option<Self> {
        if is_probe(path) {
            return Some(Self::Probe);
        }
        if let Some((_, route)) = TABLE.iter().find(|(known, _)| *known == path) {
            return Some(*route);
        }
        let (parent, name) = path.rsplit_once('/')?;
        (is_probe(parent) && !name.is_empty()).then_some(Self::Check)
    }
}

fn is_probe(path: &str) -> bool {
    Probe::EACH.iter().any(|probe| probe.default_path() == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exact_paths_are_routes() {
        let cases = [
            ("/livez", Some(Route::Probe)),
            ("/readyz", Some(Route::Probe)),
            ("/startupz", Some(Route::Probe)),
            ("/readyz/db", Some(Route::Check)),
            ("/info", Some(Route::Resource(Resource::Info))),
            ("/history", Some(Route::History)),
            ("/drain", Some(Route::Resource(Resource::Drain))),
            ("/", Some(Route::Resource(Resource::Page))),
            ("/events", Some(Route::Events)),
            ("/events/", None),
            ("/index.html", None),
            ("/metrics/", None),
            ("/metrics/slis/", None),
            ("/metrics/db", None),
            ("", None),
            ("*", None),
            ("/livez/", None),
            ("/readyz/db/", None),
            ("/readyz/db/x", None),
            ("/readyz//db", None),
            ("//readyz", None),
            ("/READYZ", None),
            ("/readyz;/db", None),
            ("/info/", None),
            ("/info/db", None),
            ("/Info", None),
            ("/%69nfo", None),
            ("/x/../info", None),
            ("/env", None),
        ];
        for (path, expected) in cases {
            assert_eq!(Route::of(path), expected, "{path:?}");
        }
    }
}
