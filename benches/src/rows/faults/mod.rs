//! What becomes of a probe when things go wrong: seen in runs, each with a bounded wait.

mod check;
mod grpc;
mod outcome;
mod saturated;
mod target;

use std::future::pending;

use aws_smithy_http_server::body::{BoxBody, boxed};
use axum::Router;
use axum::routing::get;
use http::Response;
use tokio::runtime::Builder;
use tower::util::MapResponseLayer;

use self::check::Wrong;
use crate::table::Section;

pub fn faults() -> Vec<Section> {
    std::panic::set_hook(Box::new(|_| {}));
    let mut section = Section::new(
        "Probes while something is wrong; the prober waits 1 s, a fault in the task of its \
         connection ends that",
    );
    let runtime = Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    for wrong in Wrong::ALL {
        section.rows.extend(check::goes_wrong(&runtime, wrong));
        section.rows.extend(grpc::goes_wrong(&runtime, wrong));
    }
    section.rows.extend(saturated::saturated(&runtime));
    section.rows.extend(grpc::saturated(&runtime));
    let _ = std::panic::take_hook();
    vec![section, target::forms(&runtime)]
}

/// With a route that never ends.
fn slow(app: Router) -> Router {
    app.route("/slow", get(pending::<()>))
}

fn served(app: Router) -> Router {
    app.with_state(())
}

fn to_smithy<B>() -> MapResponseLayer<impl Fn(Response<B>) -> Response<BoxBody> + Clone>
where
    B: http_body::Body<Data = bytes::Bytes, Error: Into<axum::BoxError>> + Send + 'static,
{
    MapResponseLayer::new(|response: Response<B>| response.map(boxed))
}
