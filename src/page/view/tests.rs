//! What the page says in each state of a service.

use std::time::Duration;

use super::*;
use crate::page::stage::{Cast, Finding, Stage, secs};
use crate::page::text::age;
use crate::{Check, Criticality, Failure, RefresherState, indicator_fn};

fn shop() -> Cast {
    Cast::new()
        .check("db", 4)
        .check("queue", 2)
        .check_with("cache", 1, |check| {
            check.criticality(Criticality::NonCritical)
        })
}

fn titles(items: &[Item]) -> Vec<&str> {
    items.iter().map(|item| &*item.title).collect()
}

fn words(stage: &Stage) -> Vec<(String, &'static str)> {
    let rows = stage.view().rows;
    rows.into_iter()
        .map(|row| (row.name, row.mark.word))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_healthy_service_says_since_when_and_what_passes() {
    let stage = shop().start();
    stage.until(75).await;
    assert_eq!(
        stage.sentence(),
        "Ready since 02:10:00 UTC: all 3 checks pass"
    );
    let view = stage.view();
    assert!(view.story.items.is_empty() && view.story.awaited.is_empty());
    assert_eq!(view.sentence.shape, Shape::Pass);
    assert_eq!(view.lost, Lost::default(), "the start is no outage");
    let strip = view.rows[0]
        .run
        .as_ref()
        .and_then(|run| run.strip.clone())
        .unwrap();
    assert_eq!(strip.cells[57..], [Cell::Unknown, Cell::Pass, Cell::Pass]);
}

#[tokio::test(start_paused = true)]
async fn an_outage_names_the_first_to_fail_and_what_followed() {
    let stage = shop().start();
    stage.until(3_000).await;
    stage.set("queue", Finding::Fail("connection reset"));
    stage.until(3_030).await;
    stage.set("db", Finding::Fail("cannot connect: refused"));
    stage.until(3_840).await;
    let text = stage.sentence();
    let (start, why) = text.split_once(" UTC: ").unwrap();
    assert!(start.starts_with("Not ready since 03:00:0"), "{text}");
    assert_eq!(why, "queue: connection reset (and 1 more check)");
    let view = stage.view();
    assert_eq!(titles(&view.story.items), ["queue", "Readiness", "db"]);
    // A failure that is critical, one that is later, and the rest.
    assert_eq!(
        words(&stage),
        [("queue", "fail"), ("db", "fail"), ("cache", "pass")]
            .map(|(name, word)| (name.to_owned(), word))
    );
    let queue = view.rows[0].run.as_ref().unwrap();
    assert!(queue.failures > 80, "{}", queue.failures);
    assert!(queue.last_pass.unwrap() < view.rows[0].since.unwrap().time);
    assert!(
        (830..=840).contains(&view.lost.time.as_secs()),
        "{:?}",
        view.lost
    );
}

/// The database fails at 03:00, and the queue half a minute later.
async fn outage() -> Stage {
    let stage = shop().start();
    stage.until(3_000).await;
    stage.set("db", Finding::Fail("cannot connect: refused"));
    stage.until(3_030).await;
    stage.set("queue", Finding::Fail("connection reset"));
    stage.until(3_400).await;
    stage
}

#[tokio::test(start_paused = true)]
async fn the_first_to_fail_stays_the_first_when_it_passes_and_fails_again() {
    let stage = outage().await;
    let begun = stage.view().story.items[0].since;
    stage.set("db", Finding::Pass(4));
    stage.until(3_460).await;
    stage.set("db", Finding::Fail("cannot connect: refused"));
    stage.until(3_520).await;
    let view = stage.view();
    assert_eq!(titles(&view.story.items), ["db", "Readiness", "queue"]);
    assert_eq!(view.story.items[0].since, begun);
    let html = crate::page::markup::main(&view).into_string();
    assert!(html.contains("; fails again since"), "{html}");
    assert_eq!(view.rows[0].name, "db");
    let text = stage.sentence();
    let (start, why) = text.split_once(" UTC: ").unwrap();
    assert!(start.starts_with("Not ready since 03:00:0"), "{text}");
    assert_eq!(why, "db: cannot connect: refused (and 1 more check)");
}

#[tokio::test(start_paused = true)]
async fn the_first_to_fail_is_told_although_it_passes_again() {
    let stage = outage().await;
    stage.set("db", Finding::Pass(4));
    stage.until(3_520).await;
    let view = stage.view();
    assert_eq!(titles(&view.story.items), ["db", "Readiness", "queue"]);
    let db = &view.story.items[0];
    assert_eq!(db.output.as_deref(), Some("cannot connect: refused"));
    let html = crate::page::markup::main(&view).into_string();
    assert!(html.contains("; passes again since"), "{html}");
    let text = stage.sentence();
    assert!(
        text.ends_with(": queue: connection reset; db failed first and passes again"),
        "{text}"
    );
    // What failed in an earlier outage has no part in a later one.
    stage.set("queue", Finding::Pass(2));
    stage.until(3_600).await;
    stage.set("queue", Finding::Fail("connection reset"));
    stage.until(3_640).await;
    assert_eq!(titles(&stage.view().story.items), ["queue", "Readiness"]);
    let text = stage.sentence();
    assert!(text.ends_with(": queue: connection reset"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn what_passes_again_crowds_out_nothing_that_fails() {
    let names: Vec<&'static str> = (0..20)
        .map(|index| &*Box::leak(format!("shard-{index}").into_boxed_str()))
        .collect();
    let cast = names
        .iter()
        .fold(Cast::new(), |cast, name| cast.check(name, 3));
    let stage = cast.start();
    stage.until(60).await;
    for name in &names {
        stage.set(name, Finding::Fail("refused"));
        stage.until(stage.second() + 20).await;
    }
    names[..18]
        .iter()
        .for_each(|name| stage.set(name, Finding::Pass(3)));
    stage.until(stage.second() + 60).await;
    let story = stage.view().story;
    let listed = titles(&story.items);
    assert_eq!((listed.len(), story.more), (8, 13));
    assert_eq!(listed[..2], ["shard-0", "Readiness"]);
    assert_eq!(listed[6..], ["shard-18", "shard-19"]);
}

#[tokio::test(start_paused = true)]
async fn time_that_the_history_has_forgotten_is_not_taken_for_ready() {
    let stage = shop().start();
    stage.until(60).await;
    for _ in 0..40 {
        stage.set("db", Finding::Fail("refused"));
        stage.until(stage.second() + 20).await;
        stage.set("db", Finding::Pass(4));
        stage.until(stage.second() + 20).await;
    }
    let html = crate::page::markup::main(&stage.view()).into_string();
    assert!(html.contains("Not ready for at least <strong>"), "{html}");
    assert!(html.contains("of the last hour, in at least "), "{html}");
}

#[tokio::test(start_paused = true)]
async fn a_warning_from_long_before_is_not_taken_for_the_cause() {
    let stage = shop().start();
    stage.until(60).await;
    stage.set("cache", Finding::Fail("evicts"));
    stage.until(3_000).await;
    assert_eq!(titles(&stage.view().story.items), ["cache", "Readiness"]);
    let text = stage.sentence();
    assert!(
        text.starts_with("Ready, with a warning, since 02:10:00 UTC: cache: evicts"),
        "{text}"
    );
    stage.set("db", Finding::Fail("refused"));
    stage.until(3_030).await;
    let story = stage.view().story;
    assert_eq!(titles(&story.items), ["db", "Readiness"]);
    assert_eq!(titles(&story.before), ["cache"]);
    // One from shortly before may be.
    stage.set("cache", Finding::Pass(1));
    stage.set("db", Finding::Pass(1));
    stage.until(4_000).await;
    stage.set("cache", Finding::Fail("evicts"));
    stage.until(4_300).await;
    stage.set("db", Finding::Fail("refused"));
    stage.until(4_330).await;
    let story = stage.view().story;
    assert_eq!(titles(&story.items), ["cache", "db", "Readiness"]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_does_not_count_yet_is_told_and_blames_nothing() {
    let stage = Cast::new()
        .check_with("db", 4, |check| check.failure_threshold(30))
        .start();
    stage.until(100).await;
    stage.set("db", Finding::Fail("refused"));
    stage.until(120).await;
    let text = stage.sentence();
    assert!(
        text.starts_with("Ready since 02:10:00 UTC: db: failed "),
        "{text}"
    );
    assert!(text.ends_with(" of 30 times: refused"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_starts_says_what_it_waits_for() {
    let late = || indicator_fn("warmth", std::future::pending::<Result<(), Failure>>);
    let stage = shop()
        .with(|builder| builder.gate("migrations").startup(Check::new(late())))
        .start();
    assert_eq!(
        stage.sentence(),
        "Starting since 02:10:00 UTC: waiting for startup check warmth, gate migrations"
    );
    stage.until(3).await;
    let view = stage.view();
    assert_eq!(view.sentence.shape, Shape::Unknown);
    assert!(view.story.items.is_empty(), "{:?}", view.story);
    assert_eq!(
        view.story.awaited,
        ["startup check warmth", "gate migrations"]
    );
    let gate = stage.health.gate("migrations").unwrap();
    gate.fail("column exists");
    let text = stage.sentence();
    assert_eq!(
        text,
        "Not started since 02:10:00 UTC: gate migrations: column exists"
    );
    assert_eq!(titles(&stage.view().story.items), ["Readiness", "Startup"]);
}

#[tokio::test(start_paused = true)]
async fn before_the_first_results_nothing_has_failed() {
    let stage = shop().start();
    assert_eq!(
        stage.sentence(),
        "Starting since 02:10:00 UTC: waiting for db, queue, cache"
    );
    assert_eq!(words(&stage)[0].1, "not run yet");
    assert!(stage.view().story.items.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_drain_says_since_when_and_when_its_delay_ends() {
    let stage = shop().with(|builder| builder.drain_delay(secs(20))).start();
    stage.until(600).await;
    stage.health.drain();
    stage.until(612).await;
    let text = stage.sentence();
    assert_eq!(
        text,
        "Draining since 02:20:00 UTC: readiness fails for good, open requests are still served"
    );
    let view = stage.view();
    assert_eq!(titles(&view.story.items), ["Readiness"]);
    assert_eq!(view.story.items[0].output.as_deref(), Some("draining"));
    let drain = view.facts.drain.unwrap();
    assert_eq!(drain.until.duration_since(drain.since).unwrap(), secs(20));
    // The database goes away too, which is not why.
    stage.set("db", Finding::Fail("closed"));
    stage.until(640).await;
    assert_eq!(titles(&stage.view().story.items), ["Readiness", "db"]);
    assert!(stage.sentence().ends_with("still served; db: closed"));
}

#[tokio::test(start_paused = true)]
async fn a_process_that_needs_a_restart_says_so_before_all_else() {
    let stage = shop().start();
    let heartbeat = stage.health.heartbeat("consumer", secs(30)).unwrap();
    stage.until(29).await;
    heartbeat.beat();
    assert_eq!(words(&stage)[3], ("consumer".to_owned(), "beats"));
    stage.until(70).await;
    let text = stage.sentence();
    assert!(
        text.starts_with("Not alive since 02:10:59 UTC: heartbeat consumer: "),
        "{text}"
    );
    stage.health.mark_broken("poisoned lock");
    let text = stage.sentence();
    let (_, why) = text.split_once(" UTC: ").unwrap();
    assert!(
        why.starts_with("marked broken: poisoned lock; heartbeat consumer: "),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_service_that_refuses_traffic_gives_its_reason() {
    let stage = shop().start();
    stage.until(60).await;
    stage.health.refuse_traffic("maintenance");
    stage.until(61).await;
    let text = stage.sentence();
    assert_eq!(
        text,
        "Not ready since 02:11:00 UTC: refusing traffic: maintenance"
    );
}

#[tokio::test(start_paused = true)]
async fn a_check_that_hangs_fails_and_then_says_how_old_its_last_pass_is() {
    let stage = shop().start();
    stage.until(60).await;
    stage.set("db", Finding::Hang);
    stage.until(200).await;
    let view = stage.view();
    let db = &view.rows[0];
    assert_eq!((&*db.name, db.mark.word), ("db", "fail"));
    let run = db.run.as_ref().unwrap();
    let since_pass = view.now.duration_since(run.last_pass.unwrap()).unwrap();
    assert!(since_pass > secs(120), "{}", age(since_pass));
    assert_eq!(run.timeout, secs(5));
    let strip = run.strip.as_ref().unwrap();
    assert_eq!(strip.cells[57..], [Cell::Fail; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_refresher_that_panics_is_counted() {
    let stage = shop().start();
    stage.until(60).await;
    stage.health.break_refresher();
    stage.until(90).await;
    assert_eq!(stage.view().facts.restarts, 1);
}

#[test]
fn a_refresher_that_is_gone_is_told_with_what_it_left() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let stale = |name| {
        let check = Check::new(indicator_fn(name, async || Ok::<_, Failure>(())));
        check
            .ttl(Duration::from_millis(1))
            .stale_after(Duration::from_millis(2))
    };
    let health = Health::builder().readiness(stale("db"));
    let health = health.start_on(runtime.handle()).unwrap();
    let ready = runtime.block_on(health.await_ready());
    assert!(ready.is_ok());
    drop(runtime);
    // The lifecycle knows at once; the result expires by the clock of every reader.
    let mut view = View::new(&health, SystemTime::now());
    while view.rows[0].status != Status::Fail {
        std::thread::yield_now();
        view = View::new(&health, SystemTime::now());
    }
    assert_eq!(view.facts.refresher, RefresherState::Gone);
    let text = view.sentence.text(view.now);
    assert!(text.contains("the refresher is gone"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_service_without_checks_is_ready() {
    let stage = Cast::new().start();
    assert_eq!(
        stage.sentence(),
        "Ready since 02:10:00 UTC: no check is registered"
    );
    assert!(stage.view().rows.is_empty());
}

#[tokio::test(start_paused = true)]
async fn with_many_failures_the_story_stays_short() {
    let names: Vec<&'static str> = (0..200)
        .map(|index| &*Box::leak(format!("shard-{index}").into_boxed_str()))
        .collect();
    let cast = names
        .iter()
        .fold(Cast::new(), |cast, name| cast.check(name, 3));
    let stage = cast.start();
    stage.until(60).await;
    names
        .iter()
        .for_each(|name| stage.set(name, Finding::Fail("refused")));
    stage.until(90).await;
    let view = stage.view();
    assert_eq!((view.rows.len(), view.story.items.len()), (200, 8));
    assert_eq!(view.story.more, 193);
    assert!(stage.sentence().ends_with("(and 199 more checks)"));
}

#[tokio::test(start_paused = true)]
async fn new_times_alone_are_no_news() {
    let stage = shop().start();
    stage.until(60).await;
    let before = stage.view();
    stage.until(90).await;
    let quiet = stage.view();
    assert_ne!(before.taken, quiet.taken);
    assert_eq!(before.digest(), quiet.digest());
    stage.set("cache", Finding::Warn("evicts"));
    stage.until(120).await;
    assert_ne!(stage.view().digest(), quiet.digest());
}
