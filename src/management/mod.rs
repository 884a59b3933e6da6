//! The management port: probes with details, history and facts for those who run the service.
//!
//! [`Health::serve_management`](crate::Health::serve_management) serves it with the defaults, and
//! [`Management`] with others. The [guide](crate::guides::management) has the table of routes, every
//! limit, and examples with curl.

mod accept;
mod activity;
mod backlog;
mod builder;
mod connection;
mod error;
mod facts;
mod future;
mod health;
mod history;
mod hosts;
mod io;
mod listener;
mod recent;
mod registry;
mod response;
mod routes;
mod self_probe;
mod server;
mod service;
mod streams;

pub use self::builder::Management;
pub use self::error::ManagementError;
pub use self::future::ManagementFuture;
pub use self::listener::ManagementListener;
pub use self::response::ManagementBody;
pub use self::self_probe::{SelfProbeError, self_probe};
pub use self::server::ManagementServer;
pub use self::service::ManagementService;
