//! An open page: what happens to it while the service changes, and when the stream is lost.

use std::net::TcpListener;
use std::sync::mpsc;

use tower_health::{Criticality, Health, Limits};

use super::browser::Browser;
use super::{Knob, Site, one, wait_for_sentence, wait_until_live};
use crate::support::port::listen;
use crate::support::proxy::{Mode, Proxy};
use crate::support::{millis, secs};

/// Holds as long as the page is not loaded again.
const MARK: &str = "globalThis.mark === 1";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium"]
async fn a_change_comes_without_a_reload_and_keeps_focus_scroll_and_folds() {
    let (db, cache) = (Knob::passing(), Knob::passing());
    cache.fail(&"evicts ".repeat(200));
    let builder = one(&db).readiness(
        cache
            .check("cache")
            .criticality(Criticality::NonCritical)
            .link("runbook", "https://wiki.example/cache"),
    );
    // Enough to scroll.
    let builder = (0..60).fold(builder, |builder, index| {
        builder.readiness(Knob::passing().check(&format!("shard-{index}")))
    });
    let site = Site::start(builder);
    let mut browser = Browser::open(&site.url);
    wait_until_live(&mut browser);
    wait_for_sentence(&mut browser, "with a warning");
    browser.get("globalThis.mark = 1");
    browser.get("document.querySelector('details').open = true");
    browser.get("scrollTo(0, 300)");
    // The link in the row, which another row comes in front of.
    browser.get("document.getElementById('link-readiness-cache-0').focus({preventScroll: true})");

    db.fail("connection refused");
    wait_for_sentence(&mut browser, "Not ready");
    assert_eq!(
        browser.text("document.querySelector('tbody').id"),
        "readiness-db"
    );
    assert_eq!(
        browser.text("document.activeElement.id"),
        "link-readiness-cache-0"
    );
    assert_eq!(
        browser.get("document.querySelector('#readiness-cache details').open"),
        true
    );
    // The browser itself keeps in sight what was in sight while the content above it grows.
    let scrolled = browser.number("scrollY");
    assert!((200..=400).contains(&scrolled), "{scrolled}");
    assert!(browser.text("document.title").starts_with("✕ Not ready"));

    db.pass();
    wait_for_sentence(&mut browser, "Ready, with a warning");
    assert_eq!(browser.get(MARK), true, "it was loaded again");
    browser.assert_well_behaved(&site.url);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium"]
async fn a_reader_hears_of_a_change_of_the_sentence_and_of_nothing_else() {
    let db = Knob::passing();
    let site = Site::start(one(&db));
    let mut browser = Browser::open(&site.url);
    wait_until_live(&mut browser);
    wait_for_sentence(&mut browser, "Ready");
    browser.get(
        "globalThis.heard = [];
         new MutationObserver(() => heard.push(document.getElementById('news').textContent))
             .observe(document.getElementById('news'), {childList: true, characterData: true, subtree: true});
         globalThis.updates = 0;
         new MutationObserver(() => updates++)
             .observe(document.getElementById('page'), {attributes: true, attributeFilter: ['data-now']});
         null",
    );
    // New times and durations are no news.
    browser.wait("updates >= 2");
    assert_eq!(browser.number("heard.length"), 0);
    db.fail("connection refused");
    browser.wait("heard.length > 0");
    let heard = browser.text("heard.join('|')");
    assert!(
        heard.starts_with("Not ready since ") && heard.ends_with(" UTC: db: connection refused"),
        "{heard}"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium"]
async fn it_is_live_while_every_worker_of_the_application_is_blocked() {
    let application = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let limits = {
        let mut limits = Limits::default();
        limits.lateness = secs(1);
        limits
    };
    let check = Knob::passing().check("db").stale_after(millis(500));
    let builder = Health::builder()
        .ttl(millis(100))
        .limits(limits)
        .readiness(check);
    let health = builder.start_on(application.handle()).unwrap();
    let site = Site::serve(health, TcpListener::bind("127.0.0.1:0").unwrap());
    let mut browser = Browser::open(&site.url);
    wait_until_live(&mut browser);
    wait_for_sentence(&mut browser, "Ready since");
    browser.get("globalThis.mark = 1");

    let (release, blocked) = mpsc::channel::<()>();
    application.spawn(async move {
        let _ = blocked.recv();
    });
    wait_for_sentence(&mut browser, "db: starved");
    let facts = browser.text("document.querySelector('.facts').innerText");
    assert!(facts.contains("late by"), "{facts}");
    release.send(()).unwrap();
    wait_for_sentence(&mut browser, "Ready since");
    assert_eq!(browser.get(MARK), true, "it was loaded again");
    drop(browser);
    application.shutdown_background();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium"]
async fn a_drain_is_seen_at_once_and_its_end_is_told() {
    let site = Site::start(one(&Knob::passing()).drain_delay(secs(5)));
    let mut browser = Browser::open(&site.url);
    wait_until_live(&mut browser);
    browser.get("globalThis.mark = 1");
    // Notes all that a screen reader announces, and how often a stream ends.
    browser.get(
        "globalThis.heard = [];
         for (const id of ['news', 'stream']) {
             const each = document.getElementById(id);
             new MutationObserver(() => heard.push(each.textContent))
                 .observe(each, {childList: true, characterData: true, subtree: true});
         }
         globalThis.ended = 0;
         globalThis.EventSource = class extends EventSource {
             constructor(url) {
                 super(url);
                 this.addEventListener('end', () => ended++);
             }
         };
         null",
    );
    site.health.drain();
    wait_for_sentence(&mut browser, "Draining since");
    assert_eq!(
        browser.text("document.getElementById('stream').className"),
        "live"
    );
    browser.wait("document.getElementById('stream').innerText.includes('The drain is over')");
    browser.wait("ended >= 2");
    // Once beside the page and once aloud, although two more streams have ended since.
    let heard = browser.text("heard.join('|')");
    let told = heard
        .split('|')
        .filter(|text| text.starts_with("The drain is over"));
    assert_eq!(told.count(), 2, "{heard}");
    assert!(!heard.contains("Live"), "{heard}");
    assert_eq!(browser.get(MARK), true, "it was loaded again");
    browser.assert_well_behaved(&site.url);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium"]
async fn after_a_drain_the_page_finds_the_process_that_comes_next() {
    let site = Site::start(one(&Knob::passing()).drain_delay(secs(1)));
    let mut browser = Browser::open(&site.url);
    wait_until_live(&mut browser);
    site.health.drain();
    browser.wait("document.getElementById('stream').innerText.includes('The drain is over')");
    let address = site.address();
    drop(site);
    let listener = listen(address);
    let health = one(&Knob::passing()).start().unwrap();
    let _next = Site::serve(health, listener);
    wait_until_live(&mut browser);
    wait_for_sentence(&mut browser, "Ready since");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium"]
async fn a_stream_that_is_lost_is_shown_with_its_time_and_found_again() {
    let db = Knob::passing();
    let site = Site::start(one(&db));
    let proxy = Proxy::start(site.address()).await;
    let mut browser = Browser::open(&format!("http://{}/", proxy.address()));
    wait_until_live(&mut browser);
    proxy.set(Mode::Reset);
    browser.wait("document.getElementById('stream').className === 'lost'");
    let told = browser.text("document.getElementById('stream').innerText");
    assert!(
        told.starts_with("Live updates lost since ") && told.contains(" UTC. "),
        "{told}"
    );
    // It claims nothing about the time since.
    let age = browser.text("document.querySelector('h1 .age').innerText");
    db.fail("connection refused");
    // The script reads the clock each time it looks at the ages.
    browser.get("globalThis.ticks = 0; const now = Date.now; Date.now = () => { ticks++; return now(); }; null");
    browser.wait("ticks >= 3");
    assert_eq!(
        browser.text("document.querySelector('h1 .age').innerText"),
        age
    );
    proxy.set(Mode::Pass);
    wait_until_live(&mut browser);
    wait_for_sentence(&mut browser, "Not ready");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium"]
async fn a_stream_that_only_falls_silent_is_lost_too() {
    let site = Site::start(one(&Knob::passing()));
    let proxy = Proxy::start(site.address()).await;
    let mut browser = Browser::open(&format!("http://{}/", proxy.address()));
    wait_until_live(&mut browser);
    // The clock of the reader stands still until a state has come.
    browser.get(
        "const frozen = Date.now(); Date.now = () => frozen; globalThis.frozen = frozen; null",
    );
    browser.get("globalThis.first = document.getElementById('page').dataset.now; null");
    browser.wait("document.getElementById('page').dataset.now !== first");
    proxy.set(Mode::BlackHole);
    // Then it goes on, four times as fast as it should.
    browser.get(
        "globalThis.passed = 0;
         Date.now = () => frozen + passed * 1000;
         setInterval(() => passed++, 250);
         new MutationObserver(() => globalThis.lostAfter ??= passed)
             .observe(document.getElementById('stream'), {attributes: true});
         null",
    );
    browser.wait("document.getElementById('stream').className === 'lost'");
    let told = browser.text("document.getElementById('stream').innerText");
    let heard = browser.text(
        "new Date(document.getElementById('page').dataset.now * 1000).toISOString().slice(11, 19)",
    );
    assert!(
        told.starts_with(&format!("Live updates lost since {heard} UTC")),
        "{told}, {heard}"
    );
    let silence = browser.number("lostAfter");
    assert!(silence > 12, "too nervous: {silence} s");
    proxy.set(Mode::Pass);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium"]
async fn the_ages_of_the_script_are_those_of_the_server() {
    let site = Site::start(one(&Knob::passing()));
    let mut browser = Browser::open(&site.url);
    wait_until_live(&mut browser);
    // A minute ago by the clock of the service, and a few longer times.
    let ages = [
        (59, "59 s"),
        (61, "1 min"),
        (3_725, "1 h 2 min"),
        (180_000, "2 d 2 h"),
    ];
    for (seconds, expected) in ages {
        browser.get(&format!(
            "document.querySelector('.age').dataset.since = document.getElementById('page').dataset.now - {seconds}"
        ));
        browser.wait(&format!(
            "document.querySelector('.age').innerText === '{expected}'"
        ));
    }
}
