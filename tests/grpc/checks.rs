//! Checks that a test steers, and a health with one of them.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};

use tower_health::{Check, Health, indicator_fn};

use crate::support::{Dial, settle, steady};

/// A check, `db`, that passes once and then comes back no more.
pub(crate) fn hangs_after_its_first_run() -> Check {
    let runs = AtomicUsize::new(0);
    Check::new(indicator_fn("db", move || {
        let run = runs.fetch_add(1, Ordering::Relaxed);
        async move {
            if run > 0 {
                pending::<()>().await;
            }
            Ok::<_, std::io::Error>(())
        }
    }))
}

/// A health with this one critical check, `db`, after its first run.
pub(crate) async fn with_db(db: &Dial) -> Health {
    let health = steady().readiness(db.check("db")).start().unwrap();
    settle().await;
    health
}
