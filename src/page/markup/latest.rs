//! The latest transitions, newest first.

use maud::{Markup, html};

use super::parts::{Shown, mark, time_and_age};
use crate::page::text::{beginning, took};
use crate::page::view::{View, probe_name};
use crate::{Subject, Transition};

/// The longest text of a transition, in bytes.
const BRIEF: usize = 200;

pub(super) fn latest(view: &View) -> Markup {
    html! {
        section #part-latest .latest aria-labelledby="latest" {
            h2 #latest { "Latest changes" }
            @if view.latest.is_empty() {
                p.quiet { "Nothing has changed since the start." }
            } @else {
                table {
                    caption.unseen { "The latest changes of probes and checks, newest first. Times are UTC." }
                    thead {
                        tr {
                            th scope="col" { "When" }
                            th scope="col" { "What" }
                            th scope="col" { "Change" }
                            th scope="col" { "Why" }
                        }
                    }
                    tbody { @for change in &view.latest { (row(change, view)) } }
                }
            }
        }
    }
}

fn row(change: &Transition, view: &View) -> Markup {
    html! {
        tr {
            td data-label="When" { (time_and_age(change.time, view.now)) }
            th scope="row" {
                @match &change.subject {
                    Subject::Probe(probe) => b { (probe_name(*probe)) },
                    Subject::Check { name, .. } => span.name { (Shown(name)) },
                }
            }
            td.change {
                @match change.from {
                    Some(from) => (mark(from.into())),
                    None => span.none { "first result" },
                }
                span.arrow { " → " }
                (mark(change.to.into()))
            }
            td.why {
                @if let Some(output) = &change.output {
                    span.output { (Shown(&beginning(output, BRIEF))) }
                }
                @for detail in details(change) { " " span.tag { (detail) } }
            }
        }
    }
}

fn details(change: &Transition) -> Vec<String> {
    let cause = change.cause.filter(|cause| cause.as_str() != "failed");
    let cause = cause.map(|cause| cause.to_string());
    let duration = change
        .duration
        .map(|duration| format!("took {}", took(duration)));
    let failures = change.consecutive_failures;
    let row = (failures > 1).then(|| format!("{failures} in a row"));
    let late = change.lateness;
    let late = (!late.is_zero()).then(|| format!("late by {}", took(late)));
    [cause, duration, row, late].into_iter().flatten().collect()
}
