//! The indicators that come with the crate. Each is a client of the public
//! [`HealthIndicator`](crate::HealthIndicator) trait and of nothing else.

#[cfg(any(feature = "net", feature = "tls"))]
mod address;
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
#[cfg(feature = "net")]
mod dns;
#[allow(dead_code, reason = "some features have nothing that can be set wrong")]
mod error;
#[cfg(feature = "grpc-client")]
mod grpc;
#[cfg(feature = "http-client")]
mod http;
#[cfg(any(feature = "http-client", feature = "net", feature = "tls"))]
mod one_thread;
#[cfg(any(feature = "http-client", feature = "net", feature = "tls"))]
mod resolve;
#[cfg(feature = "net")]
mod tcp;

#[cfg(feature = "tls")]
#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
pub use self::certificate::CertificateIndicator;
#[cfg(feature = "net")]
#[cfg_attr(docsrs, doc(cfg(feature = "net")))]
pub use self::dns::DnsIndicator;
pub use self::error::IndicatorError;
#[cfg(feature = "grpc-client")]
#[cfg_attr(docsrs, doc(cfg(feature = "grpc-client")))]
pub use self::grpc::GrpcIndicator;
#[cfg(feature = "http-client")]
#[cfg_attr(docsrs, doc(cfg(feature = "http-client")))]
pub use self::http::HttpIndicator;
#[cfg(feature = "net")]
#[cfg_attr(docsrs, doc(cfg(feature = "net")))]
pub use self::tcp::TcpIndicator;
