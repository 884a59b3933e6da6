//! An answer that is shared for a second, however many ask for it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::response::Answer;
use crate::Health;
use crate::page::Standing;

/// For how long an answer is shared while no probe changes.
const FRESH: Duration = Duration::from_secs(1);

/// The latest answer of a route whose answers are long.
#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<Option<Latest>>);

#[derive(Debug)]
struct Latest {
    answer: Answer,
    made: Instant,
    standing: Standing,
}

impl Recent {
    /// Returns the latest answer, or makes another if a probe has changed, a drain has begun, or a
    /// second has passed.
    pub(super) fn get(&self, health: &Health, make: impl FnOnce() -> Answer) -> Answer {
        let standing = Standing::new(&health.snapshot());
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(latest) = &*latest {
            if latest.standing == standing && latest.made.elapsed() < FRESH {
                return latest.answer.clone();
            }
        }
        let answer = make();
        *latest = Some(Latest {
            answer: answer.clone(),
            made: Instant::now(),
            standing,
        });
        answer
    }
}
