//! The query of a request for details. It never changes a public answer.

use std::borrow::Cow;

use http::Uri;
use percent_encoding::percent_decode_str;

use crate::model::Limits;

/// The parameters of kube-apiserver's probes: `verbose`, with or without a value, and any number of
/// `exclude=`, each with one name.
#[derive(Debug, Default)]
pub(super) struct Query<'a> {
    pub(super) verbose: bool,
    pub(super) excluded: Vec<Cow<'a, str>>,
}

impl<'a> Query<'a> {
    /// Reads a query up to the limits. What stands beyond them is ignored, so a name there is not
    /// excluded, which never makes a status better.
    pub(super) fn of(uri: &'a Uri, limits: &Limits) -> Self {
        let mut query = Self::default();
        let text = uri.query().unwrap_or_default();
        for pair in whole_pairs(text, limits.query_bytes).split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            match key {
                "verbose" => query.verbose = true,
                "exclude" if query.excluded.len() < limits.excluded_names => query
                    .excluded
                    .push(percent_decode_str(value).decode_utf8_lossy()),
                _ => {}
            }
        }
        query
    }

    /// Returns whether it has neither parameter.
    pub(super) fn is_plain(&self) -> bool {
        !self.verbose && self.excluded.is_empty()
    }
}

/// Returns the pairs that end within this many bytes. A pair that was cut could name another check.
fn whole_pairs(query: &str, bytes: usize) -> &str {
    if query.len() <= bytes {
        return query;
    }
    let end = query.as_bytes()[..=bytes]
        .iter()
        .rposition(|byte| *byte == b'&');
    &query[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_read_as_kube_apiserver_reads_them() {
        let cases: [(&str, bool, &[&str]); 9] = [
            ("/readyz", false, &[]),
            ("/readyz?", false, &[]),
            ("/readyz?verbose", true, &[]),
            ("/readyz?verbose=false", true, &[]),
            ("/readyz?exclude=db", false, &["db"]),
            (
                "/readyz?exclude=db&verbose&exclude=cache",
                true,
                &["db", "cache"],
            ),
            ("/readyz?exclude=db%3Alag", false, &["db:lag"]),
            ("/readyz?exclude=%ff", false, &["\u{fffd}"]),
            ("/readyz?x=verbose&&=", false, &[]),
        ];
        for (uri, verbose, excluded) in cases {
            let uri: Uri = uri.parse().expect("a target");
            let query = Query::of(&uri, &Limits::default());
            assert_eq!(query.verbose, verbose, "{uri}");
            assert_eq!(query.excluded, excluded, "{uri}");
            assert_eq!(query.is_plain(), !verbose && excluded.is_empty(), "{uri}");
        }
    }

    #[test]
    fn names_beyond_the_limit_are_not_excluded() {
        let limits = Limits::default();
        let names = 0..=limits.excluded_names;
        let names: String = names.map(|n| format!("&exclude=c{n}")).collect();
        let uri: Uri = format!("/readyz?x{names}&verbose")
            .parse()
            .expect("a target");
        let query = Query::of(&uri, &limits);
        assert_eq!(query.excluded.len(), 256);
        assert_eq!(query.excluded[255], "c255");
        assert!(query.verbose, "it is no name");
    }

    #[test]
    fn a_query_is_read_up_to_the_last_pair_that_ends_within_the_limit() {
        let mut limits = Limits::default();
        // The name `ab` ends at byte 10, `database` at byte 27.
        let uri: Uri = "/readyz?exclude=ab&exclude=database"
            .parse()
            .expect("a target");
        let cases: [(usize, &[&str]); 7] = [
            (1, &[]),
            (9, &[]),
            (10, &["ab"]),
            (11, &["ab"]),
            (26, &["ab"]),
            (27, &["ab", "database"]),
            (65_536, &["ab", "database"]),
        ];
        for (bytes, excluded) in cases {
            limits.query_bytes = bytes;
            assert_eq!(Query::of(&uri, &limits).excluded, excluded, "{bytes}");
        }
    }
}
