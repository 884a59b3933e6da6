//! Log lines: one target for the whole crate, and no panic of a subscriber gets out.

/// Emits a `tracing` event with the target `tower_health`.
///
/// A subscriber is code of the application. One that panics, as the stock formatter does when both
/// its output and stderr are closed, must not take the refresher or a probe with it.
macro_rules! log {
    ($level:ident, $($event:tt)*) => {
        // `None` means that the event is lost, and there is nowhere left to report that.
        $crate::model::catch_panic(|| {
            ::tracing::event!(target: "tower_health", ::tracing::Level::$level, $($event)*)
        });
    };
}

pub(crate) use log;
