//! The format of detailed reports: draft-06 JSON, or one of the application's.

use crate::catch::{CatchDrop, catch_panic};
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;

use crate::model::{Report, public_body, render_json};

/// The media type of the draft, section 2.
pub(crate) const HEALTH_JSON: HeaderValue = HeaderValue::from_static("application/health+json");

#[derive(Clone)]
pub(crate) struct Format {
    pub(crate) content_type: HeaderValue,
    render: Arc<dyn Fn(&Report<'_>) -> String + Send + Sync>,
}

impl Format {
    pub(crate) fn new(
        content_type: HeaderValue,
        render: impl Fn(&Report<'_>) -> String + Send + Sync + 'static,
    ) -> Self {
        let render = CatchDrop::new(render);
        Self {
            content_type,
            render: Arc::new(move |report: &Report<'_>| (*render)(report)),
        }
    }

    /// Renders the report. If the function panics, the caller gets the public body.
    pub(crate) fn render(&self, report: &Report<'_>) -> Bytes {
        catch_panic(|| (self.render)(report)).map_or_else(
            || Bytes::from_static(public_body(report.status())),
            Bytes::from,
        )
    }
}

impl Default for Format {
    fn default() -> Self {
        Self::new(HEALTH_JSON, render_json)
    }
}

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Format")
            .field("content_type", &self.content_type)
            .finish_non_exhaustive()
    }
}
