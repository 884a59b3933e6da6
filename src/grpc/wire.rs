//! The bytes of messages and frames.

use std::collections::BTreeMap;

use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;

use super::status::{Code, GrpcStatus};
use crate::state::ServingStatus;

/// The largest request. It holds one service name.
pub(super) const REQUEST_LIMIT: usize = 4 * 1024;

/// The flag and the length in front of a message.
const FRAME_HEADER: usize = 5;

#[derive(Clone, PartialEq, Message)]
struct HealthCheckRequest {
    #[prost(string, tag = "1")]
    service: String,
}

#[derive(Clone, PartialEq, Message)]
struct HealthCheckResponse {
    #[prost(int32, tag = "1")]
    status: i32,
}

#[derive(Clone, PartialEq, Message)]
struct HealthListResponse {
    #[prost(btree_map = "string, message", tag = "1")]
    statuses: BTreeMap<String, HealthCheckResponse>,
}

/// The framed response for a status, encoded already.
pub(super) const fn status_frame(status: ServingStatus) -> &'static [u8] {
    match status {
        ServingStatus::Unknown => &[0, 0, 0, 0, 0],
        ServingStatus::Serving => &[0, 0, 0, 0, 2, 8, 1],
        ServingStatus::NotServing => &[0, 0, 0, 0, 2, 8, 2],
        ServingStatus::ServiceUnknown => &[0, 0, 0, 0, 2, 8, 3],
    }
}

/// Encodes and frames the response of `List`.
pub(super) fn list_frame(statuses: impl Iterator<Item = (String, ServingStatus)>) -> Bytes {
    let statuses = statuses
        .map(|(name, status)| {
            (
                name,
                HealthCheckResponse {
                    status: status as i32,
                },
            )
        })
        .collect();
    let list = HealthListResponse { statuses };
    let length = list.encoded_len();
    let mut frame = BytesMut::with_capacity(FRAME_HEADER + length);
    frame.put_u8(0);
    // At most a hundred names are listed, of bounded length.
    frame.put_u32(length as u32);
    // The capacity was computed for it.
    let _ = list.encode(&mut frame);
    frame.freeze()
}

/// Decodes the service name of a complete `Check` or `Watch` request.
pub(super) fn service_name(body: &[u8]) -> Result<String, GrpcStatus> {
    let message = message(body)?;
    let request = HealthCheckRequest::decode(message)
        .map_err(|_| GrpcStatus::new(Code::Internal, "the request is not a HealthCheckRequest"))?;
    Ok(request.service)
}

/// Returns the one message of a unary request.
pub(super) fn message(body: &[u8]) -> Result<&[u8], GrpcStatus> {
    let broken = |what| Err(GrpcStatus::new(Code::Internal, what));
    let Some((&[flag, a, b, c, d], message)) = body.split_first_chunk::<FRAME_HEADER>() else {
        return broken("the request has no complete message");
    };
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    match flag {
        0 if length > REQUEST_LIMIT => Err(GrpcStatus::new(
            Code::ResourceExhausted,
            "the request is larger than 4 KiB",
        )),
        0 if length == message.len() => Ok(message),
        0 if length < message.len() => broken("the request has more than one message"),
        0 => broken("the request ends within a message"),
        1 => Err(GrpcStatus::new(
            Code::Unimplemented,
            "compressed requests are not supported",
        )),
        _ => broken("the request has an invalid compression flag"),
    }
}
