//! Notes: a table behind four routes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize, Serializer};

use super::held::held;
use super::{ApiError, App};
use crate::database::Database;

/// The longest note, in bytes.
const TEXT_BYTES: usize = 4096;

/// The most notes of one answer.
const PAGE: i64 = 100;

#[derive(Serialize)]
pub(super) struct Note {
    id: i64,
    text: String,
    #[serde(serialize_with = "rfc3339")]
    created_at: i64,
}

#[derive(Deserialize)]
pub(super) struct NewNote {
    text: String,
}

#[derive(Deserialize)]
pub(super) struct Page {
    /// Only notes before this one.
    before: Option<i64>,
}

/// The same statement for either database. Its numbered parameters are those of both.
macro_rules! on {
    ($database:expr, $connection:ident => $statement:expr) => {{
        // A part of the trace of the request. It is not entered: the thread of SQLite would keep a
        // copy, which may outlive the request, and the trace would miss it.
        let _span = tracing::info_span!("db.query");
        match $database {
            Database::Sqlite(pool) => held(pool, async |$connection| $statement.await).await,
            Database::Postgres(pool) => held(pool, async |$connection| $statement.await).await,
        }
    }};
}

/// The latest first.
pub(super) async fn list(
    State(app): State<App>,
    Query(page): Query<Page>,
) -> Result<Json<Vec<Note>>, ApiError> {
    let sql = "SELECT id, text, created_at FROM notes WHERE id < $1 ORDER BY id DESC LIMIT $2";
    let before = page.before.unwrap_or(i64::MAX);
    let rows = on!(&app.database, connection => sqlx::query_as(sql).bind(before).bind(PAGE).fetch_all(connection))?;
    Ok(Json(rows.into_iter().map(note).collect()))
}

pub(super) async fn create(
    State(app): State<App>,
    Json(NewNote { text }): Json<NewNote>,
) -> Result<Response, ApiError> {
    if text.is_empty() || text.len() > TEXT_BYTES {
        return Err(ApiError::Invalid("text must have 1 to 4096 bytes"));
    }
    // Postgres stores no NUL.
    if text.contains('\0') {
        return Err(ApiError::Invalid("text must not contain NUL"));
    }
    let sql = "INSERT INTO notes (text, created_at) VALUES ($1, $2) RETURNING id, text, created_at";
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let now = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
    let row = on!(&app.database, connection => sqlx::query_as(sql).bind(text).bind(now).fetch_one(connection))?;
    let note = note(row);
    let location = [(LOCATION, format!("/api/notes/{}", note.id))];
    Ok((StatusCode::CREATED, location, Json(note)).into_response())
}

pub(super) async fn read(
    State(app): State<App>,
    Path(id): Path<i64>,
) -> Result<Response, ApiError> {
    let json = [(CONTENT_TYPE, "application/json")];
    let key = key(id);
    if let Some(found) = app.cache.get(&key).await {
        return Ok((json, found).into_response());
    }
    let sql = "SELECT id, text, created_at FROM notes WHERE id = $1";
    let row = on!(&app.database, connection => sqlx::query_as(sql).bind(id).fetch_one(connection))?;
    let note = note(row);
    let text = serde_json::to_string(&note).unwrap_or_default();
    app.cache.set(&key, &text).await;
    Ok((json, text).into_response())
}

pub(super) async fn delete(
    State(app): State<App>,
    Path(id): Path<i64>,
) -> Result<StatusCode, ApiError> {
    let sql = "DELETE FROM notes WHERE id = $1 RETURNING id";
    let _: (i64,) =
        on!(&app.database, connection => sqlx::query_as(sql).bind(id).fetch_one(connection))?;
    app.cache.remove(&key(id)).await;
    Ok(StatusCode::NO_CONTENT)
}

fn note((id, text, created_at): (i64, String, i64)) -> Note {
    Note {
        id,
        text,
        created_at,
    }
}

fn key(id: i64) -> String {
    format!("service:note:{id}")
}

fn rfc3339<S: Serializer>(millis: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    let since = Duration::from_millis(u64::try_from(*millis).unwrap_or(0));
    let time = UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH);
    serializer.collect_str(&humantime::format_rfc3339_millis(time))
}
