//! The path table: which path belongs to which probe.

use http::uri::PathAndQuery;

use super::prefilter::Prefilter;
use crate::model::{Probe, Problem};

/// A few exact paths. For so few, a scan is faster than a hash.
#[derive(Clone, Debug)]
pub(super) struct PathTable {
    paths: Vec<(Box<str>, Probe)>,
}

impl PathTable {
    pub(super) fn new(
        prefix: &str,
        given: &[(String, Probe)],
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut paths: Vec<(Box<str>, Probe)> = Vec::new();
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        if let Some(fault) = fault(prefix).filter(|_| !prefix.is_empty()) {
            let prefix = prefix.to_owned();
            problems.push(Problem::Prefix { prefix, fault });
        }
        for (path, probe) in given {
            let full = format!("{prefix}{path}");
            if let Some(fault) = fault(path) {
                problems.push(Problem::Path {
                    path: path.clone(),
                    fault,
                });
                continue;
            }
            match paths.iter().find(|(other, _)| **other == *full) {
                None => paths.push((full.into(), *probe)),
                Some((_, other)) if other == probe => {}
                Some((_, other)) => {
                    problems.push(Problem::DuplicatePath {
                        path: full,
                        probes: [*other, *probe],
                    });
                }
            }
        }
        Self { paths }
    }

    /// Returns a filter that matches every path of a probe and, if single checks have paths, those
    /// below it.
    pub(super) fn prefilter(&self, with_checks: bool) -> Prefilter {
        let filters = self.paths.iter().map(|(path, _)| {
            let own = Prefilter::exactly(path);
            if with_checks {
                own.or(Prefilter::starting_with(&format!("{path}/")))
            } else {
                own
            }
        });
        filters.fold(Prefilter::default(), Prefilter::or)
    }

    /// Returns the probe at exactly this path.
    #[inline]
    pub(super) fn probe(&self, path: &str) -> Option<Probe> {
        let found = self.paths.iter().find(|(other, _)| **other == *path);
        found.map(|(_, probe)| *probe)
    }

    /// Splits a path into that of a probe and one more segment.
    pub(super) fn parent<'a>(&self, path: &'a str) -> Option<(Probe, &'a str)> {
        let (parent, name) = path.rsplit_once('/')?;
        Some((self.probe(parent)?, name))
    }
}

impl Default for PathTable {
    fn default() -> Self {
        let path = |probe: Probe| (Box::from(probe.default_path()), probe);
        let paths = Probe::EACH.map(path).into();
        Self { paths }
    }
}

fn fault(path: &str) -> Option<&'static str> {
    if !path.starts_with('/') {
        Some("it must start with `/`")
    } else if path.bytes().any(|byte| !byte.is_ascii_graphic()) {
        Some("it must be printable ASCII; write anything else percent-encoded, as it is sent")
    } else if path.contains(['?', '#']) {
        Some("it must be a path, without query or fragment")
    } else if path.parse::<PathAndQuery>().is_err() {
        Some("it has a character that a path cannot have; write it percent-encoded, as it is sent")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(prefix: &str, given: &[(&str, Probe)]) -> (PathTable, Vec<String>) {
        let given: Vec<_> = given
            .iter()
            .map(|(path, probe)| ((*path).to_owned(), *probe))
            .collect();
        let mut problems = Vec::new();
        let paths = PathTable::new(prefix, &given, &mut problems);
        (paths, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn only_exactly_the_same_path_matches() {
        let paths = PathTable::default();
        let cases = [
            ("/livez", Some(Probe::Liveness)),
            ("/readyz", Some(Probe::Readiness)),
            ("/startupz", Some(Probe::Startup)),
            ("/", None),
            ("", None),
            ("*", None),
            ("/livez/", None),
            ("//livez", None),
            ("/LIVEZ", None),
            ("/%6civez", None),
            ("/livezz", None),
            ("/readyz/db", None),
        ];
        for (path, expected) in cases {
            assert_eq!(paths.probe(path), expected, "{path:?}");
        }
    }

    #[test]
    fn the_prefilter_matches_every_path_that_is_answered() {
        let long = format!("/{}", "x".repeat(100));
        for prefix in ["", "/internal", &long] {
            let given = [("/livez", Probe::Liveness), ("/", Probe::Readiness)];
            let (paths, problems) = paths(prefix, &given);
            assert!(problems.is_empty());
            for path in given.map(|(path, _)| format!("{prefix}{path}")) {
                assert!(paths.prefilter(false).may_match(&path), "{path}");
                assert!(paths.prefilter(true).may_match(&path), "{path}");
                let check = format!("{path}/db");
                assert!(paths.parent(&check).is_some(), "{check}");
                assert!(paths.prefilter(true).may_match(&check), "{check}");
            }
        }
    }

    #[test]
    fn the_prefilter_lets_other_lengths_and_other_letters_pass() {
        let prefilter = PathTable::default().prefilter(false);
        for path in [
            "",
            "/",
            "*",
            "/lives.html",
            "/xivez",
            "/orders",
            "/users/123",
        ] {
            assert!(!prefilter.may_match(path), "{path}");
        }
    }

    #[test]
    fn a_parent_has_exactly_one_segment_below_it() {
        let paths = PathTable::default();
        assert_eq!(paths.parent("/readyz/db"), Some((Probe::Readiness, "db")));
        assert_eq!(paths.parent("/readyz/"), Some((Probe::Readiness, "")));
        assert_eq!(paths.parent("/readyz/a/b"), None);
        assert_eq!(paths.parent("/other/db"), None);
    }

    #[test]
    fn a_prefix_stands_before_every_path() {
        for prefix in ["/internal", "/internal/"] {
            let (paths, problems) = paths(prefix, &[("/livez", Probe::Liveness)]);
            assert!(problems.is_empty());
            assert_eq!(paths.probe("/internal/livez"), Some(Probe::Liveness));
            assert_eq!(paths.probe("/livez"), None);
        }
    }

    #[test]
    fn a_path_that_cannot_be_requested_is_named() {
        let cases = [
            ("livez", "probe path \"livez\": it must start with `/`"),
            ("", "probe path \"\": it must start with `/`"),
            (
                "/live?x",
                "probe path \"/live?x\": it must be a path, without query or fragment",
            ),
            (
                "/liv e",
                "probe path \"/liv e\": it must be printable ASCII; write anything else \
                 percent-encoded, as it is sent",
            ),
        ];
        for (path, expected) in cases {
            assert_eq!(paths("", &[(path, Probe::Liveness)]).1, [expected]);
        }
        let (_, problems) = paths("internal", &[("/livez", Probe::Liveness)]);
        assert_eq!(
            problems,
            ["path prefix \"internal\": it must start with `/`"]
        );
    }

    #[test]
    fn two_probes_on_one_path_are_named_and_one_probe_twice_is_not() {
        let (_, problems) = paths("", &[("/h", Probe::Liveness), ("/h", Probe::Readiness)]);
        assert_eq!(
            problems,
            ["probe path \"/h\": it belongs to liveness and to readiness"]
        );
        let (_, problems) = paths("", &[("/h", Probe::Liveness), ("/h", Probe::Liveness)]);
        assert!(problems.is_empty());
    }
}
