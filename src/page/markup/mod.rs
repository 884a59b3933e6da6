//! The view as HTML.
//!
//! Every text of the application or of a check goes through [`Shown`]: escaped as markup, and with
//! nothing invisible in it.

mod checks;
mod head;
mod latest;
mod parts;
mod sections;
#[cfg(test)]
mod tests;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use self::parts::{Shown, sprite};
use super::policy::{BUILD, SCRIPT, STYLE};
use super::text::{clock, seconds};
use super::view::View;

/// How often a browser without a script loads the page again, in seconds.
const RELOAD: u32 = 10;

/// Writes the whole document around what [`main`] wrote.
pub(super) fn document(view: &View, main: String) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (Shown(&title(view))) }
                noscript { meta http-equiv="refresh" content=(RELOAD); }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (sprite())
                (PreEscaped(main))
                // Filled by the script. The first one is seen, the second is read out.
                aside aria-label="Live updates" {
                    p #stream { noscript { "Reloads every " (RELOAD) " seconds." } }
                    p #news .unseen role="status" aria-live="polite" {}
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

/// Writes what changes: all that a reader sees, apart from what tells whether the page is live.
pub(super) fn main(view: &View) -> Markup {
    let now = view.now;
    html! {
        main #page
            data-build=(BUILD)
            data-now=(seconds(now))
            data-title=(Shown(&title(view)))
            data-sentence=(Shown(&view.sentence.text(now)))
        {
            (head::head(view))
            (head::sentence(view))
            div #columns .columns {
                (sections::story(view))
                (sections::facts(view))
                (sections::runbooks(view))
            }
            (checks::checks(view))
            (latest::latest(view))
            footer {
                "As of " (clock(now, now)) " UTC · tower-health " (env!("CARGO_PKG_VERSION"))
            }
        }
    }
}

/// Returns the title of the window, which is all that is seen of a page in the background.
fn title(view: &View) -> String {
    let sentence = &view.sentence;
    let shape = sentence.shape.character();
    let state = sentence.state.trim_end_matches(',');
    match &view.facts.service {
        Some(service) => format!("{shape} {state} · {service}"),
        None => format!("{shape} {state}"),
    }
}
