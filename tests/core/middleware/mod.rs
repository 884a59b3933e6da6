//! The layer and the service below it: which requests it forwards, which it answers, and how it
//! handles readiness, errors and panics.

mod bodies;
mod buffer;
mod contract;
mod errors;
mod interleavings;
mod model;
mod neutral;
mod panics;
mod pass_through;
mod routing;
mod saturation;
mod spawning;
mod starvation;
mod strict;
mod support;
mod traits;
mod waking;
