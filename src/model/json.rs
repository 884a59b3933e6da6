//! The report as JSON: draft-inadarei-api-health-check-06, field by field.
//!
//! Written by hand because the order of the fields is for people, who look for `status` first.

use std::collections::HashMap;
use std::time::SystemTime;

use super::name::component;
use super::{ObservedValue, Reading, Report, ReportEntry, Status, rfc3339};

/// Renders `application/health+json`.
pub(crate) fn render_json(report: &Report<'_>) -> String {
    let identity = report.identity;
    let mut root = Object::new();
    root.text("status", report.status.as_str());
    root.optional_text("version", identity.version.as_deref());
    root.optional_text("releaseId", identity.release_id.as_deref());
    root.optional_text("serviceId", identity.service_id.as_deref());
    root.optional_text("description", identity.description.as_deref());
    root.texts("notes", &report.notes());
    root.optional_text("output", report.output().as_deref());
    root.time("time", Some(report.time));
    if !report.entries.is_empty() {
        root.raw("checks", &checks(&report.entries));
    }
    if !identity.links.is_empty() {
        let mut links = Object::new();
        for (relation, uri) in &identity.links {
            links.text(relation, uri);
        }
        root.raw("links", &links.finish());
    }
    root.finish()
}

/// One array a key, and in it one object a reading; an entry without readings has one object.
fn checks(entries: &[ReportEntry<'_>]) -> String {
    let mut arrays: Vec<(String, Vec<String>)> = Vec::new();
    let mut places = HashMap::new();
    let mut add = |key: String, object: String| {
        let place = *places.entry(key.clone()).or_insert_with(|| {
            arrays.push((key, Vec::new()));
            arrays.len() - 1
        });
        arrays[place].1.push(object);
    };
    for entry in entries {
        if entry
            .readings
            .iter()
            .all(|reading| reading.measurement.is_some())
        {
            add(entry.name.to_owned(), object(entry, None));
        }
        for reading in entry.readings {
            let key = match reading.measurement() {
                Some(measurement) => format!("{}:{measurement}", component(entry.name)),
                None => entry.name.to_owned(),
            };
            add(key, object(entry, Some(reading)));
        }
    }
    let mut checks = Object::new();
    for (key, array) in &arrays {
        checks.raw(key, &format!("[{}]", array.join(",")));
    }
    checks.finish()
}

fn object(entry: &ReportEntry<'_>, reading: Option<&Reading>) -> String {
    let mut object = Object::new();
    object.optional_text("componentId", entry.component_id);
    object.optional_text(
        "componentType",
        entry.component_type.map(|kind| kind.as_str()),
    );
    if let Some(reading) = reading {
        object.raw("observedValue", &value(&reading.value));
        object.optional_text("observedUnit", reading.unit());
    }
    object.text("status", entry.status.as_str());
    if entry.status != Status::Pass {
        object.texts("affectedEndpoints", entry.affected_endpoints);
    }
    object.time("time", entry.time);
    if entry.status != Status::Pass {
        object.optional_text("output", entry.output());
    }
    object.finish()
}

fn value(value: &ObservedValue) -> String {
    match value {
        ObservedValue::Integer(value) => value.to_string(),
        ObservedValue::Float(value) => serde_json::Value::from(*value).to_string(),
        ObservedValue::Bool(value) => value.to_string(),
        ObservedValue::Text(value) => quoted(value),
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A JSON object that grows field by field; fields without a value are left out.
struct Object(String);

impl Object {
    fn new() -> Self {
        Self(String::from("{"))
    }

    /// `json` is JSON already.
    fn raw(&mut self, key: &str, json: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push_str(&quoted(key));
        self.0.push(':');
        self.0.push_str(json);
    }

    fn text(&mut self, key: &str, text: &str) {
        self.raw(key, &quoted(text));
    }

    fn optional_text(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(key, text);
        }
    }

    fn texts(&mut self, key: &str, texts: &[String]) {
        if !texts.is_empty() {
            let texts: Vec<_> = texts.iter().map(|text| quoted(text)).collect();
            self.raw(key, &format!("[{}]", texts.join(",")));
        }
    }

    fn time(&mut self, key: &str, time: Option<SystemTime>) {
        self.optional_text(key, time.and_then(rfc3339).as_deref());
    }

    fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}
