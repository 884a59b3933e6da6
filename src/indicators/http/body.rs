//! Reads a body as far as it is of use.

use std::error::Error;

use http_body::Body;
use http_body_util::BodyExt;

use super::boxed::{BoxError, ResponseBody};

pub(super) enum Read {
    Whole(Vec<u8>),
    /// It is longer than the limit; the rest was not read.
    Longer,
    Broken(usize, BoxError),
}

impl Read {
    pub(super) async fn up_to(limit: usize, mut body: ResponseBody) -> Self {
        if usize::try_from(body.size_hint().lower()).map_or(true, |length| length > limit) {
            return Self::Longer;
        }
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => {
                    let Ok(data) = frame.into_data() else {
                        continue;
                    };
                    if data.len() > limit - bytes.len() {
                        return Self::Longer;
                    }
                    bytes.extend_from_slice(&data);
                }
                Err(error) => return Self::Broken(bytes.len(), error),
            }
        }
        Self::Whole(bytes)
    }
}

/// So that a broken body can be put in words like any other error.
pub(super) fn as_error(error: &BoxError) -> &(dyn Error + 'static) {
    &**error
}
