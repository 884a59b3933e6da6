//! Webhooks against a real HTTP server in the test's own process, which fails as the test says.

mod choice;
mod delivery;
mod ending;
mod faults;
mod messages;
mod receiver;
mod secrets;
mod settings;
mod support;
