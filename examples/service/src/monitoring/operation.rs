//! Work that is no request, traced from its begin to whatever end it comes to.

use std::error::Error as StdError;
use std::sync::Arc;
use std::thread;

use sentry::protocol::{SpanStatus, User, Value};
use sentry::{Hub, SentryFutureExt, Transaction, TransactionContext};

use crate::Error;

/// Runs the work within a transaction, reports its error, and returns what it returned.
///
/// The transaction is finished on every way out: also if the future is dropped, or panics.
pub(crate) async fn traced<T>(
    operation: &str,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let hub = Arc::new(Hub::new_from_top(Hub::current()));
    let context = TransactionContext::new(operation, "task");
    let running = Running(Some(hub.start_transaction(context)));
    if let Some(transaction) = &running.0 {
        let span = transaction.clone().into();
        hub.configure_scope(|scope| scope.set_span(Some(span)));
    }
    let result = work.bind_hub(Arc::clone(&hub)).await;
    match &result {
        Ok(_) => running.finish(SpanStatus::Ok),
        Err(error) => {
            let operation = [("operation", operation.into())];
            Hub::run(hub, || capture(&**error, None, operation));
            running.finish(SpanStatus::InternalError);
        }
    }
    result
}

/// Reports an error with the user whom it met and further values. `before_send` drops those of the
/// network.
pub(crate) fn capture<'a>(
    error: &(dyn StdError + 'static),
    user: Option<&str>,
    extra: impl IntoIterator<Item = (&'a str, Value)>,
) {
    sentry::with_scope(
        |scope| {
            if let Some(id) = user {
                scope.set_user(Some(User {
                    id: Some(id.to_owned()),
                    ..User::default()
                }));
            }
            for (key, value) in extra {
                scope.set_extra(key, value);
            }
        },
        || sentry::capture_error(error),
    );
}

/// A transaction that is not finished yet.
struct Running(Option<Transaction>);

impl Running {
    fn finish(mut self, status: SpanStatus) {
        self.end(status);
    }

    fn end(&mut self, status: SpanStatus) {
        if let Some(transaction) = self.0.take() {
            transaction.set_status(status);
            transaction.finish();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end(if thread::panicking() {
            SpanStatus::InternalError
        } else {
            SpanStatus::Cancelled
        });
    }
}
