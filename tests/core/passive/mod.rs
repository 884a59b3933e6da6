//! The indicator that judges a dependency by the requests of the application.

mod clients;
mod cycle;
mod grpc;
mod outcomes;
mod returns;
mod settings;
mod support;
mod verdicts;
