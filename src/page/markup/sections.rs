//! What failed first, what changed, and the runbooks.

use maud::{Markup, html};

use super::parts::{Shown, age_of, link, mark, time, time_and_age};
use crate::RefresherState;
use crate::page::text::{age, beginning, took};
use crate::page::view::{Item, Row, Shape, View};

/// The longest text of an item of the story, in bytes. The table has the whole text.
const BRIEF: usize = 300;

pub(super) fn story(view: &View) -> Markup {
    let story = &view.story;
    let has_failed = story
        .items
        .iter()
        .any(|item| item.mark.shape == Shape::Fail);
    let title = match (story.items.is_empty(), has_failed) {
        (true, _) if !story.awaited.is_empty() => "What it waits for",
        (_, true) => "What failed first",
        (true, _) => "What fails",
        _ => "What warns",
    };
    html! {
        section #part-story .story aria-labelledby="story" {
            h2 #story { (title) }
            @if story.items.is_empty() && story.awaited.is_empty() {
                p.quiet { "Nothing fails, and nothing warns." }
            }
            @if !story.items.is_empty() {
                ol { @for (index, item) in story.items.iter().enumerate() { (part(item, index, view)) } }
            }
            @if story.more > 0 {
                p.quiet { (story.more) " more followed; " a #more-story href="#checks" { "the table" } " has all." }
            }
            @if !story.before.is_empty() {
                p.quiet {
                    "Long before: "
                    @for (index, item) in story.before.iter().enumerate() {
                        @if index > 0 { ", " }
                        (Shown(&item.title)) " has warned"
                        @if let Some(since) = item.since { " since " (time(since, view.now)) }
                    }
                    "."
                }
            }
            @if !story.awaited.is_empty() {
                p.quiet { "Awaited: " (Shown(&beginning(&story.awaited.join(", "), BRIEF))) "." }
            }
        }
    }
}

fn part(item: &Item, index: usize, view: &View) -> Markup {
    html! {
        li {
            span.when {
                @match item.since {
                    Some(since) => (time_and_age(since, view.now)),
                    None => span.none { "unknown" },
                }
            }
            " " (mark(item.mark)) " "
            span.what {
                @match &item.row {
                    Some(row) => a id={ "story-" (index) } href={ "#" (row) } { (Shown(&item.title)) },
                    None => b { (Shown(&item.title)) },
                }
                @if let Some(output) = &item.output {
                    ": " span.output { (Shown(&beginning(output, BRIEF))) }
                }
                @if let Some((word, since)) = item.again {
                    "; " (word) " since " (time_and_age(since, view.now))
                }
            }
        }
    }
}

pub(super) fn facts(view: &View) -> Markup {
    let (facts, now) = (&view.facts, view.now);
    let texts = [
        ("Service", &facts.service),
        ("What", &facts.description),
        ("Environment", &facts.environment),
        ("Release", &facts.release),
        ("Version", &facts.version),
    ];
    html! {
        section #part-facts .facts aria-labelledby="facts" {
            h2 #facts { "What changed" }
            dl {
                div {
                    dt { "Up since" }
                    dd {
                        (time(facts.started, now)) " UTC, for " (age_of(facts.started, now))
                        @if let Some(before) = facts.started_before_failure {
                            "; " strong { "started " (age(before)) " before the first failure" }
                        }
                    }
                }
                @for (name, text) in texts {
                    @if let Some(text) = text { div { dt { (name) } dd { (Shown(text)) } } }
                }
                div {
                    dt { "Drain" }
                    dd {
                        @match facts.drain {
                            Some(drain) => {
                                "began " (time(drain.since, now)) " UTC, the delay "
                                @if drain.until > now { "ends " } @else { "ended " }
                                (time(drain.until, now)) " UTC"
                            },
                            None => "none",
                        }
                    }
                }
                (refresher(view))
                @if facts.missed_by_listeners + facts.missed_by_log > 0 {
                    div {
                        dt { "Lost" }
                        dd {
                            (facts.missed_by_listeners) " changes by slow listeners, "
                            (facts.missed_by_log) " lines by a slow log"
                        }
                    }
                }
                @for note in &facts.notes { div { dt { "Note" } dd { (Shown(note)) } } }
                @if !facts.links.is_empty() {
                    div {
                        dt { "Links" }
                        dd.links {
                            @for (index, each) in facts.links.iter().enumerate() {
                                (link(each, "the service", &format!("service-{index}"))) " "
                            }
                        }
                    }
                }
            }
        }
    }
}

fn refresher(view: &View) -> Markup {
    let facts = &view.facts;
    let state = match facts.refresher {
        RefresherState::Running => "runs",
        RefresherState::Restarting => "is being restarted after a panic",
        _ => "is gone: its runtime has ended, and no check runs",
    };
    let lateness = facts.lateness;
    html! {
        div {
            dt { "Refresher" }
            dd {
                @if facts.refresher == RefresherState::Running { (state) } @else { strong { (state) } }
                @if facts.restarts > 0 { ", " strong { "restarted " (facts.restarts) " times" } }
                @if lateness.worst.is_zero() {
                    ", never late"
                } @else {
                    "; late by " (took(lateness.latest)) " now, " (took(lateness.worst)) " at most"
                }
                @if lateness.starved_runs > 0 {
                    "; " strong { (lateness.starved_runs) " runs do not count for it" }
                }
            }
        }
    }
}

/// The links of each check that does not pass.
pub(super) fn runbooks(view: &View) -> Markup {
    let failing = |row: &&Row| row.mark.shape >= Shape::Warn && !row.links.is_empty();
    let rows: Vec<_> = view.rows.iter().filter(failing).collect();
    html! {
        @if !rows.is_empty() {
            section #part-runbooks .runbooks aria-labelledby="runbooks" {
                h2 #runbooks { "Runbooks" }
                ul {
                    @for row in rows {
                        li {
                            (mark(row.mark)) " " b { (Shown(&row.title())) } ": "
                            @for (index, each) in row.links.iter().enumerate() {
                                (link(each, &row.title(), &format!("{}-book-{index}", row.id))) " "
                            }
                        }
                    }
                }
            }
        }
    }
}
