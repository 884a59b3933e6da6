//! What errors of diesel say about the pool and the server, and their words.

use diesel::ConnectionError;
use diesel::result::{DatabaseErrorKind, Error};
use diesel_async::pooled_connection::deadpool::PoolError;

use crate::indicators::pool::PoolFault;
use crate::indicators::postgres::tokio_postgres::message;

/// What an error says, and its words.
pub(super) type Fault = (PoolFault, String);

pub(super) fn of_client(error: &tokio_postgres::Error) -> Fault {
    (message::fault(error), message::describe(error))
}

pub(super) fn of_pool(error: PoolError) -> Fault {
    match error {
        PoolError::Timeout(_) => (PoolFault::TimedOut, error.to_string()),
        PoolError::Closed => (PoolFault::Closed, error.to_string()),
        other => (PoolFault::Broken, other.to_string()),
    }
}

pub(super) fn of_connecting(error: &ConnectionError) -> Fault {
    match error {
        ConnectionError::CouldntSetupConfiguration(error) => of_query(error),
        other => (PoolFault::Broken, other.to_string()),
    }
}

pub(super) fn of_query(error: &Error) -> Fault {
    let fault = match has_broken(error) {
        true => PoolFault::Broken,
        false => PoolFault::Refused,
    };
    (fault, error.to_string())
}

/// Whether the connection has broken off. An error that ends it may not say so: the last words of a
/// server that shuts down have no kind of their own in diesel.
pub(super) fn has_broken(error: &Error) -> bool {
    use DatabaseErrorKind::{ClosedConnection, UnableToSendCommand};

    matches!(
        error,
        Error::DatabaseError(UnableToSendCommand | ClosedConnection, _)
    )
}

#[cfg(test)]
mod tests {
    use deadpool::managed::TimeoutType;

    use super::*;

    #[test]
    fn a_timeout_of_the_pool_itself_says_nothing_about_the_server() {
        for kind in [TimeoutType::Wait, TimeoutType::Create, TimeoutType::Recycle] {
            assert_eq!(of_pool(PoolError::Timeout(kind)).0, PoolFault::TimedOut);
        }
    }
}
