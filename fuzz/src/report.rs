//! The report: any names, texts and values become JSON and lines that say the same.
//!
//! An input is a list of lines; `\n` within a line stands for a line break:
//!
//! ```text
//! version 1.0
//! note maintained by us
//! link about https://example.org
//! check db
//! type datastore
//! fail connection refused
//! value 12 ms
//! measure connections:open 0.5 percent
//! ```

use serde_json::{Map, Value, json};
use tower_health::{
    Check, CheckResult, ComponentType, Criticality, Failure, HealthBuilder, Observation,
    ObservedValue, Probe,
};

use crate::app::{APP, builder, check, finish, settle};
use crate::json;

/// Below the limit of readings that one check keeps.
const MOST_READINGS: usize = 50;

pub fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    // Compared with what was given: redaction has a target of its own.
    let mut builder = builder().redact(str::to_owned);
    let mut identity = Map::new();
    let mut notes = Vec::new();
    let mut links = Map::new();
    let mut checks: Vec<Plan> = Vec::new();
    for line in text.split('\n') {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.replace("\\n", "\n");
        match (word, checks.last_mut()) {
            ("check", _) => checks.push(Plan::new(&rest)),
            (_, Some(check)) => check.set(word, &rest),
            ("version", None) => {
                identity.insert("version".to_owned(), rest.clone().into());
                builder = builder.version(rest);
            }
            ("release", None) => {
                identity.insert("releaseId".to_owned(), rest.clone().into());
                builder = builder.release_id(rest);
            }
            ("service", None) => {
                identity.insert("serviceId".to_owned(), rest.clone().into());
                builder = builder.service_id(rest);
            }
            ("description", None) => {
                identity.insert("description".to_owned(), rest.clone().into());
                builder = builder.description(rest);
            }
            ("note", None) => {
                notes.push(rest.clone());
                builder = builder.note(rest);
            }
            ("link", None) => {
                let (relation, uri) = rest.split_once(' ').unwrap_or((&rest, ""));
                links.insert(relation.to_owned(), uri.into());
                builder = builder.link(relation, uri);
            }
            _ => {}
        }
    }
    if !links.is_empty() {
        identity.insert("links".to_owned(), links.into());
    }
    finish(&APP.runtime, "a report", async {
        report(builder, identity, notes, &checks).await;
        // The refresher ends with its health.
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
    });
}

/// A check that is going to be registered.
#[derive(Default)]
struct Plan {
    name: String,
    id: Option<String>,
    kind: Option<String>,
    endpoints: Vec<String>,
    /// The word `warn` or `fail` with its text; `None` if the check passes.
    fault: Option<(&'static str, String)>,
    readings: Vec<(Option<String>, ObservedValue, String)>,
}

impl Plan {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    fn set(&mut self, word: &str, rest: &str) {
        match word {
            "id" => self.id = Some(rest.to_owned()),
            "type" => self.kind = Some(rest.to_owned()),
            "endpoint" => self.endpoints.push(rest.to_owned()),
            "warn" => self.fault = Some(("warn", rest.to_owned())),
            // An empty text is of no use to a reader.
            "fail" if rest.is_empty() => {
                self.fault = Some(("fail", "failed without a message".to_owned()));
            }
            "fail" => self.fault = Some(("fail", rest.to_owned())),
            "value" if self.readings.len() < MOST_READINGS => {
                let (value, unit) = rest.split_once(' ').unwrap_or((rest, ""));
                self.readings.push((None, observed(value), unit.to_owned()));
            }
            "measure" if self.readings.len() < MOST_READINGS => {
                let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
                let (value, unit) = rest.split_once(' ').unwrap_or((rest, ""));
                let measurement = Some(name.to_owned());
                self.readings
                    .push((measurement, observed(value), unit.to_owned()));
            }
            _ => {}
        }
    }

    fn result(&self) -> CheckResult {
        let readings = self.readings.iter().cloned();
        match &self.fault {
            Some(("fail", output)) => Err(readings.fold(
                Failure::new(output),
                |failure, (measurement, value, unit)| match measurement {
                    Some(measurement) => failure.measurement(measurement, value, unit),
                    None => failure.value(value, unit),
                },
            )),
            fault => {
                let observation = match fault {
                    Some((_, output)) => Observation::warn(output),
                    None => Observation::pass(),
                };
                Ok(
                    readings.fold(observation, |observation, (measurement, value, unit)| {
                        match measurement {
                            Some(measurement) => observation.measurement(measurement, value, unit),
                            None => observation.value(value, unit),
                        }
                    }),
                )
            }
        }
    }

    fn check(&self) -> Check {
        let mut check = check(&self.name, Criticality::Critical, self.result());
        if let Some(id) = &self.id {
            check = check.component_id(id);
        }
        if let Some(kind) = &self.kind {
            check = check.component_type(ComponentType::from(kind.clone()));
        }
        for endpoint in &self.endpoints {
            check = check.affected_endpoint(endpoint);
        }
        check
    }

    fn status(&self) -> &'static str {
        self.fault.as_ref().map_or("pass", |(status, _)| status)
    }

    /// Returns the keys of the report with their objects.
    fn objects(&self) -> Vec<(String, Value)> {
        let mut readings: Vec<_> = self.readings.iter().map(Some).collect();
        let is_own = |name: &Option<String>| name.as_deref().is_none_or(str::is_empty);
        if !self.readings.iter().any(|(name, ..)| is_own(name)) {
            readings.insert(0, None);
        }
        let component = self.name.split(':').next().unwrap_or_default();
        let object = |reading: Option<&(Option<String>, ObservedValue, String)>| {
            let mut object = Map::new();
            let mut key = self.name.clone();
            if let Some((name, value, unit)) = reading {
                if let Some(name) = name.as_ref().filter(|name| !name.is_empty()) {
                    key = format!("{component}:{}", name.replace(':', "."));
                }
                object.insert("observedValue".to_owned(), json(value));
                if !unit.is_empty() {
                    object.insert("observedUnit".to_owned(), unit.clone().into());
                }
            }
            if let Some(id) = &self.id {
                object.insert("componentId".to_owned(), id.clone().into());
            }
            if let Some(kind) = &self.kind {
                object.insert("componentType".to_owned(), kind.clone().into());
            }
            object.insert("status".to_owned(), self.status().into());
            if let Some((_, output)) = &self.fault {
                object.insert("output".to_owned(), output.clone().into());
                if !self.endpoints.is_empty() {
                    object.insert("affectedEndpoints".to_owned(), json!(self.endpoints));
                }
            }
            (key, Value::Object(object))
        };
        readings.into_iter().map(object).collect()
    }
}

/// Reads a value as the first type that it fits.
fn observed(value: &str) -> ObservedValue {
    if let Ok(value) = value.parse::<i64>() {
        value.into()
    } else if let Ok(value) = value.parse::<f64>() {
        value.into()
    } else if let Ok(value) = value.parse::<bool>() {
        value.into()
    } else {
        value.into()
    }
}

fn json(value: &ObservedValue) -> Value {
    match value {
        ObservedValue::Integer(value) => (*value).into(),
        ObservedValue::Float(value) => (*value).into(),
        ObservedValue::Bool(value) => (*value).into(),
        ObservedValue::Text(value) => value.clone().into(),
        _ => unreachable!("no other type is made here"),
    }
}

async fn report(
    mut builder: HealthBuilder,
    mut expected: Map<String, Value>,
    notes: Vec<String>,
    plans: &[Plan],
) {
    for plan in plans {
        builder = builder.readiness(plan.check());
    }
    let health = match builder.start() {
        Ok(health) => health,
        Err(error) => {
            assert!(error.is_name(), "{error}");
            assert!(!error.to_string().contains(char::is_control), "{error}");
            return;
        }
    };
    settle(&health).await;
    let snapshot = health.snapshot();
    let report = snapshot.report(Probe::Readiness);

    let worst = ["fail", "warn", "pass"]
        .into_iter()
        .find(|status| plans.iter().any(|plan| plan.status() == *status))
        .unwrap_or("pass");
    expected.insert("status".to_owned(), worst.into());
    let verbs = plans.iter().filter_map(|plan| {
        let (status, _) = plan.fault.as_ref()?;
        Some(format!("{} {status}s", plan.name))
    });
    let notes: Vec<_> = notes.into_iter().chain(verbs).collect();
    if !notes.is_empty() {
        expected.insert("notes".to_owned(), json!(notes));
    }
    let mut checks = Map::new();
    for (key, object) in plans.iter().flat_map(Plan::objects) {
        let array = checks.entry(key).or_insert_with(|| json!([]));
        array.as_array_mut().expect("an array").push(object);
    }
    if !checks.is_empty() {
        expected.insert("checks".to_owned(), checks.into());
    }
    // Both as a reader sees them: a number of JSON has no type.
    let expected = json::parse(&Value::Object(expected).to_string());
    let mut given = json::parse(&report.to_json());
    without_times(&mut given);
    let outputs = given.as_object_mut().expect("an object").remove("output");
    assert_eq!(given, expected);

    let faults = plans.iter().filter_map(|plan| {
        let (_, output) = plan.fault.as_ref()?;
        Some(format!("{}: {output}", plan.name))
    });
    let mut output = faults.collect::<Vec<_>>().join("; ");
    while output.len() > 4096 {
        output.pop();
    }
    let output = Some(output).filter(|output| !output.is_empty());
    assert_eq!(outputs, output.map(Value::from));
    assert_lines(&report.to_string(), plans);
}

fn without_times(value: &mut Value) {
    let object = value.as_object_mut().expect("an object");
    object.remove("time");
    let checks = object.get_mut("checks").and_then(Value::as_object_mut);
    let arrays = checks.into_iter().flat_map(|checks| checks.values_mut());
    for object in arrays.filter_map(Value::as_array_mut).flatten() {
        let time = object.as_object_mut().expect("an object").remove("time");
        assert!(time.is_some_and(|time| time.is_string()));
    }
}

/// One line for each check, and no text that makes another or changes the order of one.
fn assert_lines(text: &str, plans: &[Plan]) {
    let lines: Vec<_> = text.split('\n').collect();
    assert_eq!(lines.len(), plans.len() + 2, "{text:?}");
    for (line, plan) in lines.iter().zip(plans) {
        let start = match plan.status() {
            "pass" => format!("[+]{} ok", plan.name),
            "warn" => format!("[+]{} warn: ", plan.name),
            _ => format!("[-]{} failed: ", plan.name),
        };
        assert!(line.starts_with(&start), "{line}");
        assert!(!line.contains(forges), "{line:?}");
    }
}

fn forges(c: char) -> bool {
    c.is_control()
        || ('\u{2028}'..='\u{202e}').contains(&c)
        || ('\u{2066}'..='\u{2069}').contains(&c)
}
