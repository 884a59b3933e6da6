//! A whole answer to a call: header fields, messages and trailers.

use http::{HeaderMap, Response};
use http_body_util::BodyExt;
use hyper::body::{Body, Bytes};
use tower_health::ServingStatus;

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) code: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) data: Vec<Bytes>,
    pub(crate) trailers: Option<HeaderMap>,
}

/// The value of `grpc-status` where it is not 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code(pub(crate) u16);

pub(crate) const DEADLINE_EXCEEDED: Code = Code(4);
pub(crate) const NOT_FOUND: Code = Code(5);
pub(crate) const RESOURCE_EXHAUSTED: Code = Code(8);
pub(crate) const UNIMPLEMENTED: Code = Code(12);
pub(crate) const INTERNAL: Code = Code(13);
pub(crate) const UNAVAILABLE: Code = Code(14);

impl Reply {
    pub(crate) async fn of<B>(response: Response<B>) -> Self
    where
        B: Body<Data = Bytes>,
        B::Error: std::fmt::Debug,
    {
        let (head, body) = response.into_parts();
        let mut body = Box::pin(body);
        let (mut data, mut trailers) = (Vec::new(), None);
        while let Some(frame) = body.frame().await {
            assert!(trailers.is_none(), "a frame behind the trailers");
            match frame.unwrap().into_data() {
                Ok(bytes) => data.push(bytes),
                Err(frame) => trailers = Some(frame.into_trailers().unwrap()),
            }
        }
        Self {
            code: head.status.as_u16(),
            headers: head.headers,
            data,
            trailers,
        }
    }

    /// The message, or with what code the call failed. Asserts that there is exactly one of them,
    /// told in a way that every client understands.
    pub(crate) fn status(&self) -> Result<Vec<u8>, Code> {
        assert_eq!(self.code, 200, "{self:?}");
        assert_eq!(self.headers["content-type"], "application/grpc", "{self:?}");
        let Some(trailers) = &self.trailers else {
            assert!(self.data.is_empty(), "a message without trailers: {self:?}");
            return Err(self.failure());
        };
        assert!(!self.headers.contains_key("grpc-status"), "{self:?}");
        assert_eq!(trailers["grpc-status"], "0", "{self:?}");
        assert_eq!(self.data.len(), 1, "{self:?}");
        Ok(self.data[0].to_vec())
    }

    /// The code of an answer that is nothing but header fields.
    fn failure(&self) -> Code {
        let code = grpc_status(&self.headers);
        assert_ne!(code.0, 0, "{self:?}");
        code
    }
}

pub(crate) fn grpc_status(fields: &HeaderMap) -> Code {
    let status = fields["grpc-status"].to_str().unwrap();
    Code(status.parse().unwrap())
}

pub(crate) fn decoded(frame: &[u8]) -> ServingStatus {
    match frame {
        [0, 0, 0, 0, 0] => ServingStatus::Unknown,
        [0, 0, 0, 0, 2, 8, 1] => ServingStatus::Serving,
        [0, 0, 0, 0, 2, 8, 2] => ServingStatus::NotServing,
        [0, 0, 0, 0, 2, 8, 3] => ServingStatus::ServiceUnknown,
        _ => panic!("not the frame of a status: {frame:?}"),
    }
}
