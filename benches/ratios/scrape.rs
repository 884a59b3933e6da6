//! What one scrape takes, by the number of checks.

use std::hint::black_box;

use crate::ours::Ready;
use crate::table::{Row, Section};
use crate::timing::thread_time;

const SCRAPES: u32 = 200;

pub(crate) fn scrape() -> Section {
    let mut rows = Vec::new();
    for checks in [1, 20, 200] {
        let health = Ready::with_checks(checks);
        let scrape = || black_box(health.health.metrics(None)).into_body().len();
        let bytes = scrape();
        let start = thread_time();
        for _ in 0..SCRAPES {
            scrape();
        }
        let micros = (thread_time() - start) / SCRAPES;
        let micros = micros.as_secs_f64() * 1e6;
        rows.push(Row::number(
            &format!("{checks} checks: time"),
            "µs",
            micros,
            None,
        ));
        let bytes = bytes as f64;
        rows.push(Row::number(
            &format!("{checks} checks: text"),
            "B",
            bytes,
            None,
        ));
    }
    ("One scrape", rows)
}
