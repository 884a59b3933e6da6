//! The body of a response, read up to a limit.

use std::error::Error;

use http_body::Body;
use http_body_util::BodyExt;

use super::boxed::{BoxError, ResponseBody};

pub(super) enum BodyRead {
    Complete(Vec<u8>),
    /// The body is longer than the limit; the rest was not read.
    TooLong,
    /// The bytes read before the error.
    Broken(usize, BoxError),
}

impl BodyRead {
    pub(super) async fn up_to(limit: usize, mut body: ResponseBody) -> Self {
        if usize::try_from(body.size_hint().lower()).map_or(true, |length| length > limit) {
            return Self::TooLong;
        }
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => {
                    let Ok(data) = frame.into_data() else {
                        continue;
                    };
                    if data.len() > limit - bytes.len() {
                        return Self::TooLong;
                    }
                    bytes.extend_from_slice(&data);
                }
                Err(error) => return Self::Broken(bytes.len(), error),
            }
        }
        Self::Complete(bytes)
    }
}

/// Lets the error of a body be described like any other error.
pub(super) fn as_error(error: &BoxError) -> &(dyn Error + 'static) {
    &**error
}
