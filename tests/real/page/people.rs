//! Whether people can use the page: with a screen reader, by keyboard alone, in a narrow window,
//! without a script, and with very many checks.

use std::collections::HashSet;
use std::net::TcpListener;

use tower_health::Health;

use super::browser::{Browser, Window};
use super::{Knob, Site, one, wait_for_sentence, wait_until_live};
use crate::support::{millis, secs};

const NARROW: Window = Window {
    width: 320,
    is_dark: false,
    has_script: true,
};

/// Looks at a state in light, in dark, and narrow.
#[track_caller]
fn assert_accessible(site: &Site, sentence: &str) {
    let mut browser = Browser::open(&site.url);
    for (what, window) in [
        ("light", Window::default()),
        (
            "dark",
            Window {
                is_dark: true,
                ..Window::default()
            },
        ),
        ("narrow", NARROW),
    ] {
        browser.go(window, &site.url);
        wait_for_sentence(&mut browser, sentence);
        browser.assert_accessible(&format!("{sentence}, {what}"));
        browser.assert_well_behaved(&site.url);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium"]
async fn axe_finds_nothing_while_all_passes_warns_or_fails() {
    let (db, cache) = (Knob::passing(), Knob::passing());
    let links = |check: tower_health::Check| {
        check
            .link("runbook", "https://wiki.example/db")
            .affected_endpoint("/orders")
    };
    let site = Site::start(
        one(&cache)
            .readiness(links(db.check("orders-db")))
            .environment("production")
            .release_id("2026.11.3")
            .link("dashboard", "https://grafana.example/d/shop"),
    );
    let _heartbeat = site.health.heartbeat("relay", secs(600)).unwrap();
    site.health.await_ready().await.unwrap();
    assert_accessible(&site, "Ready since");
    cache.warn("evicts");
    assert_accessible(&site, "Ready, with a warning");
    db.fail(&"connection refused ".repeat(100));
    assert_accessible(&site, "Not ready since");
    site.health.mark_broken("poisoned lock");
    assert_accessible(&site, "Not alive since");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium"]
async fn axe_finds_nothing_while_it_starts_drains_or_has_no_check() {
    let site = Site::start(
        one(&Knob::passing())
            .gate("migrations")
            .drain_delay(secs(600)),
    );
    assert_accessible(&site, "Starting since");
    site.health.gate("migrations").unwrap().complete();
    assert_accessible(&site, "Ready since");
    site.health.drain();
    assert_accessible(&site, "Draining since");
    let site = Site::start(Health::builder());
    assert_accessible(&site, "no check is registered");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium"]
async fn axe_finds_nothing_when_the_refresher_is_gone() {
    let application = tokio::runtime::Runtime::new().unwrap();
    let check = Knob::passing().check("db").stale_after(millis(500));
    let builder = Health::builder().ttl(millis(100)).readiness(check);
    let health = builder.start_on(application.handle()).unwrap();
    let site = Site::serve(health, TcpListener::bind("127.0.0.1:0").unwrap());
    site.health.await_ready().await.unwrap();
    application.shutdown_background();
    assert_accessible(&site, "the refresher is gone");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium"]
async fn every_link_and_fold_is_reached_by_keyboard_and_shows_that_it_is() {
    let db = Knob::passing();
    db.fail(&"connection refused ".repeat(100));
    let check = db
        .check("orders-db")
        .link("runbook", "https://wiki.example/db");
    let site = Site::start(
        Health::builder()
            .readiness(check)
            .link("dashboard", "https://x.example/"),
    );
    let mut browser = Browser::open(&site.url);
    wait_until_live(&mut browser);
    wait_for_sentence(&mut browser, "Not ready");
    let all = browser.number("document.querySelectorAll('a, summary').length");
    let mut reached = HashSet::new();
    for _ in 0..all {
        browser.press("Tab");
        let id = browser.text("document.activeElement.id");
        assert!(
            !id.is_empty(),
            "{}",
            browser.text("document.activeElement.outerHTML")
        );
        let outline = browser.text("getComputedStyle(document.activeElement).outlineStyle");
        assert_eq!(outline, "solid", "{id}");
        if id.starts_with("fold-") {
            browser.press("Enter");
            assert_eq!(
                browser.get("document.activeElement.parentElement.open"),
                true
            );
        }
        if id == "story-0" {
            browser.press("Enter");
            assert_eq!(browser.text("location.hash"), "#readiness-orders-db");
            browser.get("document.getElementById('story-0').focus()");
        }
        reached.insert(id);
    }
    assert_eq!(reached.len() as u64, all, "{reached:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium"]
async fn in_320_pixels_nothing_scrolls_sideways() {
    let db = Knob::passing();
    db.fail(&"x".repeat(4_000));
    let long = "nameWithoutAPlaceToBreak".repeat(5);
    let builder = one(&db).readiness(db.check(&long).link("runbook", "https://wiki.example/x"));
    let site = Site::start(builder.service_id(long.clone()).release_id(long));
    let mut browser = Browser::open_in(NARROW, &site.url);
    for width in [320, 600, 900, 1000, 1280] {
        browser.go(Window { width, ..NARROW }, &site.url);
        wait_for_sentence(&mut browser, "Not ready");
        browser.get("for (const each of document.querySelectorAll('details')) each.open = true");
        let open = browser.number("document.querySelectorAll('details[open]').length");
        assert!(open >= 2, "{open} folds");
        let wide = browser.number("document.documentElement.scrollWidth");
        assert!(wide <= u64::from(width), "{wide} in {width}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium"]
async fn the_word_that_says_the_page_is_live_covers_no_other_text() {
    let covered = "(() => {
        const live = document.getElementById('stream').getBoundingClientRect();
        return [...document.querySelectorAll('header *')].filter((each) => {
            const box = each.getBoundingClientRect();
            return box.right > live.left && box.top < live.bottom && !each.querySelector('*');
        }).map((each) => each.innerText).join(', ');
    })()";
    let site = Site::start(one(&Knob::passing()).service_id("shop"));
    let mut browser = Browser::open(&site.url);
    for width in (320..1300).step_by(45) {
        let window = Window {
            width,
            ..Window::default()
        };
        browser.go(window, &site.url);
        wait_until_live(&mut browser);
        assert_eq!(browser.text(covered), "", "in {width} pixels");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium"]
async fn two_hundred_checks_are_all_there_failures_first_and_live() {
    let knobs: Vec<_> = (0..200).map(|_| Knob::passing()).collect();
    let builder = knobs
        .iter()
        .enumerate()
        .fold(Health::builder(), |builder, (index, knob)| {
            builder.readiness(knob.check(&format!("shard-{index}")))
        });
    let site = Site::start(builder);
    knobs[150].fail("connection refused");
    let mut browser = Browser::open(&site.url);
    wait_for_sentence(&mut browser, "shard-150: connection refused");
    assert_eq!(
        browser.number("document.querySelectorAll('.checks tbody').length"),
        200
    );
    assert_eq!(
        browser.text("document.querySelector('tbody').id"),
        "readiness-shard-150"
    );
    browser.assert_accessible("200 checks");
    knobs[150].pass();
    wait_for_sentence(&mut browser, "all 200 checks pass");
    knobs.iter().for_each(|knob| knob.fail("refused"));
    wait_for_sentence(&mut browser, "(and 199 more checks)");
    browser.wait("document.querySelector('.counts').innerText === '200 failing'");
    browser.assert_well_behaved(&site.url);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium"]
async fn without_a_script_the_page_has_all_and_loads_itself_again() {
    let db = Knob::passing();
    db.fail("connection refused");
    let site = Site::start(one(&db));
    let window = Window {
        has_script: false,
        ..Window::default()
    };
    let mut browser = Browser::open_in(window, &site.url);
    wait_for_sentence(&mut browser, "connection refused");
    assert!(
        browser
            .text("document.body.innerText")
            .contains("Reloads every 10 seconds")
    );
    assert_eq!(
        browser.number("document.querySelectorAll('tbody .strip').length"),
        1
    );
    db.pass();
    // It loads itself again, so that the browser needs no help.
    wait_for_sentence(&mut browser, "the only check passes");
    assert!(browser.log()["requests"].as_array().unwrap().len() >= 2);
}
