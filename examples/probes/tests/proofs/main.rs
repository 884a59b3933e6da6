//! The files of `examples/deploy` and the real service, as each platform treats them.
//!
//! `SERVICE_BIN` names the program of `examples/service`. What is missing is a failure.

mod balancer;
mod cascade;
mod kit;
mod nginx;
mod platforms;
mod rolling;
mod site;
mod socket;
mod support;
