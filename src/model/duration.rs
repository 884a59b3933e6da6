//! How durations stand in settings files: milliseconds, or a text such as `1m 30s`.

use std::fmt;
use std::time::Duration;

use serde::Deserializer;
use serde::de::{Error, Visitor};

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Duration, D::Error> {
    deserializer.deserialize_any(DurationVisitor)
}

pub(crate) mod optional {
    use super::{Deserializer, Duration};

    /// A key that is present has a value; one that is absent is never asked for.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        super::deserialize(deserializer).map(Some)
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
        humantime::parse_duration(text)
            .map_err(|error| E::custom(format_args!("bad duration {text:?}: {error}")))
    }
}
