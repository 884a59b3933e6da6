//! The answers that wait to be sent: how many bytes they hold, and that no reader makes them more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

/// How many bytes of answers wait at most, of all connections together.
const MOST: usize = 32 * 1024 * 1024;

/// What is no longer than this is not counted: the number of streams bounds it, and a verdict, a
/// refusal and a sign of life always have room.
const SHORT: usize = 1024;

/// Counts the bytes that wait.
///
/// A client decides when an answer is sent: with a window of one byte, HTTP/2 keeps the rest of it for
/// as long as the connection is open.
#[derive(Clone, Debug, Default)]
pub(super) struct Backlog(Arc<AtomicUsize>);

/// Some bytes that count until the last of their copies is dropped, wherever the server keeps it.
struct Counted {
    bytes: Bytes,
    backlog: Backlog,
}

impl Backlog {
    /// Returns bytes that count for as long as they exist; `None` if there is no room for them.
    pub(super) fn admit(&self, bytes: Bytes) -> Option<Bytes> {
        let length = bytes.len();
        if length <= SHORT {
            return Some(bytes);
        }
        let add = |waiting: usize| waiting.checked_add(length).filter(|sum| *sum <= MOST);
        let (set, get) = (Ordering::Relaxed, Ordering::Relaxed);
        self.0.fetch_update(set, get, add).ok()?;
        let backlog = self.clone();
        Some(Bytes::from_owner(Counted { bytes, backlog }))
    }
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let Backlog(waiting) = &self.backlog;
        waiting.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_count_until_their_last_copy_is_dropped() {
        let backlog = Backlog::default();
        let long = || Bytes::from(vec![0; MOST / 2]);
        let first = backlog.admit(long()).unwrap();
        let second = backlog.admit(long()).unwrap();
        assert!(backlog.admit(long()).is_none(), "it is full");
        let short = Bytes::from_static(&[1; SHORT]);
        assert_eq!(backlog.admit(short.clone()), Some(short));
        // The server took a part, and dropped the body.
        let part = first.slice(1..2);
        drop(first);
        assert!(backlog.admit(long()).is_none());
        drop(part);
        let third = backlog.admit(long()).unwrap();
        drop((second, third));
        assert_eq!(backlog.0.load(Ordering::Relaxed), 0);
    }
}
