//! What goes into a statement and comes out of a row: numbers and texts, whatever the database.

/// A parameter of a statement, or a column of a row. `None` is NULL.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::recorder) enum Value {
    Int(Option<i64>),
    Text(Option<String>),
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(Some(number))
    }
}

impl From<Option<i64>> for Value {
    fn from(number: Option<i64>) -> Self {
        Self::Int(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Self {
        Self::Text(text.map(str::to_owned))
    }
}

#[derive(Clone, Debug)]
pub(in crate::recorder) struct Row(pub(super) Vec<Value>);

impl Row {
    /// Returns a number; `None` for NULL, and for a column that is not there or not a number.
    pub(in crate::recorder) fn int(&self, column: usize) -> Option<i64> {
        match self.0.get(column) {
            Some(Value::Int(number)) => *number,
            _ => None,
        }
    }

    /// Returns a count, where NULL is 0.
    pub(in crate::recorder) fn count(&self, column: usize) -> u64 {
        self.int(column).unwrap_or(0).try_into().unwrap_or(0)
    }

    pub(in crate::recorder) fn text(&self, column: usize) -> Option<&str> {
        match self.0.get(column) {
            Some(Value::Text(text)) => text.as_deref(),
            _ => None,
        }
    }
}

/// Runs a statement of text and parameters on a connection of sqlx, of either database.
macro_rules! query {
    ($sql:expr, $values:expr) => {{
        let mut query = sqlx::query(sqlx::AssertSqlSafe($sql));
        for value in $values {
            query = match value {
                $crate::recorder::database::Value::Int(number) => query.bind(number),
                $crate::recorder::database::Value::Text(text) => query.bind(text),
            };
        }
        query
    }};
}

pub(super) use query;
