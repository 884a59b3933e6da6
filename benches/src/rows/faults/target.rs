//! Nothing is wrong, but the target of the request is written in another form.

use tokio::runtime::Runtime;
use tower::Layer;
use tower_health::{Health, HealthLayer};

use super::outcome::{Outcome, probe};
use super::{served, to_smithy};
use crate::catalogue::{BY_HAND, ByHand, OURS, SMITHY, app, smithy};
use crate::table::{Row, Section};

/// What a server makes of a request over HTTP/2, which has a scheme and a host; and a query.
const FORMS: [(&str, &str); 2] = [
    ("as HTTP/2 has it", "http://localhost/livez"),
    ("with a query", "/livez?from=monitor"),
];

pub(super) fn forms(runtime: &Runtime) -> Section {
    let _context = runtime.enter();
    let health = Health::builder().start().expect("every setting is right");
    let path = "/livez";
    let mut section = Section::new("GET /livez by the form of its target");
    for (form, uri) in FORMS {
        let title = |who: &str| format!("{form}: {who}, {uri}");
        let service = HealthLayer::new(health.clone()).layer(served(app()));
        let ours = runtime.block_on(probe(service, uri));
        let good = ours == Outcome::Answered(200);
        section
            .rows
            .push(Row::outcome(title(OURS), ours, Some(good)));
        let service = ByHand::layer(path).layer(served(app()));
        let by_hand = runtime.block_on(probe(service, uri));
        section
            .rows
            .push(Row::outcome(title(BY_HAND), by_hand, None));
        let service = smithy(path, to_smithy().layer(served(app())));
        let smithy = runtime.block_on(probe(service, uri));
        section.rows.push(Row::outcome(title(SMITHY), smithy, None));
    }
    section
}
