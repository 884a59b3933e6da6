//! The series of the probes and of the health as a whole.

use std::fmt;

use super::{STATUSES, Value, Writer, flag};
use crate::Probe;
use crate::metrics::view::View;

pub(super) fn probe_state(view: &View, write: &mut Writer<'_>) -> fmt::Result {
    for &probe in Probe::ALL {
        let now = view.snapshot.status(probe);
        for status in STATUSES {
            let labels = [("probe", probe.as_str()), ("state", status.as_str())];
            write(&labels, flag(now == status))?;
        }
    }
    Ok(())
}

pub(super) fn probe_requests(view: &View, write: &mut Writer<'_>) -> fmt::Result {
    for requests in &view.probe_requests {
        let labels = [
            ("probe", requests.probe),
            ("code", requests.code),
            ("transport", requests.transport),
        ];
        write(&labels, Value::Whole(requests.count))?;
    }
    Ok(())
}

pub(super) fn info(view: &View, write: &mut Writer<'_>) -> fmt::Result {
    let release = &view.release;
    let labels = [
        ("version", &*release.version),
        ("release_id", &*release.release_id),
        ("service_id", &*release.service_id),
        ("environment", &*release.environment),
    ];
    write(&labels, Value::Whole(1))
}
