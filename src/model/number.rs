//! Numbers in settings: a number, or a text such as `"3"`, which is all that the environment gives.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::value::{F64Deserializer, I64Deserializer, U64Deserializer};
use serde::de::{Error, IntoDeserializer, Visitor};
use serde::{Deserialize, Deserializer};

use super::optional::OptionalVisitor;

pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + FromStr<Err: fmt::Display>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_any(NumberVisitor(PhantomData))
}

pub(crate) mod optional {
    use super::{
        Deserialize, Deserializer, FromStr, NumberVisitor, OptionalVisitor, PhantomData, fmt,
    };

    pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
    where
        T: Deserialize<'de> + FromStr<Err: fmt::Display>,
        D: Deserializer<'de>,
    {
        deserializer.deserialize_any(OptionalVisitor(NumberVisitor(PhantomData)))
    }
}

struct NumberVisitor<T>(PhantomData<T>);

/// Leaves numbers to `T`, which knows its range.
impl<'de, T: Deserialize<'de> + FromStr<Err: fmt::Display>> Visitor<'de> for NumberVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        let number: U64Deserializer<E> = number.into_deserializer();
        T::deserialize(number)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        let number: I64Deserializer<E> = number.into_deserializer();
        T::deserialize(number)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        let number: F64Deserializer<E> = number.into_deserializer();
        T::deserialize(number)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse()
            .map_err(|error| E::custom(format_args!("bad number {text:?}: {error}")))
    }
}
