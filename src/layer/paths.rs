//! Which path asks which probe.

use crate::error::Problem;
use crate::probe::Probe;

/// A handful of exact paths; a scan beats a hash here.
#[derive(Clone, Debug)]
pub(super) struct Paths {
    paths: Vec<(Box<str>, Probe)>,
}

/// Tells most requests from probes at a glance: by the length of their path and the byte after its
/// first `/`. It has a bit for each that a path with an answer has.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sieve {
    /// Lengths from 63 on share a bit.
    lengths: u64,
    /// Bytes that differ by a multiple of 64 share a bit.
    letters: u64,
}

impl Sieve {
    /// Holds back this path.
    pub(super) fn exactly(path: &str) -> Self {
        Self {
            lengths: length_bit(path),
            letters: letter_bit(path),
        }
    }

    /// Holds back this path, and every longer one that starts as it does.
    pub(crate) fn starting_with(path: &str) -> Self {
        Self {
            lengths: !(length_bit(path) - 1),
            letters: letter_bit(path),
        }
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self {
            lengths: self.lengths | other.lengths,
            letters: self.letters | other.letters,
        }
    }

    /// What it does not hold is certainly none of the paths.
    #[inline(always)]
    pub(super) fn holds(self, path: &str) -> bool {
        self.lengths & length_bit(path) != 0 && self.letters & letter_bit(path) != 0
    }
}

#[inline(always)]
fn length_bit(path: &str) -> u64 {
    1 << path.len().min(63)
}

#[inline(always)]
fn letter_bit(path: &str) -> u64 {
    let letter = path.as_bytes().get(1).unwrap_or(&0);
    1 << (letter % 64)
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

    /// Holds back every path of a probe and, if single checks are shown, what is below it.
    pub(super) fn sieve(&self, shows_checks: bool) -> Sieve {
        let sieves = self.paths.iter().map(|(path, _)| {
            let own = Sieve::exactly(path);
            if shows_checks {
                own.and(Sieve::starting_with(&format!("{path}/")))
            } else {
                own
            }
        });
        sieves.fold(Sieve::default(), Sieve::and)
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
    fn the_sieve_holds_back_every_path_that_may_have_an_answer() {
        let long = format!("/{}", "x".repeat(100));
        for prefix in ["", "/internal", &long] {
            let given = [("/livez", Probe::Liveness), ("/", Probe::Readiness)];
            let (paths, problems) = paths(prefix, &given);
            assert!(problems.is_empty());
            for path in given.map(|(path, _)| format!("{prefix}{path}")) {
                assert!(paths.sieve(false).holds(&path), "{path}");
                assert!(paths.sieve(true).holds(&path), "{path}");
                let check = format!("{path}/db");
                assert!(paths.parent(&check).is_some(), "{check}");
                assert!(paths.sieve(true).holds(&check), "{check}");
            }
        }
    }

    #[test]
    fn the_sieve_lets_other_lengths_and_other_letters_through() {
        let sieve = Paths::default().sieve(false);
        for path in [
            "",
            "/",
            "*",
            "/lives.html",
            "/xivez",
            "/orders",
            "/users/123",
        ] {
            assert!(!sieve.holds(path), "{path}");
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
