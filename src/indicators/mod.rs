//! The indicators that come with the crate. Each is a client of the public
//! [`HealthIndicator`](crate::HealthIndicator) trait and of nothing else.

#[cfg(any(
    feature = "deadpool-postgres",
    feature = "grpc-client",
    feature = "http-client",
    feature = "net",
    feature = "redis",
    feature = "sqlx-mysql",
    feature = "sqlx-postgres",
    feature = "sqlx-sqlite",
    feature = "tls",
))]
mod budget;
mod error;
mod findings;
mod in_flight;
mod limits;
mod push;
mod runtime_lag;
mod settable;
#[cfg(feature = "system")]
mod system;

pub use self::error::IndicatorError;
pub use self::in_flight::{
    InFlightBody, InFlightFuture, InFlightIndicator, InFlightLayer, InFlightService,
};
pub use self::push::PushIndicator;
pub use self::runtime_lag::RuntimeLagIndicator;
pub use self::settable::SettableIndicator;
#[cfg(feature = "system")]
#[cfg_attr(docsrs, doc(cfg(feature = "system")))]
pub use self::system::{CpuIndicator, DiskIndicator, FileDescriptorsIndicator, MemoryIndicator};
