//! Starts one container after the other, and ends them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Event;
use super::backoff::BackOff;
use super::state::Shared;
use crate::files::kubernetes::{PreStop, Which};
use crate::platform::pace::StopFlag;
use crate::platform::process::{End, Process};

/// What is left after the hook, however long it took.
const LEAST_GRACE: Duration = Duration::from_secs(2);

impl Shared {
    /// Runs containers until the pod is deleted; returns how the one ended that ran then.
    pub(super) fn supervise(self: &Arc<Self>) -> Option<End> {
        let mut backoff = BackOff::default();
        while !self.lock().is_deleted {
            let Ok(mut process) = self.image.start(&self.command(), &self.container.env) else {
                self.tell(Event::Crashed);
                return None;
            };
            let begin = Instant::now();
            let over = StopFlag::default();
            self.begin(process.id());
            let workers: Vec<_> = self
                .container
                .probes()
                .map(|(which, probe)| {
                    let (shared, probe, over) = (Arc::clone(self), probe.clone(), over.clone());
                    std::thread::spawn(move || shared.probe(which, &probe, &over))
                })
                .collect();
            let end = self.watch(&mut process);
            over.set();
            for worker in workers {
                let _ = worker.join();
            }
            self.change(|state| {
                state.has_started = false;
                state.set_ready(false);
            });
            if self.lock().is_deleted {
                return end;
            }
            let pause = backoff.after(self.pace.of_platform(begin.elapsed()));
            self.pause_unless_deleted(self.pace.scaled(pause));
        }
        None
    }

    /// Watches one container to its end; returns it, unless the container ended by itself.
    fn watch(&self, process: &mut Process) -> Option<End> {
        loop {
            let state = self.wait(self.lock(), Duration::from_millis(5));
            let (failed, is_deleted) = (state.failed, state.is_deleted);
            drop(state);
            if is_deleted {
                return Some(self.end(process, self.grace));
            }
            if let Some(which) = failed {
                self.tell(Event::Failed(which));
                let probe = match which {
                    Which::Startup => &self.container.startup,
                    _ => &self.container.liveness,
                };
                let own = probe.as_ref().and_then(|probe| probe.grace);
                return Some(self.end(process, own.unwrap_or(self.grace)));
            }
            if process.ended().is_some() {
                self.tell(Event::Crashed);
                return None;
            }
        }
    }

    /// The hook, the stop signal, and SIGKILL when the grace of both is over.
    fn end(&self, process: &mut Process, grace: Duration) -> End {
        let begin = Instant::now();
        match self.container.pre_stop() {
            _ if self.stop.is_set() || grace.is_zero() => {}
            Some(PreStop::Sleep(time)) => {
                self.stop.pause(time.min(grace));
            }
            Some(PreStop::Runs(action)) => {
                // A hook that fails is an event of the pod, and changes nothing else.
                let _ = self.ask(&action, grace);
            }
            None => {}
        }
        let left = if self.stop.is_set() {
            Duration::ZERO
        } else {
            grace.saturating_sub(begin.elapsed()).max(LEAST_GRACE)
        };
        let end = process.stop(process.stop_signal(), left);
        self.tell(Event::Ended(end));
        end
    }

    fn pause_unless_deleted(&self, pause: Duration) {
        let end = Instant::now() + pause;
        let mut state = self.lock();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if state.is_deleted || left.is_zero() {
                return;
            }
            state = self.wait(state, left);
        }
    }

    fn command(&self) -> Vec<String> {
        let front = if self.container.command.is_empty() {
            self.image.entrypoint()
        } else {
            &self.container.command
        };
        front.iter().chain(&self.container.args).cloned().collect()
    }
}
