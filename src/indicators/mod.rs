#![doc = include_str!("../../docs/indicators.md")]

#[cfg(any(feature = "net", feature = "tls"))]
mod address;
mod blocking;
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
#[allow(dead_code, reason = "no single feature uses all of it")]
mod budget;
#[cfg(feature = "tls")]
mod certificate;
#[cfg(any(
    feature = "deadpool-postgres",
    feature = "sqlx-mysql",
    feature = "sqlx-postgres",
    feature = "sqlx-sqlite",
))]
mod database;
#[cfg(feature = "deadpool-postgres")]
mod deadpool_postgres;
#[cfg(feature = "net")]
mod dns;
mod error;
mod findings;
mod function;
#[cfg(feature = "grpc-client")]
mod grpc;
#[cfg(feature = "http-client")]
mod http;
mod in_flight;
mod limits;
#[cfg(any(
    feature = "http-client",
    feature = "net",
    feature = "sqlx-sqlite",
    feature = "tls",
))]
mod one_thread;
#[cfg(any(
    feature = "deadpool-postgres",
    feature = "sqlx-mysql",
    feature = "sqlx-postgres",
    feature = "sqlx-sqlite",
))]
mod pool;
#[cfg(any(feature = "deadpool-postgres", feature = "sqlx-postgres"))]
mod postgres;
mod push;
#[cfg(feature = "redis")]
mod redis;
#[cfg(any(feature = "http-client", feature = "net", feature = "tls"))]
mod resolve;
mod runtime_lag;
mod settable;
#[cfg(any(
    feature = "sqlx-mysql",
    feature = "sqlx-postgres",
    feature = "sqlx-sqlite",
))]
mod sqlx;
#[cfg(feature = "system")]
mod system;
#[cfg(feature = "net")]
mod tcp;

pub use self::blocking::{BlockingFnIndicator, blocking_indicator_fn};
#[cfg(feature = "tls")]
#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
pub use self::certificate::CertificateIndicator;
#[cfg(feature = "deadpool-postgres")]
#[cfg_attr(docsrs, doc(cfg(feature = "deadpool-postgres")))]
pub use self::deadpool_postgres::DeadpoolPostgresIndicator;
#[cfg(feature = "net")]
#[cfg_attr(docsrs, doc(cfg(feature = "net")))]
pub use self::dns::DnsIndicator;
pub use self::error::IndicatorError;
pub use self::function::{FnIndicator, indicator_fn};
#[cfg(feature = "grpc-client")]
#[cfg_attr(docsrs, doc(cfg(feature = "grpc-client")))]
pub use self::grpc::GrpcIndicator;
#[cfg(feature = "http-client")]
#[cfg_attr(docsrs, doc(cfg(feature = "http-client")))]
pub use self::http::HttpIndicator;
pub use self::in_flight::{
    InFlightBody, InFlightFuture, InFlightIndicator, InFlightLayer, InFlightService,
};
#[cfg(any(
    feature = "deadpool-postgres",
    feature = "sqlx-mysql",
    feature = "sqlx-postgres",
    feature = "sqlx-sqlite",
))]
pub use self::pool::ExhaustedPool;
pub use self::push::PushIndicator;
#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
pub use self::redis::RedisIndicator;
pub use self::runtime_lag::RuntimeLagIndicator;
pub use self::settable::SettableIndicator;
#[cfg(any(
    feature = "sqlx-mysql",
    feature = "sqlx-postgres",
    feature = "sqlx-sqlite",
))]
#[cfg_attr(
    docsrs,
    doc(cfg(any(
        feature = "sqlx-mysql",
        feature = "sqlx-postgres",
        feature = "sqlx-sqlite",
    )))
)]
pub use self::sqlx::{SqlxDatabase, SqlxIndicator};
#[cfg(feature = "system")]
#[cfg_attr(docsrs, doc(cfg(feature = "system")))]
pub use self::system::{CpuIndicator, DiskIndicator, FileDescriptorsIndicator, MemoryIndicator};
#[cfg(feature = "net")]
#[cfg_attr(docsrs, doc(cfg(feature = "net")))]
pub use self::tcp::TcpIndicator;
