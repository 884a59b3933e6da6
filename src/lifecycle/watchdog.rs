//! The watchdog: a thread that ends a process whose shutdown takes too long.
//!
//! It has a runtime of its own, so it receives signals and fires although every worker of the
//! application's runtime is blocked.

use std::io::{self, Write};
use std::process;
use std::sync::{Arc, Weak, mpsc};
use std::thread;
use std::time::Duration;

use humantime::format_duration;
use tokio::runtime::Builder;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::signal::Signals;
use crate::state::{LifecycleState, Shutdown, Stage, race};

/// The exit code of a process that the watchdog ends: that of `timeout(1)`.
const EXIT_CODE: i32 = 124;

/// The time after the cap in which the process can still end by itself, so that one that keeps to
/// the cap exits with its own code.
const GRACE: Duration = Duration::from_secs(1);

/// How long the line on stderr may take.
const LINE_TIME: Duration = Duration::from_secs(1);

/// How long the exit may take before the process is aborted.
const EXIT_TIME: Duration = Duration::from_secs(3);

/// Starts the thread. It ends when the lifecycle is dropped, unless a shutdown has begun.
pub(crate) fn start_watchdog(
    lifecycle: &Arc<LifecycleState>,
    delay: Duration,
    cap: Duration,
) -> io::Result<()> {
    let watchdog = Watchdog::new(lifecycle, delay, cap);
    let (started, is_started) = mpsc::channel();
    let body = move || {
        // Made here, since a runtime that fails to start must not be dropped within another one.
        let runtime = match Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                let _ = started.send(Err(error));
                return;
            }
        };
        if runtime.block_on(watchdog.run(started)) == Verdict::Overdue {
            end_process(delay, cap);
        }
    };
    thread::Builder::new()
        .name("drain-watchdog".to_owned())
        .spawn(body)?;
    let result = is_started.recv();
    result.unwrap_or_else(|_| Err(io::Error::other("the watchdog thread has ended")))
}

/// Why the watchdog stops.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// The process has to end.
    Overdue,
    /// The lifecycle is gone, and no shutdown has begun.
    Unneeded,
}

struct Watchdog {
    /// Weak, since the thread must not keep the lifecycle of a health that ended.
    lifecycle: Weak<LifecycleState>,
    shutdown: watch::Receiver<Shutdown>,
    delay: Duration,
    cap: Duration,
    /// `Some` if signals move the shutdown forward. The watchdog receives them itself, because
    /// nothing in a blocked runtime does.
    signals: Option<Signals>,
    signals_seen: u32,
    /// How far the shutdown is, by its latch and by the signals.
    stage: Stage,
    /// When the process has to end; `Some` if a shutdown has begun.
    deadline: Option<Instant>,
}

/// What the watchdog waits for.
enum Event {
    Changed,
    Signal,
    Deadline,
    LifecycleGone,
}

impl Watchdog {
    fn new(lifecycle: &Arc<LifecycleState>, delay: Duration, cap: Duration) -> Self {
        Self {
            lifecycle: Arc::downgrade(lifecycle),
            shutdown: lifecycle.drain.watch_shutdown(),
            delay,
            cap,
            signals: None,
            signals_seen: 0,
            stage: Stage::Serving,
            deadline: None,
        }
    }

    async fn run(mut self, started: mpsc::Sender<io::Result<()>>) -> Verdict {
        self.look();
        let _ = started.send(Ok(()));
        loop {
            match self.next_event().await {
                Event::Changed => self.look(),
                Event::Signal => self.signalled(),
                Event::Deadline => return Verdict::Overdue,
                Event::LifecycleGone => match self.deadline {
                    Some(deadline) => {
                        sleep_until(deadline).await;
                        return Verdict::Overdue;
                    }
                    None => return Verdict::Unneeded,
                },
            }
        }
    }

    async fn next_event(&mut self) -> Event {
        let Self {
            shutdown,
            signals,
            deadline,
            ..
        } = self;
        let changed = async {
            match shutdown.changed().await {
                Ok(()) => Event::Changed,
                Err(_) => Event::LifecycleGone,
            }
        };
        let signal = async {
            match signals {
                Some(signals) => signals.next().await,
                None => std::future::pending().await,
            }
            Event::Signal
        };
        let deadline = async {
            match deadline {
                Some(deadline) => sleep_until(*deadline).await,
                None => std::future::pending().await,
            }
            Event::Deadline
        };
        race(race(changed, signal), deadline).await
    }

    /// Takes over what the latch of the shutdown says.
    fn look(&mut self) {
        let shutdown = *self.shutdown.borrow_and_update();
        if shutdown.follows_signals && self.signals.is_none() {
            self.signals = Some(Signals::install());
        }
        self.advance(shutdown.stage);
    }

    /// Counts a signal.
    ///
    /// Only the first moves the shutdown itself forward. The application may have seen the others
    /// already, and would then count them twice.
    fn signalled(&mut self) {
        self.signals_seen += 1;
        match self.signals_seen {
            1 => {
                if let Some(lifecycle) = self.lifecycle.upgrade() {
                    lifecycle.start_shutdown();
                }
                self.advance(Stage::Delay);
            }
            2 => self.advance(Stage::Cap),
            _ => self.advance(Stage::CapEnded),
        }
    }

    /// Sets the deadline for a stage. A later stage never moves it back.
    fn advance(&mut self, stage: Stage) {
        if stage <= self.stage {
            return;
        }
        self.stage = stage;
        let left = match stage {
            Stage::Serving => return,
            Stage::Delay => self.remaining_delay() + self.cap,
            Stage::Cap => self.cap,
            Stage::CapEnded => Duration::ZERO,
        };
        let deadline = Instant::now() + left + GRACE;
        self.deadline = Some(self.deadline.map_or(deadline, |other| other.min(deadline)));
    }

    fn remaining_delay(&self) -> Duration {
        let lifecycle = self.lifecycle.upgrade();
        lifecycle.map_or(self.delay, |lifecycle| lifecycle.drain.remaining_delay())
    }
}

/// Ends the process with one line on stderr.
///
/// Each step that could hang has a thread of its own: the line if stderr is a full pipe or another
/// thread holds its lock, the exit if an exit handler or the flush of stdout never returns.
fn end_process(delay: Duration, cap: Duration) -> ! {
    let line = format!(
        "tower-health: the process has not ended by the drain cap, and exits with code \
         {EXIT_CODE} (drain delay {}, drain cap {})\n",
        format_duration(delay),
        format_duration(cap)
    );
    let (written, is_written) = mpsc::channel();
    // If no thread can be started, the line is left out, and so is the exit.
    let _ = thread::Builder::new().spawn(move || {
        // `eprintln!` would panic if stderr is a pipe that nobody reads.
        let _ = io::stderr().write_all(line.as_bytes());
        let _ = written.send(());
    });
    let _ = is_written.recv_timeout(LINE_TIME);
    let _ = thread::Builder::new().spawn(|| process::exit(EXIT_CODE));
    thread::sleep(EXIT_TIME);
    // Runs no exit handler and flushes nothing.
    process::abort()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Health, Status};

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    /// A health, and the watchdog of its shutdown, which runs on the paused clock.
    fn watched() -> (Health, impl Future<Output = (Verdict, Duration)>) {
        let health = Health::fixed(Status::Pass);
        let start = Instant::now();
        // The default delay and cap of a health.
        let watchdog = Watchdog::new(&health.state().lifecycle, secs(5), secs(20));
        let verdict = tokio::spawn(watchdog.run(mpsc::channel().0));
        let ended = async move { (verdict.await.expect("no panic"), start.elapsed()) };
        (health, ended)
    }

    async fn lapse(time: Duration) {
        tokio::time::sleep(time).await;
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_due_one_second_after_delay_and_cap() {
        let (health, ended) = watched();
        lapse(secs(100)).await;
        health.drain_on(async {}).await;
        assert_eq!(ended.await, (Verdict::Overdue, secs(126)));
    }

    // `drain` only asks for no more traffic.
    #[tokio::test(start_paused = true)]
    async fn a_drain_without_a_shutdown_is_never_overdue() {
        let (health, ended) = watched();
        health.drain();
        lapse(secs(3600)).await;
        drop(health);
        assert_eq!(ended.await, (Verdict::Unneeded, secs(3600)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_delay_counts_from_the_first_drain() {
        let (health, ended) = watched();
        health.drain();
        lapse(secs(4)).await;
        health.drain_on(async {}).await;
        assert_eq!(ended.await, (Verdict::Overdue, secs(26)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stage_that_is_ended_early_moves_the_end_forward() {
        let (health, ended) = watched();
        let lifecycle = Arc::clone(&health.state().lifecycle);
        lifecycle.start_shutdown();
        lapse(secs(1)).await;
        lifecycle.drain.advance(Stage::Cap);
        lapse(secs(2)).await;
        lifecycle.drain.advance(Stage::CapEnded);
        assert_eq!(ended.await, (Verdict::Overdue, secs(4)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_begins_ends_although_the_health_is_dropped() {
        let (health, ended) = watched();
        let shutdown = health.drain_on(async {});
        drop(health);
        shutdown.await;
        assert_eq!(ended.await, (Verdict::Overdue, secs(26)));
    }

    // A handler takes away what a signal does by itself, which is to end the process.
    #[tokio::test(start_paused = true)]
    async fn a_shutdown_that_follows_no_signals_leaves_them_alone() {
        let health = Health::fixed(Status::Pass);
        let mut watchdog = Watchdog::new(&health.state().lifecycle, secs(5), secs(20));
        health.state().lifecycle.start_shutdown();
        watchdog.look();
        assert!(watchdog.signals.is_none());
    }

    // More signals than any process gets, and each stage only once.
    #[tokio::test(start_paused = true)]
    async fn the_signals_that_it_counts_move_the_end_forward_too() {
        let health = Health::fixed(Status::Pass);
        let mut watchdog = Watchdog::new(&health.state().lifecycle, secs(5), secs(20));
        let mut left = Vec::new();
        for _ in 0..5 {
            watchdog.signalled();
            left.extend(watchdog.deadline.map(|end| end - Instant::now()));
        }
        assert_eq!(left, [26, 21, 1, 1, 1].map(secs));
        assert!(health.is_draining());
    }
}
