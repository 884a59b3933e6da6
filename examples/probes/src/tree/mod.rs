//! YAML and TOML as one tree, each value with the line that it stands on.

mod toml;
mod yaml;

pub use toml::parse as parse_toml;
pub use yaml::parse as parse_yaml;

/// A value and its line.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The line of the key, for a value of a map, and otherwise its own; the first line is 1.
    pub line: usize,
    /// What stands there.
    pub value: Value,
}

/// What YAML and TOML have in common.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing, as after a key of YAML without a value.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a point.
    Float(f64),
    /// Every other scalar.
    Text(String),
    /// Values in order.
    List(Vec<Node>),
    /// Values by key, in the order of the file.
    Map(Vec<(String, Node)>),
}

/// A file that cannot be read as what it claims to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Where; the first line is 1.
    pub line: usize,
    /// Why.
    pub message: String,
}

impl std::fmt::Display for ParseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for ParseError {}

impl Node {
    /// The value below this key, unless it is null.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let (_, node) = self.entries().iter().find(|(name, _)| name == key)?;
        (node.value != Value::Null).then_some(node)
    }

    /// The value below these keys, one within the other.
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The keys and values of a map; nothing for all else.
    pub fn entries(&self) -> &[(String, Self)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The values of a list; nothing for all else.
    pub fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The line of the deepest of these keys, one within the other, that is there.
    pub(crate) fn line_at(&self, path: &[&str]) -> usize {
        let mut node = self;
        for key in path {
            let Some(below) = node.get(key) else {
                break;
            };
            node = below;
        }
        node.line
    }

    /// A text.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A scalar as it would be written.
    pub fn written(&self) -> Option<String> {
        match &self.value {
            Value::Text(text) => Some(text.clone()),
            Value::Int(number) => Some(number.to_string()),
            Value::Float(number) => Some(number.to_string()),
            Value::Bool(value) => Some(value.to_string()),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The scalars of a list as they would be written; nothing for all else.
    pub(crate) fn scalars(&self) -> Vec<String> {
        self.items().iter().filter_map(Self::written).collect()
    }

    /// A text alone, or the scalars of a list.
    pub(crate) fn texts(&self) -> Vec<String> {
        match self.text() {
            Some(text) => vec![text.to_owned()],
            None => self.scalars(),
        }
    }

    /// A whole number, or a text that is one.
    pub fn int(&self) -> Option<i64> {
        match &self.value {
            Value::Int(number) => Some(*number),
            Value::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// A truth value.
    pub fn bool(&self) -> Option<bool> {
        match self.value {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// The text below this key.
    pub fn text_of(&self, key: &str) -> Option<&str> {
        self.get(key)?.text()
    }

    /// The whole number below this key.
    pub fn int_of(&self, key: &str) -> Option<i64> {
        self.get(key)?.int()
    }

    /// The items of the list below this key.
    pub fn items_of(&self, key: &str) -> &[Self] {
        self.get(key).map_or(&[], Self::items)
    }
}
