//! The layer towards the service below it: what it hands through, what it takes, what it leaves.

mod bodies;
mod buffer;
mod contract;
mod errors;
mod interleavings;
mod model;
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
