//! A read that a quorum of an etcd cluster answers, without etcd's protocol files.

use std::error::Error;

use bytes::{Buf, BufMut, Bytes};
use http::uri::PathAndQuery;
use http_body::Body;
use tonic::body::Body as RequestBody;
use tonic::client::{Grpc, GrpcService};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataValue;
use tonic::{Code, Request, Status};

use super::MESSAGE_LIMIT;

pub(super) const SERVICE: &str = "etcdserverpb.KV";

const READ: &str = "/etcdserverpb.KV/Range";

/// `RangeRequest { key: "health", count_only: true }`. It is not `serializable`, so the member asks
/// a quorum before it answers.
const REQUEST: &[u8] = b"\x0a\x06health\x48\x01";

/// Reads the key that `etcdctl endpoint health` reads.
pub(super) async fn read<C>(channel: C) -> Result<(), Status>
where
    C: GrpcService<RequestBody>,
    C::Error: Into<Box<dyn Error + Send + Sync>>,
    C::ResponseBody: Body<Data = Bytes> + Send + 'static,
    <C::ResponseBody as Body>::Error: Into<Box<dyn Error + Send + Sync>> + Send,
{
    let mut client = Grpc::new(channel).max_decoding_message_size(MESSAGE_LIMIT);
    let ready = client.ready().await;
    ready.map_err(|error| Status::from_error(error.into()))?;
    let mut request = Request::new(());
    // A member without a leader then says so at once, instead of waiting for one.
    let metadata = request.metadata_mut();
    metadata.insert("hasleader", MetadataValue::from_static("true"));
    let path = PathAndQuery::from_static(READ);
    match client.unary(request, path, ReadCodec).await {
        Err(status) if is_after_the_quorum(&status) => Ok(()),
        answer => answer.map(drop),
    }
}

/// Whether the member refuses what a quorum has agreed to: it looks at permissions last.
fn is_after_the_quorum(status: &Status) -> bool {
    match status.code() {
        Code::PermissionDenied => true,
        Code::InvalidArgument => status.message() == "etcdserver: user name is empty",
        _ => false,
    }
}

struct ReadCodec;

impl Codec for ReadCodec {
    type Encode = ();
    type Decode = ();
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for ReadCodec {
    type Item = ();
    type Error = Status;

    fn encode(&mut self, (): (), buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(REQUEST);
        Ok(())
    }
}

impl Decoder for ReadCodec {
    type Item = ();
    type Error = Status;

    /// That there is an answer is enough.
    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<()>, Status> {
        buffer.advance(buffer.remaining());
        Ok(Some(()))
    }
}
