//! Detection of faults of real servers: Redis and Postgres, each in a process of its own.

pub(crate) mod postgres;
mod process;
mod redis;

use crate::Effort;
use crate::detection::{self, rows};
use crate::refresher::block_on;
use crate::table::{Row, Section};

pub(crate) fn detection(effort: Effort) -> Vec<Section> {
    let (title, mut all) = detection::detection(effort.detections);
    block_on(async {
        for (name, watched) in [
            ("Redis", redis::start().await),
            ("Postgres", postgres::start().await),
        ] {
            match watched {
                Some(watched) => all.extend(rows(watched, effort.detections).await),
                None => all.push(Row::new(name, "not installed")),
            }
        }
    });
    vec![(title, all)]
}
