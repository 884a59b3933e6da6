//! Blocking work that may hang: one thread at most, whatever the number of runs.

use std::io;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::spawn_blocking;

/// Runs one closure at a time on tokio's blocking pool.
///
/// A thread cannot be aborted, so a closure whose caller has given up keeps running. Until it ends,
/// every further call fails at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct BlockingSlot {
    occupied: Arc<AtomicBool>,
}

impl BlockingSlot {
    /// Runs the closure, and panics if it does.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        if self.occupied.swap(true, Ordering::Acquire) {
            return Err(io::Error::other("previous run still going"));
        }
        let occupied = Occupied(Arc::clone(&self.occupied));
        let run = spawn_blocking(move || {
            let _occupied = occupied;
            work()
        });
        run.await.map_err(|error| match error.try_into_panic() {
            Ok(payload) => resume_unwind(payload),
            Err(_) => io::Error::other("the blocking pool has shut down"),
        })
    }
}

/// Owned by the closure, so that the flag is cleared when the closure ends, panics or is dropped
/// before it ran.
struct Occupied(Arc<AtomicBool>);

impl Drop for Occupied {
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
    async fn hung_work_holds_one_thread_however_many_runs_follow() {
        let slot = BlockingSlot::default();
        let started = Arc::new(AtomicUsize::new(0));
        let (release, released) = mpsc::channel::<()>();
        let work = {
            let started = Arc::clone(&started);
            move || {
                started.fetch_add(1, Ordering::SeqCst);
                let _ = released.recv();
            }
        };
        let abandoned = timeout(Duration::from_millis(50), slot.run(work)).await;
        assert!(abandoned.is_err(), "the work hangs");

        for _ in 0..100 {
            let started = Arc::clone(&started);
            let refused = slot.run(move || {
                started.fetch_add(1, Ordering::SeqCst);
            });
            let error = refused.await.unwrap_err().to_string();
            assert_eq!(error, "previous run still going");
        }
        assert_eq!(started.load(Ordering::SeqCst), 1);

        drop(release);
        while slot.occupied.load(Ordering::SeqCst) {
            yield_now().await;
        }
        assert_eq!(slot.run(|| 7).await.unwrap(), 7);
    }
}
