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
#[cfg(any(
    feature = "deadpool-postgres",
    feature = "sqlx-mysql",
    feature = "sqlx-postgres",
    feature = "sqlx-sqlite",
))]
mod pool;
#[cfg(feature = "redis")]
mod redis;
#[cfg(any(
    feature = "sqlx-mysql",
    feature = "sqlx-postgres",
    feature = "sqlx-sqlite"
))]
mod sqlx;

pub use self::error::IndicatorError;
#[cfg(any(
    feature = "deadpool-postgres",
    feature = "sqlx-mysql",
    feature = "sqlx-postgres",
    feature = "sqlx-sqlite",
))]
pub use self::pool::ExhaustedPool;
#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
pub use self::redis::RedisIndicator;
#[cfg(any(
    feature = "sqlx-mysql",
    feature = "sqlx-postgres",
    feature = "sqlx-sqlite"
))]
#[cfg_attr(
    docsrs,
    doc(cfg(any(
        feature = "sqlx-mysql",
        feature = "sqlx-postgres",
        feature = "sqlx-sqlite"
    )))
)]
pub use self::sqlx::{SqlxDatabase, SqlxIndicator};
