//! What this crate logs, field by field, as a subscriber gets it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Once;

use tracing::field::{Field, Visit};
use tracing::subscriber::NoSubscriber;
use tracing::{Dispatch, Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) level: Level,
    pub(crate) fields: BTreeMap<&'static str, String>,
}

impl Line {
    pub(crate) fn get(&self, field: &str) -> &str {
        self.fields.get(field).map_or("", |text| text)
    }

    pub(crate) fn contains(&self, text: &str) -> bool {
        self.fields.values().any(|field| field.contains(text))
    }
}

thread_local! {
    static LINES: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

/// Keeps what this crate logs on this thread, where the test and all of its tasks run.
struct Recorder;

impl<S: Subscriber> Layer<S> for Recorder {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if !event.metadata().target().starts_with("tower_health") {
            return;
        }
        let mut line = Line {
            level: *event.metadata().level(),
            fields: BTreeMap::new(),
        };
        event.record(&mut Fields(&mut line.fields));
        LINES.with_borrow_mut(|lines| lines.push(line));
    }
}

pub(crate) struct Fields<'a>(pub(crate) &'a mut BTreeMap<&'static str, String>);

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

/// What was logged since the last call. The first call starts the recording.
pub(crate) fn logged() -> Vec<Line> {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let subscriber = tracing_subscriber::registry().with(Recorder);
        tracing::subscriber::set_global_default(subscriber).unwrap();
        // Another test may have logged between the lines above, and then its event would count as
        // one that no subscriber wants. Each new dispatcher makes tracing ask again.
        drop(Dispatch::new(NoSubscriber::default()));
    });
    LINES.take()
}

pub(crate) fn with_text(lines: &[Line], text: &str) -> usize {
    lines.iter().filter(|line| line.contains(text)).count()
}
