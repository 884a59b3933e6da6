//! Writing a key and reading it back: the commands, and what their answers should be.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use redis::{Cmd, Value, cmd};

use super::message;

/// One round trip with one key.
pub(super) struct RoundTrip<'a> {
    key: &'a str,
    /// A new value in each run, so that the value of an earlier run cannot pass.
    value: String,
    lifetime: Duration,
}

impl<'a> RoundTrip<'a> {
    pub(super) fn new(key: &'a str, timeout: Duration) -> Self {
        Self {
            key,
            value: format!("{:016x}", RandomState::new().hash_one(key)),
            lifetime: (timeout * 2).max(Duration::from_secs(10)),
        }
    }

    /// Returns the name of the step and its command.
    pub(super) fn set(&self) -> (String, Cmd) {
        let mut command = cmd("SET");
        command.arg(self.key).arg(&self.value).arg("PX");
        command.arg(u64::try_from(self.lifetime.as_millis()).unwrap_or(u64::MAX));
        (format!("SET {}", self.key), command)
    }

    pub(super) fn was_set(&self, answer: &Value) -> Result<(), String> {
        match answer {
            Value::Okay => Ok(()),
            other => Err(message::unexpected("OK", other)),
        }
    }

    pub(super) fn get(&self) -> (String, Cmd) {
        let mut command = cmd("GET");
        command.arg(self.key);
        (format!("GET {}", self.key), command)
    }

    pub(super) fn was_read(&self, answer: &Value) -> Result<(), String> {
        let fault = match answer {
            Value::BulkString(bytes) if bytes == self.value.as_bytes() => return Ok(()),
            Value::BulkString(_) => "GET returned another value than SET wrote",
            Value::Nil => "the key that SET wrote does not exist",
            other => return Err(message::unexpected("the value that SET wrote", other)),
        };
        Err(format!("value mismatch: {fault}"))
    }
}
