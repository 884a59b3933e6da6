//! The table of checks, gates and heartbeats.

use std::fmt::Write;

use maud::{Markup, html};

use super::head::maybe_time;
use super::parts::{Shown, link, mark};
use crate::page::text::{beginning, limit, took};
use crate::page::view::{CELLS, Cell, Row, Runs, SPARKLINE_SIZE, Shape, Sparkline, Strip, View};

/// A longer text is folded, in bytes.
const LONG: usize = 400;

/// The width of a cell of the strip, with the gap after it, and the height.
const CELL: (usize, usize) = (4, 20);

pub(super) fn checks(view: &View) -> Markup {
    html! {
        section #part-checks .checks aria-labelledby="checks" {
            h2 #checks {
                @if view.rows.iter().all(|row| row.run.is_some()) { "Checks" }
                @else { "Checks, gates, heartbeats" }
                " " span.counts { (counts(&view.rows)) }
            }
            @if view.rows.is_empty() {
                p.quiet { "No check, gate or heartbeat is registered." }
            } @else {
                table {
                    caption.unseen { "Checks, gates and heartbeats; failures first. Times are UTC." }
                    thead {
                        tr {
                            th scope="col" { "Name" }
                            th scope="col" { "Status" }
                            th scope="col" { "Since" }
                            th scope="col" { "Last pass" }
                            th.number scope="col" { "Failures in a row" }
                            th.number scope="col" { "Took" }
                            th scope="col" { "Latest runs" }
                            th scope="col" { "Last 60 minutes" }
                        }
                    }
                    @for row in &view.rows { (group(row, view)) }
                }
            }
        }
    }
}

/// Counts the rows by their status, worst first.
fn counts(rows: &[Row]) -> String {
    let count = |shape| rows.iter().filter(|row| row.mark.shape == shape).count();
    let words = [
        (Shape::Fail, "failing"),
        (Shape::Warn, "warning"),
        (Shape::Unknown, "awaited"),
        (Shape::Pass, "passing"),
    ];
    let counted = words.iter().map(|(shape, word)| (count(*shape), word));
    let texts = counted
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"));
    texts.collect::<Vec<_>>().join(", ")
}

fn group(row: &Row, view: &View) -> Markup {
    html! {
        tbody id=(row.id) .{ "is-" (row.mark.shape.as_str()) } {
            tr {
                th scope="row" {
                    span.name { (Shown(&row.name)) }
                    @if let Some(kind) = row.kind.word() { " " span.tag { (kind) } }
                    @if !row.is_critical { " " span.tag { "non-critical" } }
                }
                td.status {
                    (mark(row.mark))
                    @if let Some(cause) = row.cause.filter(|cause| cause.as_str() != "failed") {
                        " " span.tag { (cause) }
                    }
                }
                (runs(row, view))
            }
            @if has_more(row) { (more(row)) }
        }
    }
}

fn runs(row: &Row, view: &View) -> Markup {
    html! {
        @if let Some(run) = &row.run {
            td data-label="Since" { (maybe_time(row.since.map(|since| since.time), view)) }
            td data-label="Last pass" { (maybe_time(run.last_pass, view)) }
            td.number.bad[run.failures > 0] data-label="Failures in a row" { (run.failures) }
            td.number data-label="Took" {
                @match run.duration {
                    Some(duration) => {
                        (took(duration)) " " span.limit { "of " (limit(run.timeout)) }
                    },
                    None => span.none { "–" },
                }
            }
            td.drawing data-label="Latest runs" {
                @match &run.sparkline {
                    Some(line) => (sparkline(line)),
                    None => span.none { "–" },
                }
            }
            td.drawing data-label="Last 60 minutes" {
                @match &run.strip {
                    Some(cells) => (strip(cells)),
                    None => span.none { "–" },
                }
            }
        } @else {
            td.absent colspan="6" {}
        }
    }
}

fn has_more(row: &Row) -> bool {
    let of_runs =
        |run: &Runs| run.contradiction.is_some() || !run.readings.is_empty() || run.detached > 0;
    let is_of_use = !row.links.is_empty() || !row.affected.is_empty();
    row.output.is_some() || row.run.as_ref().is_some_and(of_runs) || (needs_help(row) && is_of_use)
}

/// Returns whether somebody may look for a runbook and for what is affected. The rows of checks that
/// pass stay short.
fn needs_help(row: &Row) -> bool {
    row.mark.shape != Shape::Pass || row.is_contradicted()
}

/// What the columns have no room for.
fn more(row: &Row) -> Markup {
    let run = row.run.as_ref();
    html! {
        tr.more {
            td colspan="8" {
                @if let Some(output) = &row.output { (text(output, &row.id)) }
                @if let Some(contradiction) = run.and_then(|run| run.contradiction.as_deref()) {
                    p.contradiction { "Not counted yet: " (Shown(contradiction)) }
                }
                p.rest {
                    @if needs_help(row) && !row.affected.is_empty() {
                        span {
                            "affects "
                            @for (index, endpoint) in row.affected.iter().enumerate() {
                                @if index > 0 { ", " }
                                code { (Shown(endpoint)) }
                            }
                        }
                    }
                    @if let Some(run) = run {
                        @for reading in &run.readings { span { (Shown(reading)) } }
                        @if run.detached > 0 {
                            span { (run.detached) " runs go on after their timeout" }
                        }
                    }
                    @if needs_help(row) {
                        @for (index, each) in row.links.iter().enumerate() {
                            (link(each, &row.title(), &format!("{}-{index}", row.id)))
                        }
                    }
                }
            }
        }
    }
}

/// A text of a check, whose end is folded if it is long.
fn text(output: &str, id: &str) -> Markup {
    html! {
        @if output.len() <= LONG {
            p.output { (Shown(output)) }
        } @else {
            details {
                summary id={ "fold-" (id) } { span.output { (Shown(&beginning(output, LONG / 2))) } }
                p.output { (Shown(output)) }
            }
        }
    }
}

fn sparkline(line: &Sparkline) -> Markup {
    let (width, height) = SPARKLINE_SIZE;
    html! {
        svg.sparkline role="img" viewBox={ "0 0 " (width) " " (height) } preserveAspectRatio="none" {
            title { (line.text()) }
            polyline points=(line.points()) {}
        }
    }
}

/// Bars whose height tells how bad a minute was, so that colour only repeats it.
fn strip(strip: &Strip) -> Markup {
    let (width, height) = CELL;
    html! {
        svg.strip role="img" viewBox={ "0 0 " (CELLS * width) " " (height) } preserveAspectRatio="none" {
            title { (strip.text()) }
            path.is-unknown d=(bars(strip, Cell::Unknown)) {}
            @for cell in Cell::KNOWN {
                path.{ "is-" (name(cell)) } d=(bars(strip, cell)) {}
            }
        }
    }
}

fn name(cell: Cell) -> &'static str {
    match cell {
        Cell::Unknown => "unknown",
        Cell::Pass => "pass",
        Cell::Warn => "warn",
        Cell::Fail => "fail",
    }
}

fn bars(strip: &Strip, cell: Cell) -> String {
    let (width, height) = CELL;
    let tall = match cell {
        Cell::Unknown => 2,
        Cell::Pass => 7,
        Cell::Warn => 14,
        Cell::Fail => height,
    };
    let top = height - tall;
    let mut path = String::new();
    for (index, _) in strip
        .cells
        .iter()
        .enumerate()
        .filter(|(_, each)| **each == cell)
    {
        // Writing to a `String` cannot fail.
        let _ = write!(path, "M{} {top}v{tall}", index * width + width / 2);
    }
    path
}
