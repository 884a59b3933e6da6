//! The head of the page: which service this is, its three probes, and the sentence.

use maud::{Markup, html};

use super::parts::{Shown, age_of, mark, shape, time, time_and_age};
use crate::page::text::age;
use crate::page::view::{ProbeView, View};

pub(super) fn head(view: &View) -> Markup {
    let facts = &view.facts;
    html! {
        header {
            p.service {
                strong { (Shown(facts.service.as_deref().unwrap_or("Health"))) }
                @for text in [&facts.environment, &facts.release].into_iter().flatten() {
                    " " span.tag { (Shown(text)) }
                }
            }
            ul.probes {
                @for probe in &view.probes { (probe_item(probe, view)) }
            }
        }
    }
}

fn probe_item(probe: &ProbeView, view: &View) -> Markup {
    let path = probe.probe.default_path();
    html! {
        li.{ "is-" (probe.status) } {
            span.probe { (probe.name()) } " "
            (mark(probe.status.into())) " "
            a.code id={ "probe-" (probe.probe) } href={ (path.trim_start_matches('/')) "?verbose" } {
                (path) " " (probe.code())
            }
            @if let Some(since) = probe.since {
                " " span.since { "since " (time(since, view.now)) }
            }
        }
    }
}

pub(super) fn sentence(view: &View) -> Markup {
    let (sentence, now) = (&view.sentence, view.now);
    html! {
        h1 #sentence .sentence.{ "is-" (sentence.shape.as_str()) } {
            (shape(sentence.shape))
            span {
                strong { (sentence.state) }
                @if let Some(since) = sentence.since {
                    " since " (time(since, now)) " UTC (" (age_of(since, now)) ")"
                }
                @if let Some(why) = &sentence.why { ": " (Shown(why)) }
            }
        }
        @if !view.lost.time.is_zero() || !view.affected.is_empty() { (cost(view)) }
    }
}

/// What the outage cost so far.
fn cost(view: &View) -> Markup {
    let lost = view.lost;
    html! {
        p #cost .cost {
            @if !lost.time.is_zero() {
                span {
                    "Not ready for " @if lost.is_least { "at least " }
                    strong { (age(lost.time)) } " of the last hour"
                    @if lost.spells > 1 {
                        ", in " @if lost.is_least { "at least " } (lost.spells) " spells"
                    }
                    "."
                }
            }
            @if !view.affected.is_empty() {
                " " span {
                    "Affected: "
                    @for (index, endpoint) in view.affected.iter().enumerate() {
                        @if index > 0 { ", " }
                        code { (Shown(endpoint)) }
                    }
                    "."
                }
            }
        }
    }
}

/// Writes a time with its age, or a dash.
pub(super) fn maybe_time(at: Option<std::time::SystemTime>, view: &View) -> Markup {
    html! {
        @match at {
            Some(at) => (time_and_age(at, view.now)),
            None => span.none { "–" },
        }
    }
}
