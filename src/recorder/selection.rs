//! What a query asks for.

use crate::{Probe, Subject};

use super::Resolution;
use super::database::Value;

/// Selects whose history is returned.
///
/// A name alone selects the readiness check of this name.
///
/// ```
/// use tower_health::recorder::{Resolution, Selection};
///
/// let db: Selection = "db".into();
/// let here = Selection::check("db").instance("shop-1");
/// let in_hours = Selection::all().resolution(Resolution::Hour);
/// # let _ = (db, here, in_hours);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Selection {
    pub(super) service: Option<String>,
    instance: Option<String>,
    probe: Option<Probe>,
    check: Option<String>,
    pub(super) resolution: Option<Resolution>,
}

impl Selection {
    /// Selects every check, and for transitions every probe.
    pub fn all() -> Self {
        Self::default()
    }

    /// Selects a readiness check.
    pub fn check(name: impl Into<String>) -> Self {
        Self {
            probe: Some(Probe::Readiness),
            check: Some(name.into()),
            ..Self::default()
        }
    }

    /// Selects what belongs to this probe.
    pub fn probe(mut self, probe: Probe) -> Self {
        self.probe = Some(probe);
        self
    }

    /// Selects the check of this name of whatever probe.
    #[cfg(feature = "management")]
    pub(crate) fn any_probe(mut self) -> Self {
        self.probe = None;
        self
    }

    /// Selects a service. Default: that of the recorder; for an
    /// [`Archive`](super::Archive), [its own](super::Archive::service) or every service.
    pub fn service(mut self, name: impl Into<String>) -> Self {
        self.service = Some(name.into());
        self
    }

    /// Selects an instance. Default: all of them, summed up.
    pub fn instance(mut self, name: impl Into<String>) -> Self {
        self.instance = Some(name.into());
        self
    }

    /// Sets the finest resolution of the buckets. Default: by the age of the range.
    pub fn resolution(mut self, resolution: Resolution) -> Self {
        self.resolution = Some(resolution);
        self
    }

    /// Returns the condition on the table of series, with parameters from `$first` on.
    pub(super) fn condition(&self, first: usize) -> (String, Vec<Value>) {
        let columns = [
            ("service", self.service.as_deref()),
            ("instance", self.instance.as_deref()),
            ("probe", self.probe.map(Probe::as_str)),
            ("check_name", self.check.as_deref()),
        ];
        let (mut condition, mut values) = ("1 = 1".to_owned(), Vec::new());
        for (column, value) in columns {
            if let Some(value) = value {
                condition += &format!(" AND s.{column} = ${}", first + values.len());
                values.push(Value::from(value));
            }
        }
        (condition, values)
    }
}

impl From<&str> for Selection {
    fn from(check: &str) -> Self {
        Self::check(check)
    }
}

/// A check, or a probe as a whole.
impl From<&Subject> for Selection {
    fn from(subject: &Subject) -> Self {
        let (probe, check) = match subject {
            Subject::Probe(probe) => (*probe, String::new()),
            Subject::Check { probe, name } => (*probe, name.clone()),
        };
        Self::check(check).probe(probe)
    }
}
