//! [what to make critical]: crate::guides::writing_an_indicator#what-to-make-critical
#![doc = include_str!("../../docs/rustdoc-links.md")]
#![doc = include_str!("../../docs/indicators.md")]

#[cfg(feature = "bb8-postgres")]
mod bb8_postgres;
pub(crate) mod blocking;
#[cfg(feature = "tls")]
mod certificate;
#[cfg(feature = "deadpool-postgres")]
mod deadpool_postgres;
#[cfg(feature = "diesel-postgres")]
mod diesel_postgres;
pub(crate) mod function;
#[cfg(feature = "grpc-client")]
mod grpc;
#[cfg(feature = "http-client")]
mod http;
mod in_flight;
#[cfg(feature = "net")]
mod net;
mod passive;
mod pool;
#[cfg(any(feature = "__tokio_postgres", feature = "sqlx-postgres"))]
mod postgres;
mod push;
#[cfg(feature = "redis")]
mod redis;
mod runtime_lag;
mod settable;
mod shared;
#[cfg(feature = "__sqlx")]
mod sqlx;
#[cfg(feature = "system")]
mod system;
#[cfg(feature = "test-util")]
pub(crate) mod test_util;

#[cfg(feature = "bb8-postgres")]
pub use self::bb8_postgres::{Bb8PostgresIndicator, Bb8PostgresPool};
#[cfg(feature = "tls")]
pub use self::certificate::CertificateIndicator;
#[cfg(feature = "deadpool-postgres")]
pub use self::deadpool_postgres::{DeadpoolPostgresIndicator, DeadpoolPostgresPool};
#[cfg(feature = "diesel-postgres")]
pub use self::diesel_postgres::{DieselPostgresIndicator, DieselPostgresPool};
#[cfg(feature = "grpc-client")]
pub use self::grpc::GrpcIndicator;
#[cfg(feature = "http-client")]
pub use self::http::HttpIndicator;
pub use self::in_flight::{
    InFlightBody, InFlightFuture, InFlightIndicator, InFlightLayer, InFlightService,
};
#[cfg(feature = "net")]
pub use self::net::{DnsIndicator, TcpIndicator};
pub use self::passive::{
    PairedIndicator, PassiveBody, PassiveCall, PassiveFuture, PassiveIndicator, PassiveLayer,
    PassiveService,
};
pub use self::pool::{
    ConnectionPool, DatabasePool, DatabaseQueries, DatabaseState, ExhaustedPool, PoolFault,
    PoolIndicator, PoolState, ReplicatedPool,
};
pub use self::push::PushIndicator;
#[cfg(feature = "redis")]
pub use self::redis::RedisIndicator;
pub use self::runtime_lag::RuntimeLagIndicator;
pub use self::settable::SettableIndicator;
pub use self::shared::budget::Budget;
#[cfg(feature = "__sqlx")]
#[cfg_attr(
    docsrs,
    doc(cfg(any(
        feature = "sqlx-mysql",
        feature = "sqlx-postgres",
        feature = "sqlx-sqlite"
    )))
)]
pub use self::sqlx::{SqlxDatabase, SqlxIndicator, SqlxPool};
#[cfg(feature = "system")]
pub use self::system::{CpuIndicator, DiskIndicator, FileDescriptorsIndicator, MemoryIndicator};
