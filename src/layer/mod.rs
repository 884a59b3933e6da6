//! The tower middleware: it answers probes in front of the inner service.
//!
//! `service` receives a request, and `router` maps its path to a route. `responder` answers a probe
//! from the shared state with a `response`; every other request goes to the inner service.

mod answer;
mod body;
mod builder;
#[cfg(feature = "management")]
mod detached;
mod details;
mod future;
#[cfg(feature = "grpc")]
mod grpc;
#[allow(
    clippy::module_inception,
    reason = "the file that holds the layer of a tower middleware"
)]
mod layer;
mod paths;
mod prefilter;
mod query;
mod responder;
mod response;
mod router;
mod service;
mod shared;
mod wrap;

pub use self::answer::Answer;
pub use self::body::{ProbeBody, ResponseBody};
pub use self::builder::HealthLayerBuilder;
pub use self::details::{Details, RequestHead};
pub use self::future::ResponseFuture;
pub use self::layer::HealthLayer;
pub use self::service::HealthService;
pub use self::wrap::{EitherBody, MapBody, WrapBody};
