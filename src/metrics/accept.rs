//! Which of the two text formats a scraper gets.

use http::HeaderValue;

/// A text format that Prometheus reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// The text format 0.0.4 of Prometheus, which every scraper reads.
    Text,
}

impl Format {
    /// Returns OpenMetrics if the `accept` header names it and does not prefer plain text. A wildcard
    /// stands for plain text.
    pub(super) fn accepted(accept: Option<&str>) -> Self {
        let (mut open_metrics, mut text) = (0.0_f32, 0.0_f32);
        for range in accept.unwrap_or_default().split(',') {
            let mut parts = range.split(';').map(str::trim);
            let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
            let parameters: Vec<_> = parts.filter_map(|part| part.split_once('=')).collect();
            let parameter = |wanted: &str| {
                let mut named = parameters.iter();
                let found = named.find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted))?;
                Some(found.1.trim().trim_matches('"'))
            };
            // Of a quality that is no number, only that the range is named counts.
            let quality = parameter("q").map_or(1.0, |q| q.parse().unwrap_or(1.0));
            let version = parameter("version");
            match &*media_type {
                "application/openmetrics-text" if version.is_none_or(|v| v == "1.0.0") => {
                    open_metrics = open_metrics.max(quality);
                }
                "text/plain" | "text/*" | "*/*" => text = text.max(quality),
                _ => {}
            }
        }
        if open_metrics > 0.0 && open_metrics >= text {
            Self::OpenMetrics
        } else {
            Self::Text
        }
    }

    pub(super) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openmetrics_is_for_those_who_name_it_and_text_for_everybody_else() {
        use Format::{OpenMetrics, Text};
        // As Prometheus 2.42 and 3 send it, and as others might.
        for (accept, expected) in [
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;\
                 version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                OpenMetrics,
            ),
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
                 application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;\
                 escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
                OpenMetrics,
            ),
            (
                "Application/OpenMetrics-Text; Version=\"1.0.0\"",
                OpenMetrics,
            ),
            ("application/openmetrics-text", OpenMetrics),
            ("text/plain, application/openmetrics-text", OpenMetrics),
            ("text/plain;q=0.3, application/openmetrics-text;q=0.2", Text),
            ("application/openmetrics-text;q=0", Text),
            ("application/openmetrics-text;version=0.0.1", Text),
            ("application/openmetrics-text;version=2.0.0", Text),
            ("text/plain;version=0.0.4", Text),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Text),
            ("application/vnd.google.protobuf", Text),
            ("*/*", Text),
            (",;=,q=;;", Text),
            ("", Text),
        ] {
            assert_eq!(Format::accepted(Some(accept)), expected, "{accept}");
        }
        assert_eq!(Format::accepted(None), Text);
    }
}
