//! What went wrong, in words.

use std::borrow::Cow;
use std::error::Error;
use std::iter;

use tonic::{Code, Status};
use tonic_health::pb::health_check_response::ServingStatus;

/// How many characters of each error message a failure repeats.
const QUOTED: usize = 300;

/// Why a status that the server reported is not a pass; `None` if it is.
pub(super) fn fault(status: i32) -> Option<String> {
    let fault = match ServingStatus::try_from(status) {
        Ok(ServingStatus::Serving) => return None,
        Ok(ServingStatus::NotServing) => "the server reports NOT_SERVING".to_owned(),
        Ok(ServingStatus::Unknown) => "the server reports UNKNOWN".to_owned(),
        Ok(ServingStatus::ServiceUnknown) => {
            "the server does not know this service (SERVICE_UNKNOWN)".to_owned()
        }
        Err(_) => {
            format!("the server reports status {status}, which grpc.health.v1 does not define")
        }
    };
    Some(fault)
}

/// Describes a call that ended with an error: its meaning, its code and the messages of server and
/// channel. `service` is what the call was for.
pub(super) fn describe(status: &Status, service: &str) -> String {
    let mut text = format!("{} ({:?})", meaning(status, service), status.code());
    let message = iter::once(status.message().to_owned());
    let sources = iter::successors(status.source(), |&error| error.source()).take(8);
    for part in message.chain(sources.map(ToString::to_string)) {
        if !part.is_empty() && !text.ends_with(&part) {
            text.push_str(": ");
            text.extend(part.chars().take(QUOTED));
        }
    }
    text
}

fn meaning(status: &Status, service: &str) -> Cow<'static, str> {
    let meaning = match status.code() {
        Code::NotFound => "the server does not know this service",
        // What tonic makes of 404 too, which a proxy returns for a path that it does not route.
        Code::Unimplemented => {
            return format!("the server, or a proxy before it, does not serve {service}").into();
        }
        Code::Unavailable if status.message().starts_with("etcdserver: ") => {
            "this member of the cluster answers, but the cluster does not"
        }
        Code::Unavailable => "the server is unreachable or going away",
        Code::DeadlineExceeded => "the server did not answer in time",
        Code::Cancelled => "the call was cancelled",
        Code::Unauthenticated | Code::PermissionDenied => {
            "the server does not allow this client to check its health"
        }
        Code::ResourceExhausted => "the server is overloaded",
        Code::OutOfRange => "the response is too long for a health response",
        _ => "the call failed",
    };
    meaning.into()
}
