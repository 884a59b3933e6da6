//! A simulated year: how large the file is, whether it stays so, and how fast queries are.

use std::fs;
use std::time::{Duration, Instant};

use tower_health::recorder::{Resolution, Retention, Selection};
use tower_health::{RunBucket, Subject};

use super::File;
use crate::support::recorded::{DAY, HOUR, MINUTE, START, Store, at, bucket, check};

/// What is simulated.
struct Year {
    checks: u64,
    days: u64,
    retention: Retention,
}

impl Year {
    /// The bytes of the file and of its log at the end of each day.
    async fn run(&self, file: &File) -> Vec<u64> {
        let process = file.process("shop-1", at(START)).await;
        let mut process = process.retention(self.retention);
        let mut sizes = Vec::new();
        for hour in 0..self.days * 24 {
            let minutes: Vec<_> = (0..self.checks)
                .flat_map(|check| (0..60).map(move |minute| (check, hour * 60 + minute)))
                .map(|(check, minute)| runs(check, minute))
                .collect();
            let now = at(START + (hour + 1) * HOUR);
            for part in minutes.chunks(1_000) {
                process.write(part.to_vec(), [now, now]).await.unwrap();
            }
            process.tidy(now, 1_000).await.unwrap();
            if hour % 24 == 23 {
                let log = file.path().with_extension("db-wal");
                let sizes_now = [file.path(), log].map(|path| fs::metadata(path).unwrap().len());
                sizes.push(sizes_now.iter().sum());
            }
        }
        sizes
    }
}

/// A check each second, which takes a time of its own, varies by the minute, and is down at times.
fn runs(check_number: u64, minute: u64) -> (Subject, RunBucket) {
    let spread = |salt: u64| (minute * 7919 + check_number * 104_729 + salt * 31) % 1_000;
    let is_down = minute / 30 % 997 == check_number;
    let outcome = if is_down { 2 } else { 0 };
    let runs: Vec<_> = (0..60)
        .map(|run| (outcome, 300 * (check_number + 1) + 20 * spread(run)))
        .collect();
    let name = format!("check-{check_number}");
    (check(&name), bucket(START + minute * MINUTE, &runs))
}

/// The same code and the same shape in less time: everything is kept for a twentieth as long.
#[tokio::test]
async fn the_file_stops_growing_when_the_oldest_rows_go() {
    let mut retention = Retention::default();
    retention.minutes = Duration::from_secs(3 * HOUR);
    retention.hours = Duration::from_secs(2 * DAY);
    retention.days = Duration::from_secs(12 * DAY);
    let year = Year {
        checks: 3,
        days: 30,
        retention,
    };
    let file = File::new();
    let sizes = year.run(&file).await;
    let settled = &sizes[14..];
    let (least, most) = (settled.iter().min().unwrap(), settled.iter().max().unwrap());
    println!("{sizes:?}");
    // A page or a log more or less.
    assert!(most - least <= 128 * 1024, "{sizes:?}");
}

/// The figures of the history guide. It takes minutes, and an hour without optimisation.
#[tokio::test]
#[ignore = "takes long: run it with --release --nocapture"]
async fn a_year_of_twenty_checks() {
    let year = Year {
        checks: 20,
        days: 430,
        retention: Retention::default(),
    };
    let file = File::new();
    let began = Instant::now();
    let sizes = year.run(&file).await;
    println!("simulated {} days in {:?}", year.days, began.elapsed());
    for (day, bytes) in sizes.iter().enumerate().filter(|(day, _)| day % 30 == 29) {
        println!("day {:>3}: {:>6.2} MB", day + 1, *bytes as f64 / 1e6);
    }
    let end = START + year.days * DAY;
    let archive = file.archive();
    let ranges = [
        ("an hour in minutes", HOUR, Resolution::Minute, false),
        ("48 hours in minutes", 2 * DAY, Resolution::Minute, false),
        ("31 days in hours", 31 * DAY, Resolution::Hour, false),
        ("a year in days", 365 * DAY, Resolution::Day, false),
        (
            "an hour in minutes, 20 checks",
            HOUR,
            Resolution::Minute,
            true,
        ),
        (
            "31 days in hours, 20 checks",
            31 * DAY,
            Resolution::Hour,
            true,
        ),
        (
            "a year in days, 20 checks",
            365 * DAY,
            Resolution::Day,
            true,
        ),
    ];
    for (name, length, resolution, is_all) in ranges {
        let selection = match is_all {
            true => Selection::all(),
            false => Selection::check("check-7"),
        };
        let mut times = Vec::new();
        let mut rows = 0;
        for _ in 0..20 {
            let selection = selection.clone().resolution(resolution);
            let began = Instant::now();
            let range = at(end - length)..at(end);
            rows = archive.history(range, selection).await.unwrap().len();
            times.push(began.elapsed());
        }
        times.sort();
        println!(
            "{name}: {rows} buckets, median {:?}, longest {:?}",
            times[10], times[19]
        );
    }
    let most = sizes.iter().max().unwrap();
    assert!(*most < 15_000_000, "{most}");
    let settled = &sizes[380..];
    let spread = settled.iter().max().unwrap() - settled.iter().min().unwrap();
    assert!(spread < 500_000, "{spread}");
}
