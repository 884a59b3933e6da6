//! What a request gets when it cannot be served.

use std::sync::Arc;

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// An error of a handler. Callers see no text of a cause.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// What the caller sent cannot be used.
    Invalid(&'static str),
    NotFound,
    /// The answer took longer than a request may.
    TooSlow,
    Database(sqlx::Error),
}

/// The cause of a response, for the layer that reports it.
#[derive(Clone, Debug)]
pub(crate) struct Reported(pub(crate) Arc<sqlx::Error>);

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::RowNotFound => Self::NotFound,
            error => Self::Database(error),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        match self {
            Self::Invalid(why) => answer(StatusCode::UNPROCESSABLE_ENTITY, why),
            Self::NotFound => answer(StatusCode::NOT_FOUND, "not found"),
            Self::TooSlow => try_again(),
            Self::Database(error) => {
                let mut response = if is_outage(&error) {
                    try_again()
                } else {
                    answer(StatusCode::INTERNAL_SERVER_ERROR, "internal error")
                };
                response.extensions_mut().insert(Reported(Arc::new(error)));
                response
            }
        }
    }
}

/// Whether the database is out of reach or overloaded, rather than the request at fault.
fn is_outage(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => true,
        // Shutting down, starting up, a statement that took too long, and no connection left.
        sqlx::Error::Database(error) => matches!(
            error.code().as_deref(),
            Some("57P01" | "57P02" | "57P03" | "57014" | "53300")
        ),
        _ => false,
    }
}

fn try_again() -> Response {
    let mut response = answer(StatusCode::SERVICE_UNAVAILABLE, "try again later");
    response.headers_mut().insert(RETRY_AFTER, 1.into());
    response
}

fn answer(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({ "error": error }))).into_response()
}
