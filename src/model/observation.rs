//! The result of a run of a check: an observation or a failure.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::iter;

use super::Status;

/// The result of one run of a check; see [`Observation`] and [`Failure`].
pub type CheckResult = Result<Observation, Failure>;

/// Holds a value that a check read, as one of the JSON types.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ObservedValue {
    /// An integer.
    Integer(i64),
    /// A floating-point number. The report shows an infinite one or NaN as `null`.
    Float(f64),
    /// A boolean.
    Bool(bool),
    /// A text. It passes through the redaction hook, as error texts, names and units do.
    Text(String),
}

macro_rules! observed_value_from {
    ($($from:ty => $variant:ident),*) => {$(
        impl From<$from> for ObservedValue {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

observed_value_from!(
    i8 => Integer, i16 => Integer, i32 => Integer, i64 => Integer,
    u8 => Integer, u16 => Integer, u32 => Integer,
    f32 => Float, f64 => Float, bool => Bool, &str => Text, String => Text
);

/// Saturates at `i64::MAX`.
impl From<u64> for ObservedValue {
    fn from(value: u64) -> Self {
        Self::Integer(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

/// Saturates at `i64::MAX`.
impl From<usize> for ObservedValue {
    fn from(value: usize) -> Self {
        Self::Integer(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

/// Holds one value that a check read, with its measurement name and its unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// `Some` if the measurement differs from the one in the name of the check.
    pub(crate) measurement: Option<Cow<'static, str>>,
    pub(crate) value: ObservedValue,
    pub(crate) unit: Option<Cow<'static, str>>,
}

impl Reading {
    /// Returns the name of the measurement, which follows the colon in a report key; `None` if the
    /// report shows the value under the name of the check.
    pub fn measurement(&self) -> Option<&str> {
        self.measurement.as_deref()
    }

    /// Returns the value.
    pub fn value(&self) -> &ObservedValue {
        &self.value
    }

    /// Returns the unit of the value, such as `ms` or `percent`.
    pub fn unit(&self) -> Option<&str> {
        self.unit.as_deref()
    }
}

/// Describes what a passing or warning run of a check found.
///
/// ```
/// use tower_health::{Observation, Status};
///
/// let quick = Observation::pass().value(12, "ms");
/// assert_eq!(quick.readings()[0].unit(), Some("ms"));
///
/// let slow = Observation::warn("replica lags by 40 s").measurement("lag", 40, "s");
/// assert_eq!(slow.status(), Status::Warn);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Observation {
    pub(crate) status: Status,
    pub(crate) output: Option<String>,
    pub(crate) readings: Vec<Reading>,
}

impl Observation {
    /// Creates an observation that everything is fine.
    pub fn pass() -> Self {
        Self {
            status: Status::Pass,
            output: None,
            readings: Vec::new(),
        }
    }

    /// Creates an observation that the dependency works but needs attention; `output` says why.
    pub fn warn(output: impl Into<String>) -> Self {
        Self {
            status: Status::Warn,
            output: Some(output.into()),
            readings: Vec::new(),
        }
    }

    /// Adds a value with its unit; the report shows it under the name of the check.
    pub fn value(
        mut self,
        value: impl Into<ObservedValue>,
        unit: impl Into<Cow<'static, str>>,
    ) -> Self {
        push_reading(&mut self.readings, None, value.into(), unit.into());
        self
    }

    /// Adds a value with its unit; the report shows it under `{component}:{measurement}`.
    ///
    /// The draft predefines the measurements `utilization`, `responseTime`, `connections` and
    /// `uptime` (section 4). In the report a colon in the measurement becomes a dot. An empty
    /// measurement or unit counts as none.
    pub fn measurement(
        mut self,
        measurement: impl Into<Cow<'static, str>>,
        value: impl Into<ObservedValue>,
        unit: impl Into<Cow<'static, str>>,
    ) -> Self {
        let measurement = Some(measurement.into());
        push_reading(&mut self.readings, measurement, value.into(), unit.into());
        self
    }

    /// Returns [`Status::Pass`] or [`Status::Warn`].
    pub fn status(&self) -> Status {
        self.status
    }

    /// Returns the text of a warning, before redaction; `None` for a pass.
    pub fn output(&self) -> Option<&str> {
        self.output.as_deref()
    }

    /// Returns the values that the run read.
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }
}

/// Converts to [`Observation::pass`], so that a check can return `Ok(())`.
impl From<()> for Observation {
    fn from((): ()) -> Self {
        Self::pass()
    }
}

/// Describes why a run failed.
///
/// `?` converts any error into a failure. The text of the error and those of its
/// [sources](Error::source) become the `output` of the report. Like other catch-all error types,
/// `Failure` does not implement [`Error`] itself.
///
/// ```
/// use tower_health::{CheckResult, Failure, Observation};
///
/// fn disk(free_percent: u8) -> CheckResult {
///     if free_percent < 5 {
///         return Err(Failure::new("disk almost full").value(free_percent, "percent"));
///     }
///     Ok(Observation::pass().value(free_percent, "percent"))
/// }
/// assert_eq!(disk(3).unwrap_err().output(), "disk almost full");
///
/// fn parse() -> CheckResult {
///     "x".parse::<u8>()?;
///     Ok(Observation::pass())
/// }
/// assert_eq!(parse().unwrap_err().output(), "invalid digit found in string");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub(crate) output: String,
    pub(crate) readings: Vec<Reading>,
}

impl Failure {
    /// Creates a failure with this text.
    pub fn new(output: impl Into<String>) -> Self {
        Self {
            output: output.into(),
            readings: Vec::new(),
        }
    }

    /// Adds a value that the run read before it failed; see [`Observation::value`].
    #[must_use]
    pub fn value(
        mut self,
        value: impl Into<ObservedValue>,
        unit: impl Into<Cow<'static, str>>,
    ) -> Self {
        push_reading(&mut self.readings, None, value.into(), unit.into());
        self
    }

    /// Adds a value of another measurement; see [`Observation::measurement`].
    #[must_use]
    pub fn measurement(
        mut self,
        measurement: impl Into<Cow<'static, str>>,
        value: impl Into<ObservedValue>,
        unit: impl Into<Cow<'static, str>>,
    ) -> Self {
        let measurement = Some(measurement.into());
        push_reading(&mut self.readings, measurement, value.into(), unit.into());
        self
    }

    /// Returns the text of the failure, before redaction.
    pub fn output(&self) -> &str {
        &self.output
    }

    /// Returns the values that the run read before it failed.
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }
}

impl<E> From<E> for Failure
where
    E: Into<Box<dyn Error + Send + Sync>>,
{
    fn from(error: E) -> Self {
        Self::new(error_chain(&*error.into()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.output)
    }
}

fn push_reading(
    readings: &mut Vec<Reading>,
    measurement: Option<Cow<'static, str>>,
    value: ObservedValue,
    unit: Cow<'static, str>,
) {
    readings.push(Reading {
        measurement: measurement.filter(|measurement| !measurement.is_empty()),
        value,
        unit: Some(unit).filter(|unit| !unit.is_empty()),
    });
}

/// Joins the texts of an error and its sources with `: `.
///
/// Skips a source if its parent ends with the same text: many libraries print their source
/// themselves.
fn error_chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let sources = iter::successors(error.source(), |&error| error.source());
    // An error that is its own source would never end.
    for source in sources.take(32) {
        let source = source.to_string();
        if !text.ends_with(&source) {
            text.push_str(": ");
            text.push_str(&source);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Layered(&'static str, Option<Box<Layered>>);

    impl fmt::Display for Layered {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Layered {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|error| error as _)
        }
    }

    #[test]
    fn a_failure_has_the_texts_of_the_whole_source_chain() {
        let error = Layered(
            "pool",
            Some(Box::new(Layered(
                "connect",
                Some(Box::new(Layered("refused", None))),
            ))),
        );
        assert_eq!(Failure::from(error).output(), "pool: connect: refused");
    }

    #[test]
    fn a_source_that_its_parent_already_prints_is_not_repeated() {
        let error = Layered("connect: refused", Some(Box::new(Layered("refused", None))));
        assert_eq!(Failure::from(error).output(), "connect: refused");
    }

    #[test]
    fn texts_become_failures() {
        assert_eq!(Failure::from("plain").output(), "plain");
        assert_eq!(Failure::from(String::from("owned")).output(), "owned");
    }

    #[test]
    fn counts_beyond_the_range_of_json_integers_saturate() {
        assert_eq!(
            ObservedValue::from(u64::MAX),
            ObservedValue::Integer(i64::MAX)
        );
        assert_eq!(ObservedValue::from(7_usize), ObservedValue::Integer(7));
    }
}
