//! What a browser is allowed to do with the page: nothing but to show it and to keep it live.

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue};

/// The style of the page.
pub(super) const STYLE: &str = include_str!("style.css");

/// The script of the page, which works without it too.
pub(super) const SCRIPT: &str = include_str!("live.js");

/// The SHA-256 of [`STYLE`] in base64. A test compares it with the bytes, and says the right one.
macro_rules! style_hash {
    () => {
        "3zX95Dxg5r0yBGvE+o34D32utuKKvRC55Mp1phXcULQ="
    };
}

/// The SHA-256 of [`SCRIPT`] in base64.
macro_rules! script_hash {
    () => {
        "q10/0hFwulCBMBAR0qe4xQszYLdc05Wm45od6iY5ND8="
    };
}

/// Tells pages of another release apart: their style would not fit.
pub(super) const BUILD: &str = concat!(style_hash!(), script_hash!());

/// `frame-ancestors`, `base-uri` and `form-action` do not fall back to `default-src`
/// ([CSP level 3, sections 6.2 to 6.4](https://www.w3.org/TR/CSP3/)).
const POLICY: &str = concat!(
    "default-src 'none'; style-src 'sha256-",
    style_hash!(),
    "'; script-src 'sha256-",
    script_hash!(),
    "'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
);

const CROSS_ORIGIN_OPENER_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-opener-policy");
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");

/// The headers of the page.
pub(crate) const PAGE_HEADERS: [(HeaderName, HeaderValue); 7] = [
    (
        CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    ),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        CROSS_ORIGIN_OPENER_POLICY,
        HeaderValue::from_static("same-origin"),
    ),
    (
        CROSS_ORIGIN_RESOURCE_POLICY,
        HeaderValue::from_static("same-origin"),
    ),
];

/// The headers of the stream. The last one keeps a proxy from holding events back.
pub(crate) const EVENTS_HEADERS: [(HeaderName, HeaderValue); 5] = [
    (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (
        CROSS_ORIGIN_RESOURCE_POLICY,
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    ),
];

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use sha2::{Digest, Sha256};

    use super::*;

    fn hash(text: &str) -> String {
        STANDARD.encode(Sha256::digest(text))
    }

    #[test]
    fn the_hashes_are_those_of_the_style_and_the_script() {
        assert_eq!(style_hash!(), hash(STYLE), "the hash of style.css");
        assert_eq!(script_hash!(), hash(SCRIPT), "the hash of live.js");
    }

    #[test]
    fn neither_the_style_nor_the_script_can_end_its_element() {
        // What ends an element of text, or begins a comment in a script.
        for text in [STYLE, SCRIPT] {
            assert!(!text.contains("</") && !text.contains("<!--") && !text.contains('\r'));
        }
    }

    #[test]
    fn the_policy_allows_nothing_by_default_and_no_inline_code_but_by_hash() {
        assert!(POLICY.starts_with("default-src 'none'; "));
        for word in ["unsafe", "http:", "https:", "data:", "*", "nonce"] {
            assert!(!POLICY.contains(word), "{word}");
        }
        for directive in ["base-uri", "form-action", "frame-ancestors"] {
            assert!(
                POLICY.contains(&format!("{directive} 'none'")),
                "{directive}"
            );
        }
    }
}
