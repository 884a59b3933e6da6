//! A door that blocking code waits at.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// A door that blocking code waits at, and how many do.
#[derive(Clone, Default)]
pub(crate) struct Door(Arc<(Mutex<bool>, Condvar, AtomicUsize, AtomicUsize)>);

impl Door {
    pub(crate) fn wait(&self) {
        let (open, changed, entered, waiting) = &*self.0;
        entered.fetch_add(1, Ordering::SeqCst);
        waiting.fetch_add(1, Ordering::SeqCst);
        let open = open.lock().unwrap();
        drop(changed.wait_while(open, |open| !*open).unwrap());
        waiting.fetch_sub(1, Ordering::SeqCst);
    }

    pub(crate) fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    pub(crate) fn entered(&self) -> usize {
        self.0.2.load(Ordering::SeqCst)
    }

    pub(crate) fn waiting(&self) -> usize {
        self.0.3.load(Ordering::SeqCst)
    }
}

/// No thread waits for ever when a test fails.
impl Drop for Door {
    fn drop(&mut self) {
        if thread::panicking() {
            self.open();
        }
    }
}
