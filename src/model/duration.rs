//! Durations in settings: milliseconds, as a number or a text, or a text such as `1m 30s`.

use std::fmt;
use std::time::Duration;

use serde::Deserializer;
use serde::de::{Error, Visitor};

use super::optional::OptionalVisitor;

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Duration, D::Error> {
    deserializer.deserialize_any(DurationVisitor)
}

pub(crate) mod optional {
    use super::{Deserializer, Duration, DurationVisitor, OptionalVisitor};

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        deserializer.deserialize_any(OptionalVisitor(DurationVisitor))
    }
}

struct DurationVisitor;

impl Visitor<'_> for DurationVisitor {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration: milliseconds, or a text such as \"1s 500ms\"")
    }

    fn visit_u64<E: Error>(self, milliseconds: u64) -> Result<Duration, E> {
        Ok(Duration::from_millis(milliseconds))
    }

    fn visit_i64<E: Error>(self, milliseconds: i64) -> Result<Duration, E> {
        u64::try_from(milliseconds)
            .map(Duration::from_millis)
            .map_err(|_| {
                E::custom(format_args!(
                    "a duration cannot be negative: {milliseconds}"
                ))
            })
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        let bad =
            |error: &dyn fmt::Display| E::custom(format_args!("bad duration {text:?}: {error}"));
        // Environment variables give even plain numbers as texts.
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_number {
            let milliseconds = text.parse::<u64>().map_err(|error| bad(&error))?;
            return Ok(Duration::from_millis(milliseconds));
        }
        humantime::parse_duration(text).map_err(|error| bad(&error))
    }
}
