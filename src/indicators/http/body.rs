//! The body of a response, read up to a limit.

use std::error::Error;

use http_body::Body;
use http_body_util::BodyExt;

use super::boxed::{BoxError, ResponseBody};

pub(super) enum BodyRead {
    Complete(Vec<u8>),
    /// What was read of a longer body whose beginning is enough.
    Part(Vec<u8>),
    /// The body is longer than the limit; the rest was not read.
    TooLong,
    /// The bytes read before the error.
    Broken(usize, BoxError),
}

impl BodyRead {
    pub(super) async fn up_to(limit: usize, body: ResponseBody) -> Self {
        if usize::try_from(body.size_hint().lower()).map_or(true, |length| length > limit) {
            return Self::TooLong;
        }
        match Self::part(limit, body).await {
            Self::Part(_) => Self::TooLong,
            read => read,
        }
    }

    /// The whole body, or its beginning if it is longer.
    pub(super) async fn part(limit: usize, mut body: ResponseBody) -> Self {
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => {
                    let Ok(data) = frame.into_data() else {
                        continue;
                    };
                    let left = limit - bytes.len();
                    bytes.extend_from_slice(&data[..data.len().min(left)]);
                    if data.len() > left {
                        return Self::Part(bytes);
                    }
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
