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
#[cfg(feature = "redis")]
mod redis;

pub use self::error::IndicatorError;
#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
pub use self::redis::RedisIndicator;
