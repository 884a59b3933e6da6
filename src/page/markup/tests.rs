//! Fragments of the page as they are sent, and what no text may do to it.

use maud::Render;

use super::*;
use crate::page::stage::{Cast, Finding};
use crate::page::view::Link;

#[tokio::test(start_paused = true)]
async fn the_sentence_is_a_heading_with_a_shape_a_word_and_a_time() {
    let stage = Cast::new().check("db", 4).start();
    stage.until(60).await;
    stage.set("db", Finding::Fail("cannot connect: refused"));
    stage.until(900).await;
    let view = stage.view();
    let html = head::sentence(&view).into_string();
    let since = view.sentence.since.unwrap();
    let (stamp, seconds) = (crate::page::text::rfc3339(since), seconds(since));
    let clock = clock(since, view.now);
    assert!(
        html.starts_with(&format!(
            "<h1 class=\"sentence is-fail\" id=\"sentence\"><svg class=\"shape is-fail\" aria-hidden=\"true\" \
             focusable=\"false\"><use href=\"#s-fail\"></use></svg><span><strong>Not ready</strong> \
             since <time datetime=\"{stamp}\">{clock}</time> UTC (<span class=\"age\" \
             data-since=\"{seconds}\">13 min</span>): db: cannot connect: refused</span></h1>"
        )),
        "{html}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_text_is_never_markup_and_nothing_in_it_is_invisible() {
    const EVIL: &str = "<img src=x onerror=alert(1)></script>\"'&\u{202e}\n";
    let stage = Cast::new()
        .with(|builder| {
            builder
                .service_id(EVIL)
                .environment(EVIL)
                .note(EVIL)
                .link(EVIL, EVIL)
        })
        .check_with("db", 4, |check| {
            check
                .link("runbook", "javascript:alert(1)")
                .affected_endpoint(EVIL)
        })
        .start();
    stage.set("db", Finding::Fail(EVIL));
    stage.until(60).await;
    let view = stage.view();
    let html = document(&view, main(&view).into_string()).into_string();
    assert!(!html.contains("<img") && !html.contains('\u{202e}'));
    assert!(
        html.contains("&lt;img src=x onerror=alert(1)&gt;&lt;/script&gt;&quot;'&amp;\\u{202e}\\n")
    );
    // One script, one style, and no link that runs.
    assert_eq!(html.matches("<script").count(), 1);
    assert_eq!(html.matches("<style").count(), 1);
    assert!(!html.contains("href=\"javascript:"));
    // No newline: each would be another line of the stream.
    assert!(!main(&view).into_string().contains(['\n', '\r']));
}

#[test]
fn only_web_addresses_become_links() {
    let html = |uri| {
        let each = Link::new(("runbook", uri));
        parts::link(&each, "db", "1").into_string()
    };
    assert_eq!(
        html("https://wiki.example/db?a=1&b=\"2\""),
        "<a id=\"link-1\" href=\"https://wiki.example/db?a=1&amp;b=&quot;2&quot;\" rel=\"noreferrer\" \
         target=\"_blank\">runbook<span class=\"unseen\"> of db, in a new window</span></a>"
    );
    for uri in [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil",
        "/x",
        "ftp://x",
        "",
        "ü",
        "http:x",
    ] {
        assert!(!html(uri).contains("<a"), "{uri}");
    }
    assert!(html("HTTP://x").contains("<a"));
}

#[test]
fn a_shown_text_is_escaped_in_attributes_too() {
    let text = Shown("\"><b>\u{200b}").render().into_string();
    assert_eq!(text, "&quot;&gt;&lt;b&gt;\\u{200b}");
}
