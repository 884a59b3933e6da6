//! What a run of a check brings back: an observation, or a failure.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::iter;

use super::Status;

/// What one run of a check brings back; see [`Observation`] and [`Failure`].
pub type CheckResult = Result<Observation, Failure>;

/// A value that a check read, in one of the shapes that JSON has for it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ObservedValue {
    /// A number without a fraction.
    Integer(i64),
    /// A number with a fraction. One that is not finite becomes `null` in the report.
    Float(f64),
    /// A truth value.
    Bool(bool),
    /// A text. It is passed through the redaction hook, as error texts are.
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

/// Counts beyond `i64::MAX` are given as that number.
impl From<u64> for ObservedValue {
    fn from(value: u64) -> Self {
        Self::Integer(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

/// Counts beyond `i64::MAX` are given as that number.
impl From<usize> for ObservedValue {
    fn from(value: usize) -> Self {
        Self::Integer(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

/// One value that a check read, with the name of its measurement and its unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// `Some` when the reading goes by another measurement name than its check.
    pub(crate) measurement: Option<Cow<'static, str>>,
    pub(crate) value: ObservedValue,
    pub(crate) unit: Option<Cow<'static, str>>,
}

impl Reading {
    /// The measurement, if it is not the check's own: the part behind the colon of a report key.
    pub fn measurement(&self) -> Option<&str> {
        self.measurement.as_deref()
    }

    /// The value that was read.
    pub fn value(&self) -> &ObservedValue {
        &self.value
    }

    /// The unit of the value, such as `ms` or `percent`.
    pub fn unit(&self) -> Option<&str> {
        self.unit.as_deref()
    }
}

/// What a passing or warning check saw.
///
/// ```
/// use tower_health::Observation;
///
/// let quick = Observation::pass().value(12, "ms");
/// let slow = Observation::warn("replica lags by 40 s").measurement("lag", 40, "s");
/// # let _ = (quick, slow);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Observation {
    pub(crate) status: Status,
    pub(crate) output: Option<String>,
    pub(crate) readings: Vec<Reading>,
}

impl Observation {
    /// Everything is as it should be.
    pub fn pass() -> Self {
        Self {
            status: Status::Pass,
            output: None,
            readings: Vec::new(),
        }
    }

    /// It works, but somebody should look at it; `output` says why.
    pub fn warn(output: impl Into<String>) -> Self {
        Self {
            status: Status::Warn,
            output: Some(output.into()),
            readings: Vec::new(),
        }
    }

    /// Adds the value that was read, with its unit; the report shows it under the check's name.
    pub fn value(
        mut self,
        value: impl Into<ObservedValue>,
        unit: impl Into<Cow<'static, str>>,
    ) -> Self {
        push_reading(&mut self.readings, None, value.into(), unit.into());
        self
    }

    /// Adds a further value; the report shows it under `{component}:{measurement}`.
    ///
    /// The draft predefines the measurements `utilization`, `responseTime`, `connections` and
    /// `uptime` (section 4). A colon in the name becomes a dot; an empty name or unit means that
    /// there is none.
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

    /// Pass or warn.
    pub fn status(&self) -> Status {
        self.status
    }

    /// The text of a warning, before redaction.
    pub fn output(&self) -> Option<&str> {
        self.output.as_deref()
    }

    /// The values that were read.
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }
}

/// So that a check which returns `Ok(())` passes.
impl From<()> for Observation {
    fn from((): ()) -> Self {
        Self::pass()
    }
}

/// Why a check failed.
///
/// Any error converts into it by `?`; its text and those of its [sources](Error::source) become
/// the `output` of the report. Like other catch-all error types it is not an [`Error`] itself.
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
    /// A failure with this text.
    pub fn new(output: impl Into<String>) -> Self {
        Self {
            output: output.into(),
            readings: Vec::new(),
        }
    }

    /// Adds the value that was read all the same; see [`Observation::value`].
    #[must_use]
    pub fn value(
        mut self,
        value: impl Into<ObservedValue>,
        unit: impl Into<Cow<'static, str>>,
    ) -> Self {
        push_reading(&mut self.readings, None, value.into(), unit.into());
        self
    }

    /// Adds a further value that was read; see [`Observation::measurement`].
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

    /// The text of the failure, before redaction.
    pub fn output(&self) -> &str {
        &self.output
    }

    /// The values that were read all the same.
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
    // The draft forbids a colon within a measurement name, and without a name it is the check's.
    let measurement = measurement
        .filter(|measurement| !measurement.is_empty())
        .map(|measurement| match measurement.contains(':') {
            true => Cow::Owned(measurement.replace(':', ".")),
            false => measurement,
        });
    readings.push(Reading {
        measurement,
        value,
        unit: Some(unit).filter(|unit| !unit.is_empty()),
    });
}

/// Joins an error and its sources by `: `, leaving out a source whose text its parent ends with,
/// as many libraries print their source themselves.
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
    fn a_failure_tells_the_whole_source_chain() {
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
    fn a_source_that_is_already_told_is_not_told_twice() {
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
