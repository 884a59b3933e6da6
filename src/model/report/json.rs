//! The report as JSON: draft-inadarei-api-health-check-06, field by field.
//!
//! The order suits human readers, who look for `status` first. Each part is written directly to the
//! output, without an intermediate tree.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::SystemTime;

use serde_core::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::{Report, ReportEntry};
use crate::model::name::component;
use crate::model::{ObservedValue, Reading, Status, rfc3339};

/// Renders `application/health+json`.
#[expect(
    clippy::expect_used,
    reason = "every key is a string, and writing to a string cannot fail"
)]
pub(crate) fn render_json(report: &Report<'_>) -> String {
    serde_json::to_string(report).expect("a report can be written as JSON")
}

pub(super) fn serialize<S: Serializer>(
    report: &Report<'_>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let identity = report.identity;
    let mut root = serializer.serialize_map(None)?;
    root.serialize_entry("status", report.status.as_str())?;
    optional(&mut root, "version", identity.version.as_deref())?;
    optional(&mut root, "releaseId", identity.release_id.as_deref())?;
    optional(&mut root, "serviceId", identity.service_id.as_deref())?;
    optional(&mut root, "description", identity.description.as_deref())?;
    let notes = report.notes();
    optional(
        &mut root,
        "notes",
        Some(&notes).filter(|all| !all.is_empty()),
    )?;
    optional(&mut root, "output", report.output().as_deref())?;
    optional(&mut root, "time", Time::of(report.time).as_ref())?;
    if !report.entries.is_empty() {
        root.serialize_entry("checks", &Checks(&report.entries))?;
    }
    if !identity.links.is_empty() {
        root.serialize_entry("links", &identity.links)?;
    }
    root.end()
}

struct Checks<'a>(&'a [ReportEntry<'a>]);

/// Writes one array for each key and one object for each reading, in the order of the first
/// appearance of each key.
impl Serialize for Checks<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut places = HashMap::with_capacity(self.0.len());
        let mut objects = Vec::with_capacity(self.0.len());
        for object in self.0.iter().flat_map(Object::all_of) {
            let next = places.len();
            let place = *places.entry(object.key()).or_insert(next);
            objects.push((place, object));
        }
        objects.sort_by_key(|(place, _)| *place);
        let mut checks = serializer.serialize_map(None)?;
        for array in objects.chunk_by(|(one, _), (other, _)| one == other) {
            if let [(_, first), ..] = array {
                checks.serialize_entry(&first.key(), &Array(array))?;
            }
        }
        checks.end()
    }
}

struct Array<'a>(&'a [(usize, Object<'a>)]);

impl Serialize for Array<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut array = serializer.serialize_seq(Some(self.0.len()))?;
        for (_, object) in self.0 {
            array.serialize_element(object)?;
        }
        array.end()
    }
}

/// Holds an entry with one of its readings, or without any.
struct Object<'a> {
    entry: &'a ReportEntry<'a>,
    reading: Option<&'a Reading>,
}

impl<'a> Object<'a> {
    /// Returns one object for each reading, and one without a reading if no reading has the name of
    /// the entry.
    fn all_of(entry: &'a ReportEntry<'a>) -> impl Iterator<Item = Self> {
        let is_measured = |reading: &Reading| reading.measurement.is_some();
        let own = entry.readings.iter().all(is_measured).then_some(None);
        let readings = entry.readings.iter().map(Some);
        own.into_iter()
            .chain(readings)
            .map(move |reading| Self { entry, reading })
    }

    fn key(&self) -> Cow<'a, str> {
        let name = self.entry.name;
        match self.reading.and_then(Reading::measurement) {
            Some(measurement) => Cow::Owned(format!("{}:{measurement}", component(name))),
            None => Cow::Borrowed(name),
        }
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { entry, reading } = self;
        let fault = (entry.status != Status::Pass).then_some(entry);
        let endpoints = fault.map(|entry| entry.affected_endpoints);
        let endpoints = endpoints.filter(|endpoints| !endpoints.is_empty());
        let kind = entry.component_type.map(|kind| kind.as_str());
        let mut object = serializer.serialize_map(None)?;
        optional(&mut object, "componentId", entry.component_id)?;
        optional(&mut object, "componentType", kind)?;
        if let Some(reading) = reading {
            object.serialize_entry("observedValue", &Value(&reading.value))?;
            optional(&mut object, "observedUnit", reading.unit())?;
        }
        object.serialize_entry("status", entry.status.as_str())?;
        optional(&mut object, "affectedEndpoints", endpoints)?;
        optional(&mut object, "time", entry.time.and_then(Time::of).as_ref())?;
        optional(
            &mut object,
            "output",
            fault.and_then(|entry| entry.output()),
        )?;
        let links = entry.links.filter(|links| !links.is_empty());
        optional(&mut object, "links", links)?;
        object.end()
    }
}

struct Value<'a>(&'a ObservedValue);

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            ObservedValue::Integer(value) => serializer.serialize_i64(*value),
            // Infinite numbers and NaN become `null`, since JSON has no such numbers.
            ObservedValue::Float(value) => serializer.serialize_f64(*value),
            ObservedValue::Bool(value) => serializer.serialize_bool(*value),
            ObservedValue::Text(value) => serializer.serialize_str(value),
        }
    }
}

struct Time(humantime::Rfc3339Timestamp);

impl Time {
    fn of(time: SystemTime) -> Option<Self> {
        rfc3339(time).map(Self)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Writes a field if it has a value.
fn optional<M: SerializeMap, T: Serialize + ?Sized>(
    map: &mut M,
    key: &str,
    value: Option<&T>,
) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(key, value))
}
