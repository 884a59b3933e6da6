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
    Resource(Resource),
}

/// What only a caller with access gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resource {
    History,
    Info,
    /// Begins a drain, if the application allows it.
    Drain,
}

/// The paths of the resources. A route that is not in this table does not exist.
const TABLE: [(&str, Resource); 3] = [
    ("/history", Resource::History),
    ("/info", Resource::Info),
    ("/drain", Resource::Drain),
];

impl Route {
    /// Returns the route of a path, compared byte by byte as it was sent.
    pub(super) fn of(path: &str) -> Option<Self> {
        if is_probe(path) {
            return Some(Self::Probe);
        }
        if let Some((_, resource)) = TABLE.iter().find(|(known, _)| *known == path) {
            return Some(Self::Resource(*resource));
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
            ("/history", Some(Route::Resource(Resource::History))),
            ("/drain", Some(Route::Resource(Resource::Drain))),
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
