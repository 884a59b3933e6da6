//! Blocking work that may hang: one thread at most, whatever the number of runs.

use std::io;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::task::spawn_blocking;

/// Runs one closure at a time on tokio's blocking pool.
///
/// A thread cannot be aborted, so a closure whose caller has given up keeps running. Until it ends,
/// every further call fails at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct BlockingSlot {
    state: Arc<AtomicU8>,
}

const FREE: u8 = 0;
/// Waits for a thread.
const QUEUED: u8 = 1;
const RUNNING: u8 = 2;

const NO_THREAD: &str = "tokio's blocking pool has no free thread";

impl BlockingSlot {
    /// Runs the closure, and panics if it does.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        let occupied =
            self.state
                .compare_exchange(FREE, QUEUED, Ordering::Acquire, Ordering::Relaxed);
        match occupied {
            Ok(_) => {}
            Err(QUEUED) => return Err(io::Error::other(NO_THREAD)),
            Err(_) => return Err(io::Error::other("previous run still going")),
        }
        let occupied = Occupied(Arc::clone(&self.state));
        let run = spawn_blocking(move || {
            occupied.0.store(RUNNING, Ordering::Relaxed);
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
struct Occupied(Arc<AtomicU8>);

impl Drop for Occupied {
    fn drop(&mut self) {
        self.0.store(FREE, Ordering::Release);
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
        while slot.state.load(Ordering::SeqCst) != FREE {
            yield_now().await;
        }
        assert_eq!(slot.run(|| 7).await.unwrap(), 7);
    }
    #[test]
    fn work_that_waits_for_a_thread_says_so() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .max_blocking_threads(1)
            .build()
            .unwrap();
        runtime.block_on(async {
            let (release, released) = mpsc::channel::<()>();
            let hog = tokio::task::spawn_blocking(move || released.recv());
            let slot = BlockingSlot::default();
            let abandoned = timeout(Duration::from_millis(20), slot.run(|| 7)).await;
            assert!(abandoned.is_err(), "a thread is free");
            let error = slot.run(|| 7).await.unwrap_err().to_string();
            assert_eq!(error, NO_THREAD);
            drop(release);
            let _ = hog.await.unwrap();
        });
    }
}
