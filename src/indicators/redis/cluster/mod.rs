//! A cluster: one read in each shard, and a verdict over all of them.

mod latest;
mod map;
mod slots;
mod verdict;

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use redis::aio::ConnectionLike;
use redis::{Cmd, RedisResult, Value, cmd};

use self::latest::LatestMap;
use self::map::{Map, Shard};
use super::RedisIndicator;
use super::round_trip::RoundTrip;
use super::run::describe;
use crate::indicators::shared::budget::Budget;
use crate::{CheckResult, Failure};

/// The settings of a cluster, and what the last run knew of it.
#[derive(Default)]
pub(super) struct Cluster {
    /// `Some` if more or fewer than a majority of the shards have to answer.
    pub(super) min_shards: Option<usize>,
    map: LatestMap,
}

/// How long one shard took to answer, or why it did not.
type Answer = Result<Duration, String>;

impl Cluster {
    pub(super) fn config_error(&self, key_prefix: &str) -> [Option<String>; 2] {
        let tag = slots::has_hash_tag(key_prefix).then(|| {
            "key_prefix contains a hash tag, which would put the keys of all shards into one slot"
                .to_owned()
        });
        let none = self.min_shards == Some(0);
        let none = none.then(|| "min_shards is 0, so no lost shard could fail".to_owned());
        [tag, none]
    }
}

/// Requests are sent to a random node, so a second one meets another node than the one that failed.
const TRIES: u32 = 2;

impl<C> RedisIndicator<C>
where
    C: ConnectionLike + Clone + Send + Sync + 'static,
{
    pub(super) async fn check_cluster(&self, cluster: &Cluster, budget: &Budget) -> CheckResult {
        // The steps end at these tenths of the timeout: reading the map twice, then the shards. The
        // budget is nine tenths, so that the state of the cluster can be asked for.
        let tenth = self.timeout / 10;
        let known = cluster.map.get();
        let map = match &known {
            Some(map) => Arc::clone(map),
            None => cluster.map.set(self.read_map(budget, tenth * 2).await?),
        };
        let reread = async {
            // The next run uses it.
            if known.is_some() && cluster.map.is_stale() {
                if let Ok(map) = self.read_map(budget, tenth * 3).await {
                    cluster.map.set(map);
                }
            }
        };
        // Reading a lost shard makes some clients look for it, and keep all other commands waiting
        // while they do. So the others come first, and each lost one has a time of its own.
        let lost = cluster.map.lost_in(&map);
        let others = (0..map.shards.len()).filter(|shard| !lost.contains(shard));
        let read = |shard: usize| {
            let answer = self.read_shard(budget, tenth * 7, &map.shards[shard]);
            async move { (shard, answer.await) }
        };
        let mut answers = join_all(others.map(read)).await;
        let newly_lost = answers.iter().filter(|(_, answer)| answer.is_err());
        let mut next: Vec<_> = newly_lost.map(|(shard, _)| *shard).collect();
        let again = async {
            let mut again = Vec::new();
            for (index, &shard) in lost.iter().enumerate() {
                let left = u32::try_from(lost.len() - index).unwrap_or(u32::MAX);
                let share = budget.spent() + (tenth * 7).saturating_sub(budget.spent()) / left;
                let answer = self.read_shard(budget, share, &map.shards[shard]).await;
                again.push((shard, answer));
            }
            again
        };
        let (again, ()) = tokio::join!(again, reread);
        // One that only had to wait for another comes before it in the next run.
        let lost_again = again.iter().rev().filter(|(_, answer)| answer.is_err());
        next.extend(lost_again.map(|(shard, _)| *shard));
        answers.extend(again);
        answers.sort_by_key(|(shard, _)| *shard);
        let answers: Vec<_> = answers.into_iter().map(|(_, answer)| answer).collect();

        let is_any_lost = !next.is_empty();
        cluster.map.set_lost(&map, &next);
        let state = match is_any_lost {
            true => self.cluster_state(budget).await,
            false => None,
        };
        verdict::of(&map, &answers, cluster.min_shards, state.as_deref())
    }

    /// Asks random nodes for the map, each for this share of the timeout.
    async fn read_map(&self, budget: &Budget, share: Duration) -> Result<Map, Failure> {
        let mut command = cmd("CLUSTER");
        command.arg("SLOTS");
        let step = "Redis cluster: CLUSTER SLOTS";
        let mut last = None;
        for attempt in 1..=TRIES {
            let sent = self.routed(&command);
            let fault = match budget.within_share(share * attempt, step, sent).await {
                Err(timed_out) => timed_out,
                Ok(Err(error)) => Failure::new(format!(
                    "{step}: {}",
                    describe::<C>(&error, "cluster|slots")
                )),
                Ok(Ok(answer)) => match Map::parse(&answer, &self.key()) {
                    Some(map) if !map.shards.is_empty() => return Ok(map),
                    Some(_) => Failure::new(format!("{step}: no shard serves a slot")),
                    None => Failure::new(format!("{step}: unexpected answer")),
                },
            };
            last = Some(fault);
        }
        Err(last.unwrap_or_else(|| Failure::new(step)))
    }

    async fn read_shard(&self, budget: &Budget, share: Duration, shard: &Shard) -> Answer {
        let started_at = Instant::now();
        let trip = RoundTrip::new(&shard.key, self.timeout);
        if self.round_trip.is_some() {
            let (step, command) = trip.set();
            let answer = self.ask_shard(budget, share, &step, &command).await?;
            trip.was_set(&answer)
                .map_err(|fault| format!("{step}: {fault}"))?;
        }
        let (step, command) = trip.get();
        let answer = self.ask_shard(budget, share, &step, &command).await?;
        if self.round_trip.is_some() {
            trip.was_read(&answer)
                .map_err(|fault| format!("{step}: {fault}"))?;
        }
        Ok(started_at.elapsed())
    }

    async fn ask_shard(
        &self,
        budget: &Budget,
        share: Duration,
        step: &str,
        command: &Cmd,
    ) -> Result<Value, String> {
        let sent = self.routed(command);
        let answer = budget.within_share(share, step, sent).await;
        let answer = answer.map_err(|timed_out| timed_out.output().to_owned())?;
        answer.map_err(|error| format!("{step}: {}", describe::<C>(&error, step)))
    }

    /// What a node says of the cluster, if it is not well. A client may hide that behind retries
    /// which take longer than a run.
    async fn cluster_state(&self, budget: &Budget) -> Option<String> {
        let mut command = cmd("CLUSTER");
        command.arg("INFO");
        let answer = budget.within("CLUSTER INFO", self.routed(&command)).await;
        verdict::state_of(&answer.ok()?.ok()?)
    }

    async fn routed(&self, command: &Cmd) -> RedisResult<Value> {
        let mut connection = self.connection.clone();
        let answer = connection.req_packed_command(command).await;
        // The connection returns errors of the server as values.
        answer.and_then(Value::extract_error)
    }
}

/// Waits for all futures, and returns their outputs in the same order.
async fn join_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    poll_fn(move |cx| {
        let mut is_pending = false;
        for (future, output) in &mut waiting {
            if output.is_some() {
                continue;
            }
            match Pin::new(future).poll(cx) {
                Poll::Ready(ready) => *output = Some(ready),
                Poll::Pending => is_pending = true,
            }
        }
        if is_pending {
            return Poll::Pending;
        }
        let outputs = waiting.iter_mut().filter_map(|(_, output)| output.take());
        Poll::Ready(outputs.collect())
    })
    .await
}
