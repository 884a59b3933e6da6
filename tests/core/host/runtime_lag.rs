//! The lag of runtimes, of which some are blocked. Real threads need the real clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;
use tower_health::indicators::RuntimeLagIndicator;
use tower_health::{Check, Health, HealthIndicator, Probe, Status};

use super::support::{number, output, status};
use crate::support::watched::Watched;
use crate::support::{eventually, millis};

/// A current-thread runtime on a thread of its own, as a server has one for each core.
struct Worker {
    handle: Handle,
    end: oneshot::Sender<()>,
    thread: thread::JoinHandle<()>,
}

impl Worker {
    fn start() -> Self {
        let (handed, taken) = channel();
        let (end, ended) = oneshot::channel();
        let thread = thread::spawn(move || {
            let runtime = current_thread();
            handed.send(runtime.handle().clone()).unwrap();
            let _ = runtime.block_on(ended);
        });
        let handle = taken.recv().unwrap();
        Self {
            handle,
            end,
            thread,
        }
    }

    /// Blocks the runtime until the returned value is dropped.
    fn block(&self) -> Sender<()> {
        let (release, released) = channel();
        self.handle.spawn(async move {
            let _ = released.recv();
        });
        release
    }

    /// Ends the runtime, and waits until it did.
    fn end(self) {
        drop(self.end);
        self.thread.join().unwrap();
    }
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn workers<const N: usize>(lag: &RuntimeLagIndicator) -> [Worker; N] {
    let workers = [(); N].map(|()| Worker::start());
    for (index, worker) in workers.iter().enumerate() {
        lag.watch(format!("worker-{index}"), &worker.handle);
    }
    workers
}

fn indicator() -> RuntimeLagIndicator {
    RuntimeLagIndicator::new("runtime-lag")
}

// blocked:  0 of 4   1 of 4   3 of 4   0 of 4
// check:    pass     warn     fail     pass
// readyz:   200      200      503      200        livez: 200 throughout
#[tokio::test]
async fn more_than_half_of_the_runtimes_blocked_fails_readiness_and_one_of_four_does_not() {
    let lag = indicator();
    let workers = workers::<4>(&lag);
    let watched = Watched::start("runtime-lag", lag);
    watched.passes().await;

    let first = workers[2].block();
    let output = watched.turns(Status::Warn).await;
    let told = "1 of 4 runtimes lag by more than 500ms: worker-2 by ";
    assert!(output.starts_with(told), "{output}");

    let others = [workers[0].block(), workers[3].block()];
    let told = "3 of 4 runtimes lag by more than 500ms: worker-2 by ";
    let output = watched.turns_with(Status::Fail, told).await;
    assert!(output.contains("worker-0 by ") && output.contains("worker-3 by "));
    assert!(!output.contains("worker-1"), "{output}");

    drop((first, others));
    watched.passes().await;
}

#[tokio::test]
async fn half_of_the_runtimes_blocked_only_warns_and_one_of_one_fails() {
    let lag = indicator();
    let [first, second] = workers(&lag);
    let _blocked = first.block();
    eventually("the lag", async || {
        status(&lag.check().await) != Status::Pass
    })
    .await;
    assert_eq!(status(&lag.check().await), Status::Warn);
    second.end();
    let result = lag.check().await;
    assert_eq!(status(&result), Status::Fail, "{}", output(&result));
}

#[tokio::test]
async fn a_single_busy_runtime_fails_where_the_share_is_zero() {
    let lag = indicator().busy_above(millis(100)).fail_above(0.0);
    let workers = workers::<8>(&lag);
    let _blocked = workers[7].block();
    let has_failed = async || status(&lag.check().await) == Status::Fail;
    eventually("the failure", has_failed).await;
}

#[tokio::test]
async fn a_text_names_no_more_than_eight_runtimes() {
    let lag = indicator().busy_above(millis(20)).fail_above(0.5);
    let workers = workers::<10>(&lag);
    let _blocked = workers.each_ref().map(Worker::block);
    let told = async || output(&lag.check().await).starts_with("10 of 10 runtimes");
    eventually("all are busy", told).await;
    let result = lag.check().await;
    assert_eq!(output(&result).matches("worker-").count(), 8);
    assert!(
        output(&result).ends_with(", and 2 more"),
        "{}",
        output(&result)
    );
}

#[tokio::test]
async fn a_runtime_that_has_ended_no_longer_counts() {
    let lag = indicator();
    let [first, second] = workers(&lag);
    let count = async || number(&lag.check().await, "runtimes", "runtimes");
    assert_eq!(count().await, 2.0);
    first.end();
    assert_eq!(count().await, 1.0);
    let handle = second.handle.clone();
    second.end();
    let result = lag.check().await;
    let told = (status(&result), output(&result));
    assert_eq!(told, (Status::Warn, "no runtime is watched"));
    lag.watch("a runtime that has ended before", &handle);
    assert_eq!(output(&lag.check().await), "no runtime is watched");
}

#[tokio::test]
async fn nothing_is_left_on_a_runtime_when_the_last_indicator_is_gone() {
    let lag = indicator().interval(millis(1));
    let worker = Worker::start();
    lag.watch("worker", &worker.handle);
    assert_eq!(worker.handle.metrics().num_alive_tasks(), 1);
    drop(lag);
    let tasks = async || worker.handle.metrics().num_alive_tasks() == 0;
    eventually("the end of the ticker", tasks).await;
}

#[tokio::test]
async fn a_runtime_that_is_not_driven_or_has_no_timer_counts_as_busy() {
    let lag = indicator().busy_above(millis(20)).fail_above(0.9);
    let idle = current_thread();
    lag.watch("idle", idle.handle());
    let timeless = Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    lag.watch("timeless", timeless.handle());
    let busy = async || number(&lag.check().await, "busyRuntimes", "runtimes") == 2.0;
    eventually("both are busy", busy).await;
    idle.shutdown_background();
    timeless.shutdown_background();
}

#[tokio::test]
async fn the_lag_of_the_runtime_that_is_furthest_behind_is_a_reading() {
    let lag = indicator();
    let [first, _second] = workers(&lag);
    let _blocked = first.block();
    let behind = async || number(&lag.check().await, "lag", "ms") > 700.0;
    eventually("the lag", behind).await;
    assert_eq!(number(&lag.check().await, "busyRuntimes", "runtimes"), 1.0);
}

// blocked:  700 of every 1,000 ms
// check:    fail throughout, from the second time on
#[tokio::test]
async fn a_runtime_that_is_blocked_most_of_the_time_fails_between_the_blocks_too() {
    let lag = indicator();
    let [worker] = workers(&lag);
    let blocks = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&blocks);
    worker.handle.spawn(async move {
        loop {
            count.fetch_add(1, Ordering::Relaxed);
            thread::sleep(millis(700));
            tokio::time::sleep(millis(300)).await;
        }
    });
    eventually("the failure", async || {
        blocks.load(Ordering::Relaxed) > 2 && status(&lag.check().await) == Status::Fail
    })
    .await;
    let begun = blocks.load(Ordering::Relaxed);
    let mut looks = 0;
    while blocks.load(Ordering::Relaxed) < begun + 3 {
        let result = lag.check().await;
        assert_eq!(status(&result), Status::Fail, "look {looks}: {result:?}");
        assert!(number(&result, "lag", "ms") > 500.0, "{result:?}");
        looks += 1;
        tokio::time::sleep(millis(10)).await;
    }
    assert!(looks > 10, "{looks}");
}

// blocked:  for long   never again
// check:    fail       warn for a window   pass
#[tokio::test]
async fn a_runtime_that_was_blocked_once_only_warns_when_it_is_over() {
    let lag = indicator()
        .busy_above(millis(2_500))
        .window(Duration::from_secs(2));
    let [worker] = workers(&lag);
    let blocked = worker.block();
    eventually("the failure", async || {
        status(&lag.check().await) == Status::Fail
    })
    .await;
    drop(blocked);
    let mut seen = vec![Status::Fail];
    eventually("the end of the window", async || {
        let result = lag.check().await;
        let status = status(&result);
        if status == Status::Warn {
            let text =
                "1 of 1 runtimes lagged once by more than 2s 500ms in the last 2s: worker-0 by ";
            assert!(output(&result).starts_with(text), "{result:?}");
        }
        if seen.last() != Some(&status) {
            seen.push(status);
        }
        status == Status::Pass
    })
    .await;
    assert_eq!(seen, [Status::Fail, Status::Warn, Status::Pass]);
}

/// No refresher runs the check then, so the snapshot says that it is old.
#[tokio::test]
async fn when_the_runtime_of_the_refresher_is_blocked_readiness_fails_by_itself() {
    let lag = indicator();
    let [worker] = workers(&lag);
    let check = Check::new(lag).ttl(millis(200)).stale_after(millis(600));
    let health = Health::builder().readiness(check);
    let health = health.start_on(&worker.handle).unwrap();
    health.await_ready().await.unwrap();

    let blocked = worker.block();
    let unready = async || health.status(Probe::Readiness) == Status::Fail;
    eventually("it expires", unready).await;
    assert_eq!(health.status(Probe::Liveness), Status::Pass);
    drop(blocked);
    health.await_ready().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_paused_clock_is_no_lag() {
    let lag = indicator();
    lag.watch("test", &Handle::current());
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let result = lag.check().await;
    assert_eq!(status(&result), Status::Pass, "{result:?}");
}
