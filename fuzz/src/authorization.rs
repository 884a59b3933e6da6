//! The credential of a caller: the first line is the token of the service, and each other line is
//! the value of one `Authorization` field.

use http::HeaderValue;
use tower_health::{Details, HealthLayer};

use crate::app::APP;

pub fn run(input: &[u8]) {
    let mut lines = input.split(|byte| *byte == b'\n');
    let token = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let given: Vec<&[u8]> = lines.collect();

    let builder = HealthLayer::builder(APP.health.clone()).details(Details::bearer(&*token));
    let can_be_sent = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    let layer = match builder.build() {
        Ok(layer) => layer,
        Err(error) => {
            assert!(!can_be_sent && error.is_option(), "{error}");
            // The text is the same for every token: it repeats none.
            let texts = ["", "two words"].map(|token| {
                let builder = HealthLayer::builder(APP.health.clone());
                let error = builder.details(Details::bearer(token)).build();
                error.expect_err("no token").to_string()
            });
            assert!(texts.contains(&error.to_string()), "{error}");
            return;
        }
    };
    assert!(can_be_sent, "{token:?}");

    // A server refuses what is no field value.
    let sent: Vec<_> = given
        .iter()
        .filter(|value| HeaderValue::from_bytes(value).is_ok())
        .collect();
    let is_granted = match &*sent {
        [value] => is_credential(value, &token),
        _ => false,
    };
    let headers = || given.iter().map(|value| ("Authorization", value));
    let answer = layer
        .answer("GET", "/readyz", None, headers())
        .expect("a probe");
    assert_eq!(answer.status(), 503);
    let is_public = answer.body() == br#"{"status":"fail"}"#;
    assert_eq!(is_public, !is_granted, "{token:?} {sent:?}");
    let check = layer.answer("GET", "/readyz/cache", None, headers());
    let code = check.map(|answer| answer.status());
    assert_eq!(code, is_granted.then_some(200), "{token:?} {sent:?}");
}

fn is_credential(value: &[u8], token: &str) -> bool {
    let Ok(value) = str::from_utf8(value) else {
        return false;
    };
    value
        .split_once(' ')
        .is_some_and(|(scheme, rest)| scheme.eq_ignore_ascii_case("bearer") && rest == token)
}
