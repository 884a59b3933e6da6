//! The small parts that the page is made of.

use std::time::SystemTime;

use maud::{Markup, Render, html};

use crate::page::text::{age, ago, clock, rfc3339, seconds, visible};
use crate::page::view::{Link, Mark, Shape};

/// A text from outside: escaped, with what is invisible made visible.
pub(super) struct Shown<'a>(pub(super) &'a str);

impl Render for Shown<'_> {
    fn render_to(&self, buffer: &mut String) {
        visible(self.0).as_ref().render_to(buffer);
    }
}

/// The shapes, drawn once and used by their names.
pub(super) fn sprite() -> Markup {
    html! {
        svg.sprite width="0" height="0" aria-hidden="true" focusable="false" {
            symbol #s-unknown viewBox="0 0 12 12" { circle.hollow cx="6" cy="6" r="4.5" {} }
            symbol #s-pass viewBox="0 0 12 12" { circle cx="6" cy="6" r="5" {} }
            symbol #s-warn viewBox="0 0 12 12" { path d="M6 .5 12 11.5H0z" {} }
            symbol #s-fail viewBox="0 0 12 12" {
                path d="M.5 .5h11v11h-11z" {}
                path.cut d="M3.5 3.5l5 5m0-5l-5 5" {}
            }
        }
    }
}

pub(super) fn shape(shape: Shape) -> Markup {
    let name = shape.as_str();
    html! {
        svg.shape.{ "is-" (name) } aria-hidden="true" focusable="false" {
            use href={ "#s-" (name) } {}
        }
    }
}

pub(super) fn mark(mark: Mark) -> Markup {
    html! { span.mark.{ "is-" (mark.shape.as_str()) } { (shape(mark.shape)) (mark.word) } }
}

/// A time of day in UTC.
pub(super) fn time(time: SystemTime, now: SystemTime) -> Markup {
    html! { time datetime=(rfc3339(time)) { (clock(time, now)) } }
}

/// How long ago a time was, which the script counts on.
pub(super) fn age_of(time: SystemTime, now: SystemTime) -> Markup {
    html! { span.age data-since=(seconds(time)) { (age(ago(time, now))) } }
}

/// A time of day in UTC, and how long ago that was.
pub(super) fn time_and_age(at: SystemTime, now: SystemTime) -> Markup {
    html! { (time(at, now)) " " (age_of(at, now)) }
}

/// A link to the web, or the text of any other. `of` is read out, so that links differ; `place` makes
/// the id one of its own.
pub(super) fn link(link: &Link, of: &str, place: &str) -> Markup {
    let relation = &link.relation;
    html! {
        @if link.is_web() {
            a id={ "link-" (place) } href=(link.uri) rel="noreferrer" target="_blank" {
                (Shown(relation)) span.unseen { " of " (Shown(of)) ", in a new window" }
            }
        } @else {
            span.plain { (Shown(relation)) ": " (Shown(&link.uri)) }
        }
    }
}
