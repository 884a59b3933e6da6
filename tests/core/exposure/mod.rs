//! Who may see what: public answers, the details policy, reports, texts and the log.
//!
//! From the peers' tables: K is in `verbose`, `exclude` and `single`; D19 and D20 in `report` and
//! `format`; D9 to D12, D16, M1 to M13 and S4 are cells of the table in `lifecycle::meaning`; M14, M15
//! and M17 are in `readings`, `report` and `schema`; A3 to A5, A7, A8 and A10 in `verbose`, `format`, `exclude`
//! and `policy`; S6 in `single`, S10 in `settings`, S11 in `log`; U7 in `anonymous`, U12 in
//! `redaction` and `forgery`.
//!
//! Left out, because the design decides otherwise:
//! - D21, A7: cache headers cannot be switched off. A probe answer must never be cached.
//! - A6, S9: status codes cannot be mapped. 200 and 503 are what all probers agree on.
//! - M9, M10: there is no endpoint that adds the three probes up, and readiness fails until
//!   startup has completed.
//! - M16, M18: dependency injection has no counterpart.
//! - S7, S8: there are no groups with patterns and no order of statuses to choose.
//! - Where the peers have a null writer with an empty body, this crate has a format that returns an
//!   empty text.

mod anonymous;
mod exclude;
mod forgery;
mod format;
mod golden;
mod log;
mod policy;
mod readings;
mod redaction;
mod report;
mod schema;
mod single;
mod states;
mod support;
mod verbose;
