//! Which path asks which probe.

use crate::error::Problem;
use crate::probe::Probe;

/// A handful of exact paths; a scan beats a hash here.
#[derive(Clone, Debug)]
pub(super) struct Paths {
    paths: Vec<(Box<str>, Probe)>,
}

/// A bit for each length that some paths have. Lengths from 63 on share one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lengths(u64);

impl Lengths {
    pub(crate) const fn none() -> Self {
        Self(0)
    }

    pub(super) const fn all() -> Self {
        Self(u64::MAX)
    }

    pub(super) fn of(path: &str) -> Self {
        Self(Self::bit(path))
    }

    /// This length and every greater one.
    #[cfg(feature = "grpc")]
    pub(crate) fn from(path: &str) -> Self {
        Self(!(Self::bit(path) - 1))
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[inline]
    pub(super) fn have(self, path: &str) -> bool {
        self.0 & Self::bit(path) != 0
    }

    #[inline]
    fn bit(path: &str) -> u64 {
        1 << path.len().min(63)
    }
}

impl Paths {
    pub(super) fn new(
        prefix: &str,
        given: &[(String, Probe)],
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut paths: Vec<(Box<str>, Probe)> = Vec::new();
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        for (path, probe) in given {
            let full = format!("{prefix}{path}");
            // A prefix cannot lend its `/` to a path that has none.
            if let Some(fault) = fault(path).or_else(|| fault(&full)) {
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

    pub(super) fn lengths(&self) -> Lengths {
        let lengths = self.paths.iter().map(|(path, _)| Lengths::of(path));
        lengths.fold(Lengths::none(), Lengths::and)
    }

    /// The probe at exactly this path.
    #[inline]
    pub(super) fn probe(&self, path: &str) -> Option<Probe> {
        let found = self.paths.iter().find(|(other, _)| **other == *path);
        found.map(|(_, probe)| *probe)
    }

    /// The probe whose path this is, with one more segment behind it.
    pub(super) fn parent<'a>(&self, path: &'a str) -> Option<(Probe, &'a str)> {
        let (parent, name) = path.rsplit_once('/')?;
        Some((self.probe(parent)?, name))
    }
}

impl Default for Paths {
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
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(prefix: &str, given: &[(&str, Probe)]) -> (Paths, Vec<String>) {
        let given: Vec<_> = given
            .iter()
            .map(|(path, probe)| ((*path).to_owned(), *probe))
            .collect();
        let mut problems = Vec::new();
        let paths = Paths::new(prefix, &given, &mut problems);
        (paths, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn only_exactly_the_same_path_matches() {
        let paths = Paths::default();
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
    fn a_parent_has_exactly_one_segment_below_it() {
        let paths = Paths::default();
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
    fn a_path_that_cannot_be_asked_is_named() {
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
        assert_eq!(problems, ["probe path \"/livez\": it must start with `/`"]);
    }

    #[test]
    fn two_probes_on_one_path_are_named_and_one_probe_twice_is_not() {
        let (_, problems) = paths("", &[("/h", Probe::Liveness), ("/h", Probe::Readiness)]);
        assert_eq!(
            problems,
            ["probe path \"/h\": it is given for liveness and for readiness"]
        );
        let (_, problems) = paths("", &[("/h", Probe::Liveness), ("/h", Probe::Liveness)]);
        assert!(problems.is_empty());
    }
}
