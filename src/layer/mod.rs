//! The tower face: it reads snapshots, and is the only part that knows HTTP bodies.

mod answer;
mod body;
mod desk;
mod details;
mod future;
#[allow(
    clippy::module_inception,
    reason = "the file that holds the layer of a tower middleware"
)]
mod layer;
mod neutral;
mod paths;
mod query;
mod service;
mod wrap;

pub(crate) use self::answer::public_body;
pub use self::body::{ProbeBody, ResponseBody};
pub use self::details::{Details, RequestHead};
pub use self::future::ResponseFuture;
pub use self::layer::{HealthLayer, HealthLayerBuilder};
pub use self::neutral::Answer;
pub(crate) use self::paths::Sieve;
pub use self::service::HealthService;
pub use self::wrap::{EitherBody, MapBody, WrapBody};
