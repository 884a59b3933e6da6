//! What a recorder has written, for requests that reach back beyond memory.
//!
//! A database that is down, slow or hangs costs such a request its time limit, and nobody else
//! anything.

use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{Query, rows};
use crate::management::facts::time;
use crate::recorder::{Archive, RecordedRuns, RecorderError, Selection};

/// How many requests are answered from the archive at a time. Others wait for their turn.
const CONCURRENT: usize = 2;

/// How long a request waits for the archive, its turn included.
const TIME: Duration = Duration::from_secs(5);

/// How many transitions an answer has, the latest ones.
const TRANSITIONS: usize = 1_000;

/// How many buckets of a check an answer has, if a coarser resolution can see to it.
const BUCKETS: u32 = 5_000;

/// An archive and how it is asked.
#[derive(Clone, Debug)]
pub(in crate::management) struct Source {
    archive: Archive,
    /// `Some` if the archive works only there.
    runtime: Option<Handle>,
    turns: Arc<Semaphore>,
}

/// What the archive said, or why it did not.
#[derive(Debug)]
pub(in crate::management) struct Archived {
    pub(super) json: Value,
    /// Whether it knows the check that is asked for, or cannot tell.
    pub(super) may_have_check: bool,
}

impl Source {
    /// # Errors
    ///
    /// Returns an error outside a runtime, if the archive is a pool, whose connections belong to the
    /// runtime that opens them.
    pub(in crate::management) fn new(archive: Archive) -> Result<Self, String> {
        let runtime = if archive.has_pool() {
            let none = |_| "`history` with a pool was called outside a tokio runtime".to_owned();
            Some(Handle::try_current().map_err(none)?)
        } else {
            None
        };
        Ok(Self {
            archive,
            runtime,
            turns: Arc::new(Semaphore::new(CONCURRENT)),
        })
    }

    /// Asks for everything since a time. It ends in time whatever the database does, and the question
    /// ends with it.
    pub(in crate::management) async fn ask(self, query: Query, since: SystemTime) -> Archived {
        let range = since..SystemTime::now();
        let mut json = json!({"since": time(range.start), "until": time(range.end)});
        let question = async {
            let turn = self.turns.acquire_owned().await;
            let work = async move {
                let _turn = turn;
                read(&self.archive, range, &query).await
            };
            let asked = match self.runtime {
                Some(runtime) => runtime.spawn(work),
                None => tokio::spawn(work),
            };
            Asked(asked).await
        };
        let fault = match timeout(TIME, question).await {
            Ok(Ok(Ok(found))) => return found.into_archived(json),
            Ok(Ok(Err(error))) => error.to_string(),
            Ok(Err(_)) => "the runtime of the archive has ended".to_owned(),
            Err(_) => format!("the archive does not answer within {TIME:?}"),
        };
        json["error"] = fault.into();
        Archived {
            json,
            may_have_check: true,
        }
    }
}

/// A question in its task, which ends when nobody waits for the answer any more.
struct Asked<T>(JoinHandle<T>);

impl<T> Future for Asked<T> {
    type Output = Result<T, tokio::task::JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl<T> Drop for Asked<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What was found, already as JSON: that takes time, too.
struct Found {
    transitions: Vec<Value>,
    has_more: bool,
    /// `Some` if a check is asked for.
    runs: Option<Runs>,
}

struct Runs {
    resolution: Duration,
    of_checks: Vec<Value>,
}

impl Found {
    fn into_archived(self, mut json: Value) -> Archived {
        let may_have_check = !self.transitions.is_empty();
        let mut archived = Archived {
            may_have_check,
            json: Value::Null,
        };
        json["transitions"] = self.transitions.into();
        json["hasMoreTransitions"] = self.has_more.into();
        if let Some(runs) = self.runs {
            archived.may_have_check |= !runs.of_checks.is_empty();
            json["resolutionSeconds"] = runs.resolution.as_secs().into();
            json["checks"] = runs.of_checks.into();
        }
        archived.json = json;
        archived
    }
}

async fn read(
    archive: &Archive,
    range: Range<SystemTime>,
    query: &Query,
) -> Result<Found, RecorderError> {
    let selection = selection(query);
    let latest = archive.latest_transitions(range.clone(), selection.clone(), TRANSITIONS);
    let (latest, has_more) = latest.await?;
    let transitions = latest.iter().map(|recorded| {
        let mut change = rows::change(recorded.transition());
        change["service"] = recorded.service().into();
        change["instance"] = recorded.instance().into();
        change
    });
    let transitions = transitions.collect();
    let runs = match query.check {
        Some(_) => Some(runs(archive, range, selection).await?),
        // The runs of every check could be megabytes.
        None => None,
    };
    Ok(Found {
        transitions,
        has_more,
        runs,
    })
}

/// A name alone is that of a check of any probe.
fn selection(query: &Query) -> Selection {
    match &query.check {
        None => Selection::all(),
        Some(wanted) => match query.probe_and_name() {
            Some((probe, name)) => Selection::check(name).probe(probe),
            None => Selection::check(wanted).any_probe(),
        },
    }
}

async fn runs(
    archive: &Archive,
    range: Range<SystemTime>,
    selection: Selection,
) -> Result<Runs, RecorderError> {
    let mut resolution = archive.resolution_since(range.start);
    let span = range.end.duration_since(range.start).unwrap_or_default();
    while let Some(coarser) = resolution.coarser().filter(|_| {
        let buckets = span.as_secs() / resolution.span().as_secs();
        buckets > u64::from(BUCKETS)
    }) {
        resolution = coarser;
    }
    let found = archive.history(range, selection.resolution(resolution));
    let found = found.await?;
    let of_checks =
        found.chunk_by(|one, next| (one.service(), one.check()) == (next.service(), next.check()));
    Ok(Runs {
        resolution: resolution.span(),
        of_checks: of_checks.map(of_check).collect(),
    })
}

/// The runs of one check; there is at least one.
fn of_check(runs: &[RecordedRuns]) -> Value {
    let buckets = runs.iter().map(|runs| {
        let mut bucket = rows::bucket(runs.bucket());
        bucket["seconds"] = runs.resolution().span().as_secs().into();
        bucket
    });
    json!({
        "service": runs.first().map(RecordedRuns::service),
        "subject": runs.first().map(|runs| runs.check().to_string()),
        "buckets": buckets.collect::<Value>(),
    })
}
