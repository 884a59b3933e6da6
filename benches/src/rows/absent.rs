//! Where a peer has no row, and why.

use crate::catalogue::{AXUM_HEALTH, BACKGROUND, SMITHY, TONIC_HEALTH};
use crate::table::{Row, Section};

pub fn absent() -> Section {
    let mut section = Section::new("Not compared, since it would not be fair or cannot be");
    let notes = [
        (
            format!("{TONIC_HEALTH}, {BACKGROUND}: pass-through"),
            "nothing of them stands around ordinary requests",
        ),
        (format!("{TONIC_HEALTH}: GET probes"), "it speaks gRPC only"),
        (
            format!("{AXUM_HEALTH}: a probe outside the Router"),
            "it is a route, and is measured among routes",
        ),
        (
            format!("{SMITHY}: inside Router::layer"),
            "its response body is smithy's own: two maps for each route would be measured, not it",
        ),
        (
            format!("{SMITHY}: its answer"),
            "has no body and no fields, so that its times stand beside more than it does",
        ),
        (
            "nidus-http 1.2".to_owned(),
            "needs Rust 1.96, which is more than this crate needs",
        ),
        (
            "jsonrpsee ProxyGetRequestLayer".to_owned(),
            "answers with what a JSON-RPC server behind it says: that would be measured",
        ),
        (
            "probes of loco, roadster, rama, ullun".to_owned(),
            "do not come apart from their frameworks",
        ),
    ];
    let rows = notes.map(|(what, why)| Row::note(what, why));
    section.rows.extend(rows);
    section
}
