//! Optional texts in settings.

use std::fmt;

use serde::Deserializer;
use serde::de::{Error, Visitor};

use super::optional::OptionalVisitor;

pub(crate) mod optional {
    use super::{Deserializer, OptionalVisitor, TextVisitor};

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<String>, D::Error> {
        deserializer.deserialize_any(OptionalVisitor(TextVisitor))
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }
}
