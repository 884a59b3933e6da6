//! The service `grpc.health.v1`, answered from the same shared state.
//!
//! The [protocol][doc] defines names and methods, and [gRPC over HTTP/2][http2] the bytes.
//!
//! [doc]: https://github.com/grpc/grpc/blob/master/doc/health-checking.md
//! [http2]: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md

mod body;
mod call;
mod response;
mod status;
mod timeout;
mod waiting;
mod watch;
mod wire;

pub(crate) use self::body::GrpcBody;
pub(crate) use self::call::{Call, CallStart, HealthMethod, PATH_PREFIX, PendingCall, start_call};
pub(crate) use self::response::GrpcResponse;
