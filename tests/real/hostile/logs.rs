//! Where the service writes its log.

use std::fs::File;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use super::setup::Log;

/// Events that reached the layer after it had panicked.
pub(super) static LOGGED: AtomicU64 = AtomicU64::new(0);

pub(super) fn init(log: Log) {
    match log {
        Log::None => {}
        Log::Stdout => tracing_subscriber::fmt().init(),
        Log::FullDisk => {
            let file = File::options().write(true).open("/dev/full").unwrap();
            tracing_subscriber::fmt()
                .with_writer(Mutex::new(file))
                .init();
        }
        Log::Panics { events } => {
            let left = AtomicU64::new(events);
            tracing_subscriber::registry().with(Panics { left }).init();
        }
    }
}

struct Panics {
    /// The events on which it is going to panic.
    left: AtomicU64,
}

impl<S: Subscriber> Layer<S> for Panics {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "tower_health" {
            let panics = self
                .left
                .fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1));
            assert!(panics.is_err(), "a layer that panics");
            LOGGED.fetch_add(1, Relaxed);
        }
    }
}
