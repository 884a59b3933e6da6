//! Indicators over clients without a pool, as recipes: each file is one type to copy into a service.
//!
//! Each uses only public items of `tower-health` and of its client, and says what it sends, what it
//! takes for pass, warn and fail, and what it cannot see. `.ci/clients` tests them against real
//! servers.

pub mod fred;
pub mod kafka;
pub mod nats;
pub mod object_store;
pub mod rabbitmq;
