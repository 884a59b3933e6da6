//! Where the service writes its log.

use std::fs::File;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use super::setup::Log;

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
        Log::Panics { ms } => {
            let layer = Panics {
                first: Mutex::new(None),
                lasts: Duration::from_millis(ms),
            };
            tracing_subscriber::registry().with(layer).init();
        }
    }
}

struct Panics {
    /// When the first event came, once one did.
    first: Mutex<Option<Instant>>,
    lasts: Duration,
}

impl<S: Subscriber> Layer<S> for Panics {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "tower_health" {
            let first = *self.first.lock().unwrap().get_or_insert_with(Instant::now);
            assert!(first.elapsed() > self.lasts, "a layer that panics");
        }
    }
}
