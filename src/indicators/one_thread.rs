//! Blocking work that may hang: it may hold one thread, and no run adds a second one.

use std::io;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::spawn_blocking;

/// Runs one piece of work at a time on the blocking pool.
///
/// A thread cannot be aborted. Work that was given up on goes on, and as long as it does, further
/// work fails at once.
#[derive(Clone, Debug, Default)]
pub(super) struct OneThread {
    taken: Arc<AtomicBool>,
}

impl OneThread {
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        if self.taken.swap(true, Ordering::Acquire) {
            return Err(io::Error::other("that of an earlier run is still going"));
        }
        let taken = Taken(Arc::clone(&self.taken));
        let run = spawn_blocking(move || {
            let _taken = taken;
            work()
        });
        run.await.map_err(|error| match error.try_into_panic() {
            Ok(payload) => resume_unwind(payload),
            Err(_) => io::Error::other("the blocking pool has shut down"),
        })
    }
}

/// Held by the closure on the blocking pool, so that the flag falls when the closure ends, panics
/// or is thrown away before it ran.
struct Taken(Arc<AtomicBool>);

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests end where they go wrong")]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::sync::mpsc;
    use std::time::Duration;

    use tokio::task::yield_now;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn hung_work_holds_one_thread_however_often_it_is_asked_for() {
        let thread = OneThread::default();
        let started = Arc::new(AtomicUsize::new(0));
        let (release, released) = mpsc::channel::<()>();
        let work = {
            let started = Arc::clone(&started);
            move || {
                started.fetch_add(1, Ordering::SeqCst);
                let _ = released.recv();
            }
        };
        let given_up = timeout(Duration::from_millis(50), thread.run(work)).await;
        assert!(given_up.is_err(), "the work hangs");

        for _ in 0..100 {
            let started = Arc::clone(&started);
            let refused = thread.run(move || {
                started.fetch_add(1, Ordering::SeqCst);
            });
            let error = refused.await.unwrap_err().to_string();
            assert_eq!(error, "that of an earlier run is still going");
        }
        assert_eq!(started.load(Ordering::SeqCst), 1);

        drop(release);
        while thread.taken.load(Ordering::SeqCst) {
            yield_now().await;
        }
        assert_eq!(thread.run(|| 7).await.unwrap(), 7);
    }
}
