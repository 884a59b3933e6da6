//! The report as text, in the format of [kube-apiserver's `?verbose`][kube].
//!
//! [kube]: https://kubernetes.io/docs/reference/using-api/health-checks/

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Write as _;

use super::Report;
use crate::model::{Status, escape_line};

/// Renders `text/plain`: one line for each entry, then one for the probe, called `probe_name`.
///
/// Entries named in `excluded` are shown as excluded. A line warns of names that match no entry.
pub(crate) fn render_text(
    report: &Report<'_>,
    probe_name: &str,
    excluded: &[Cow<'_, str>],
) -> String {
    let excluded_names = super::names(excluded);
    let entry_names: HashSet<_> = report.entries.iter().map(|entry| entry.name).collect();
    let mut text = String::new();
    // Writing to a `String` cannot fail.
    for reason in &report.reasons {
        let _ = writeln!(text, "[-]{probe_name} failed: {}", escape_line(reason));
    }
    for entry in &report.entries {
        let (name, output) = (entry.name, escape_line(entry.output().unwrap_or_default()));
        let _ = if excluded_names.contains(name) {
            writeln!(text, "[+]{name} excluded: ok")
        } else {
            match entry.status {
                Status::Pass => writeln!(text, "[+]{name} ok"),
                Status::Warn => writeln!(text, "[+]{name} warn: {output}"),
                Status::Fail => writeln!(text, "[-]{name} failed: {output}"),
            }
        };
    }
    let unknown: Vec<_> = excluded
        .iter()
        .filter(|name| !entry_names.contains(&***name))
        .map(|name| format!("\"{}\"", escape_line(name)))
        .collect();
    if !unknown.is_empty() {
        let _ = writeln!(
            text,
            "warn: some health checks cannot be excluded: no matches for {}",
            unknown.join(", ")
        );
    }
    let outcome = if report.status.is_healthy() {
        "passed"
    } else {
        "failed"
    };
    let _ = writeln!(text, "{probe_name} check {outcome}");
    text
}
