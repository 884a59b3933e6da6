//! Whether the connection leads to a primary, and a way off a replica.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use redis::aio::ConnectionLike;
use redis::{Value, cmd};

use super::RedisIndicator;
use super::run::reconnects;
use crate::Failure;
use crate::indicators::shared::budget::Budget;

/// How long a connection that was closed on a replica is left alone if the next one leads to a
/// replica too.
const CLOSED_EVERY: Duration = Duration::from_secs(60);

/// What an indicator does on a replica.
#[derive(Default)]
pub(super) struct ExpectedPrimary {
    closes_replicas: bool,
    /// `Some` after it closed a connection.
    closed_at: Mutex<Option<Instant>>,
}

impl ExpectedPrimary {
    pub(super) fn closing_replicas() -> Self {
        Self {
            closes_replicas: true,
            ..Self::default()
        }
    }

    /// Whether to close the connection now, which counts as done.
    fn may_close(&self) -> bool {
        let mut closed_at = self
            .closed_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let is_due = closed_at.is_none_or(|at| at.elapsed() >= CLOSED_EVERY);
        if self.closes_replicas && is_due {
            *closed_at = Some(Instant::now());
            return true;
        }
        false
    }
}

impl<C> RedisIndicator<C>
where
    C: ConnectionLike + Clone + Send + Sync + 'static,
{
    pub(super) async fn expects_primary(
        &self,
        budget: &Budget,
        expected: &ExpectedPrimary,
    ) -> Result<(), Failure> {
        match self.role(budget).await? {
            Role::TakesWrites => return Ok(()),
            Role::Replica => {}
            Role::Other(role) => {
                let fault = format!("the role of the server is {role:?}, which is not a primary");
                return Err(self.failure("HELLO", &fault));
            }
        }
        if reconnects::<C>() && expected.may_close() {
            // The server closes the connection after its answer, so either may arrive.
            let _ = self.request(budget, "QUIT", cmd("QUIT")).await?;
            // Over the new connection.
            self.ping(budget).await?;
            if self.role(budget).await? == Role::TakesWrites {
                return Ok(());
            }
        }
        let fault = "the server is a replica: it was demoted, or the address leads to a replica; \
                     it refuses writes";
        Err(self.failure("HELLO", fault))
    }

    /// Asks with HELLO, which returns the role without needing a permission, unlike ROLE and INFO.
    async fn role(&self, budget: &Budget) -> Result<Role, Failure> {
        let answer = self.send(budget, "HELLO", cmd("HELLO")).await?;
        role_in(&answer).ok_or_else(|| {
            let fault = "the answer has no role; is this a Redis server of version 6 or later?";
            self.failure("HELLO", fault)
        })
    }
}

/// What the role of a server means to an application that writes.
#[derive(Debug, PartialEq)]
enum Role {
    TakesWrites,
    Replica,
    Other(String),
}

impl Role {
    /// The words are those of Redis and Valkey (`master`, `replica`), Dragonfly (`slave`), and KeyDB,
    /// where each of two servers may be the replica of the other one, and both take writes
    /// (`active-replica`).
    fn of(role: String) -> Self {
        match role.as_str() {
            "master" | "active-replica" => Self::TakesWrites,
            "replica" | "slave" => Self::Replica,
            _ => Self::Other(role),
        }
    }
}

/// The role in an answer to HELLO: a map in RESP3, and a list of keys and values in RESP2.
fn role_in(answer: &Value) -> Option<Role> {
    let role = match answer {
        Value::Map(pairs) => pairs.iter().find(|(key, _)| is_role(key))?.1.clone(),
        Value::Array(words) => {
            let key = words.iter().step_by(2).position(is_role)?;
            words.get(key * 2 + 1)?.clone()
        }
        _ => return None,
    };
    match role {
        Value::BulkString(role) => String::from_utf8(role).ok().map(Role::of),
        Value::SimpleString(role) => Some(Role::of(role)),
        _ => None,
    }
}

fn is_role(key: &Value) -> bool {
    match key {
        Value::BulkString(key) => key == b"role",
        Value::SimpleString(key) => key == "role",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    #[test]
    fn the_role_is_found_in_both_protocols() {
        let words = ["server", "redis", "mode", "role", "role", "master"];
        let list = Value::Array(words.map(text).to_vec());
        let map = vec![
            (text("server"), text("redis")),
            (text("role"), text("replica")),
        ];
        assert_eq!(role_in(&list), Some(Role::TakesWrites));
        assert_eq!(role_in(&Value::Map(map)), Some(Role::Replica));
    }

    #[test]
    fn the_roles_of_servers_like_redis_mean_what_they_say() {
        let role = |role: &str| role_in(&Value::Array(vec![text("role"), text(role)]));
        assert_eq!(role("active-replica"), Some(Role::TakesWrites));
        assert_eq!(role("slave"), Some(Role::Replica));
        assert_eq!(role("sentinel"), Some(Role::Other("sentinel".to_owned())));
    }

    #[test]
    fn an_answer_without_a_role_has_none() {
        for answer in [
            Value::Nil,
            Value::Map(vec![]),
            Value::Array(vec![text("role")]),
        ] {
            assert_eq!(role_in(&answer), None);
        }
    }

    #[test]
    fn a_connection_is_closed_only_if_that_is_wanted_and_not_twice_in_a_row() {
        assert!(!ExpectedPrimary::default().may_close());
        let closing = ExpectedPrimary::closing_replicas();
        assert!(closing.may_close());
        assert!(!closing.may_close());
    }
}
