//! What happens beyond each limit of what comes from outside.
//!
//! `settings/limits.rs` tests which values a limit can have, and `tests/grpc` those of gRPC.

mod history;
mod query;
mod texts;
mod transitions;

use tower_health::{HealthBuilder, Limits};

use crate::support::steady;

/// A builder with other limits.
fn with(set: impl FnOnce(&mut Limits)) -> HealthBuilder {
    let mut limits = Limits::default();
    set(&mut limits);
    steady().limits(limits)
}
