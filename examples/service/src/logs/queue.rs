//! The lines of the log, on their way to stdout.
//!
//! Whoever reads stdout may be slow, stuck or gone. A thread of its own writes, so that nothing that
//! logs waits for it: beyond a bound, lines are dropped and counted.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How many bytes wait at most.
const BYTES: usize = 1024 * 1024;

/// How long the end of the process waits until the last lines are written. With what Sentry takes,
/// it fits between the drain cap and the end that `exit_at_drain_cap` brings a second later.
const FLUSH: Duration = Duration::from_millis(200);

/// Takes a line by each `write`, and never fails.
#[derive(Clone)]
pub(super) struct Queue(Arc<Shared>);

/// Waits when it is dropped, for a bounded time, until every line is written.
#[must_use]
pub(crate) struct Flush(Queue);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lines: Vec<u8>,
    dropped: u64,
    is_writing: bool,
}

impl Queue {
    /// Starts the thread.
    pub(super) fn start(out: impl Write + Send + 'static) -> io::Result<(Self, Flush)> {
        let queue = Self(Arc::default());
        let writer = queue.clone();
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || writer.run(out))?;
        Ok((queue.clone(), Flush(queue)))
    }

    fn run(&self, mut out: impl Write) {
        loop {
            let mut state = self.state();
            while state.lines.is_empty() {
                let woken = self.0.changed.wait(state);
                state = woken.unwrap_or_else(PoisonError::into_inner);
            }
            let lines = std::mem::take(&mut state.lines);
            let dropped = std::mem::take(&mut state.dropped);
            state.is_writing = true;
            drop(state);
            // There is nowhere to report it.
            let _ = out.write_all(&lines).and_then(|()| out.flush());
            if dropped > 0 {
                tracing::warn!(lines = dropped, "the log was not read, lines are missing");
            }
            self.state().is_writing = false;
            self.0.changed.notify_all();
        }
    }

    /// Returns whether all is written.
    fn await_written(&self, limit: Duration) -> bool {
        let is_open = |state: &mut State| state.is_writing || !state.lines.is_empty();
        let changed = &self.0.changed;
        let waited = changed.wait_timeout_while(self.state(), limit, is_open);
        let waited = waited.unwrap_or_else(PoisonError::into_inner);
        !waited.1.timed_out()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut state = self.state();
        if state.lines.len() + line.len() <= BYTES {
            state.lines.extend_from_slice(line);
            self.0.changed.notify_all();
        } else {
            state.dropped += 1;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        self.0.await_written(FLUSH);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Writes that wait until somebody receives them.
    struct Pipe(mpsc::SyncSender<Vec<u8>>);

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn while_nobody_reads_lines_are_kept_up_to_the_bound_and_then_counted() {
        let (sender, receiver) = mpsc::sync_channel(0);
        let (mut queue, flush) = Queue::start(Pipe(sender)).unwrap();
        queue.write_all(b"first\n").unwrap();
        while !queue.state().is_writing {
            thread::yield_now();
        }
        assert!(queue.state().lines.is_empty());
        assert!(!queue.await_written(Duration::ZERO));
        let line = [b'x'; 1024];
        for _ in 0..BYTES / line.len() + 3 {
            queue.write_all(&line).unwrap();
        }
        assert_eq!(queue.state().lines.len(), BYTES);
        assert_eq!(queue.state().dropped, 3);
        drop(flush); // which waits for a bounded time
        assert_eq!(receiver.recv().unwrap(), b"first\n");
        assert_eq!(receiver.recv().unwrap().len(), BYTES);
    }

    #[test]
    fn the_end_waits_for_the_last_line() {
        let (sender, receiver) = mpsc::sync_channel(2);
        let (mut queue, _flush) = Queue::start(Pipe(sender)).unwrap();
        queue.write_all(b"last\n").unwrap();
        assert!(queue.await_written(Duration::from_secs(60)));
        assert_eq!(receiver.try_recv().unwrap(), b"last\n");
    }
}
