//! Each recipe against its real server, which a test starts, freezes, kills and brings back.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

mod fred;
mod nats;
mod object_store;
mod rabbitmq;
mod runs;
mod servers;

// Those that the tests of the crate use.
#[path = "../../../../tests/support/counting.rs"]
#[allow(dead_code, reason = "not all of it is needed here")]
mod counting;
#[path = "../../../../tests/support/port.rs"]
#[allow(dead_code, reason = "not all of it is needed here")]
mod port;
#[path = "../../../../tests/real/servers/process.rs"]
#[allow(dead_code, reason = "not all of it is needed here")]
mod process;
#[path = "../../../../tests/support/wait.rs"]
#[allow(dead_code, reason = "not all of it is needed here")]
mod wait;

#[global_allocator]
static COUNTING: counting::Counting = counting::Counting;
