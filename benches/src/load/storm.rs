//! Many probes at once.

use super::generator::h2load;
use super::scenario::Scenario;
use super::server::Server;
use crate::table::{Row, Section};

/// Ten thousand probes at once while the check hangs: it must not run once more for them.
pub(super) fn storm() -> Section {
    let mut section = Section::new("10,000 probes at once over HTTP/2 while the check hangs");
    let mut server = Server::start(Scenario::Hung);
    let before = server.state().runs;
    let answered = h2load(server.port, "/readyz", 10_000, 100, 100);
    let runs = server.state().runs - before;
    section.rows.push(Row::number(
        "runs of the check beyond the schedule",
        "",
        runs as f64,
        Some(0.0),
    ));
    section.rows.push(Row::number(
        "probes not answered",
        "",
        10_000.0 - answered as f64,
        Some(0.0),
    ));
    section
}
