//! The `grpc.health.v1` face: a reader of the same snapshot, in the same layer.
//!
//! The meaning of names and methods is that of the [protocol][doc]; the bytes are those of
//! [gRPC over HTTP/2][http2].
//!
//! [doc]: https://github.com/grpc/grpc/blob/master/doc/health-checking.md
//! [http2]: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md

mod body;
mod call;
mod code;
mod services;
mod watch;
mod wire;

pub(crate) use self::body::GrpcBody;
pub(crate) use self::call::{Call, Face, Opening, Rpc};
pub(crate) use self::code::GrpcAnswer;
pub use self::services::ServingStatus;
pub(crate) use self::services::{Services, Serving, validate_service};
