//! The query of a request for details. It never changes a public answer.

use std::borrow::Cow;

use http::Uri;
use percent_encoding::percent_decode_str;

/// The most names that one request can exclude; the others are ignored.
const MAX_EXCLUDED: usize = 256;

/// The parameters of kube-apiserver's probes: `verbose`, with or without a value, and any number of
/// `exclude=`, each with one name.
#[derive(Debug, Default)]
pub(super) struct Query<'a> {
    pub(super) verbose: bool,
    pub(super) excluded: Vec<Cow<'a, str>>,
}

impl<'a> Query<'a> {
    pub(super) fn of(uri: &'a Uri) -> Self {
        let mut query = Self::default();
        for pair in uri.query().unwrap_or_default().split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            match key {
                "verbose" => query.verbose = true,
                "exclude" if query.excluded.len() < MAX_EXCLUDED => query
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
            let query = Query::of(&uri);
            assert_eq!(query.verbose, verbose, "{uri}");
            assert_eq!(query.excluded, excluded, "{uri}");
            assert_eq!(query.is_plain(), !verbose && excluded.is_empty(), "{uri}");
        }
    }

    #[test]
    fn names_beyond_the_limit_are_not_excluded() {
        let names: String = (0..=MAX_EXCLUDED)
            .map(|n| format!("&exclude=c{n}"))
            .collect();
        let uri: Uri = format!("/readyz?verbose{names}").parse().expect("a target");
        let query = Query::of(&uri);
        assert_eq!(query.excluded.len(), MAX_EXCLUDED);
        assert!(query.verbose);
        assert!(!query.excluded.contains(&format!("c{MAX_EXCLUDED}").into()));
    }
}
