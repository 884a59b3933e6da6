//! Panics of what a user hands in beside checks: the redaction hook, and listeners.

use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tower_health::Status;

use super::bombs::BombOfBombs;
use super::support::{Script, fail, failed, panics, pass, readiness, seen};
use crate::support::{lapse, millis, secs, settle, steady};

#[tokio::test(start_paused = true)]
async fn a_redaction_hook_that_panics_withholds_the_text() {
    let health = steady()
        .redact(|text| {
            assert!(!text.contains("hunter2"), "cannot redact {text}");
            text.to_uppercase()
        })
        .readiness(Script::new([fail("password hunter2")]).check("db"))
        .readiness(Script::new([fail("refused")]).check("cache"))
        .start()
        .unwrap();
    for _ in 0..3 {
        lapse(secs(1)).await;
        settle().await;
        let withheld = failed("withheld: the redaction hook panicked");
        assert_eq!(seen(&health, "db"), withheld);
        assert_eq!(seen(&health, "cache"), failed("REFUSED"));
    }
    assert_eq!(health.refresher_restarts(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_panics_with_a_bomb_withholds_the_text_too() {
    let health = steady()
        .redact(|_| panic_any(BombOfBombs))
        .readiness(Script::new([panics("boom").after(millis(1))]).check("db"))
        .start()
        .unwrap();
    settle().await;
    let withheld = failed("withheld: the redaction hook panicked");
    assert_eq!(seen(&health, "db"), withheld);
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_panics_stops_neither_other_listeners_nor_later_calls() {
    let told = Arc::new(AtomicUsize::new(0));
    let db = Script::new([fail("no"), pass(), fail("no")]);
    let health = steady()
        .readiness(db.check("db"))
        .on_transition(|_| panic!("listener"))
        .on_transition(|_| panic_any(BombOfBombs))
        .on_transition({
            let told = Arc::clone(&told);
            move |_| {
                told.fetch_add(1, Ordering::Relaxed);
            }
        })
        .start()
        .unwrap();
    settle().await;
    assert_eq!(told.load(Ordering::Relaxed), 1, "db: fail");
    lapse(secs(1)).await;
    assert_eq!(told.load(Ordering::Relaxed), 3, "db and readiness: pass");
    lapse(secs(1)).await;
    assert_eq!(told.load(Ordering::Relaxed), 5, "db and readiness: fail");
    assert_eq!(readiness(&health), Status::Fail);
    assert_eq!(health.refresher_restarts(), 0);
}
