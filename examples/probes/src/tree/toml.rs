//! TOML, whose tables and keys have spans.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Node, ParseError, Value};

/// Reads the text as one table.
///
/// # Errors
///
/// What is no TOML.
pub fn parse(text: &str) -> Result<Node, ParseError> {
    let table = DeTable::parse(text).map_err(|error| ParseError {
        line: line(text, error.span().map_or(0, |span| span.start)),
        message: error.message().to_owned(),
    })?;
    Ok(Node {
        line: 1,
        value: map(text, table.get_ref()),
    })
}

fn map(text: &str, table: &DeTable<'_>) -> Value {
    let mut entries: Vec<(usize, String, Node)> = table
        .iter()
        .map(|(key, value)| {
            let start = key.span().start;
            let mut node = node(text, value);
            node.line = line(text, start);
            (start, key.get_ref().to_string(), node)
        })
        .collect();
    // The parser sorts by key.
    entries.sort_by_key(|(start, ..)| *start);
    Value::Map(
        entries
            .into_iter()
            .map(|(_, key, node)| (key, node))
            .collect(),
    )
}

fn node(text: &str, value: &Spanned<DeValue<'_>>) -> Node {
    let inner = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| Value::Text(number.to_string()), Value::Int),
        DeValue::Float(number) => match number.as_str().parse() {
            Ok(number) => Value::Float(number),
            Err(_) => Value::Text(number.to_string()),
        },
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Datetime(time) => Value::Text(time.to_string()),
        DeValue::Array(items) => Value::List(items.iter().map(|item| node(text, item)).collect()),
        DeValue::Table(table) => map(text, table),
    };
    Node {
        line: line(text, value.span().start),
        value: inner,
    }
}

fn line(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn keys_have_their_lines_in_tables_and_arrays_of_tables() {
        let root = parse("a = 1\n\n[b]\nc = \"x\"\n[[d.e]]\nf = 2\n[[d.e]]\nf = 3\n").unwrap();
        assert_eq!(root.at(&["b", "c"]).unwrap().line, 4);
        let items = root.at(&["d", "e"]).unwrap().items();
        assert_eq!((items[1].line, items[1].get("f").unwrap().line), (7, 8));
        assert_eq!(items[1].int_of("f"), Some(3));
    }

    #[test]
    fn a_text_alone_is_a_list_of_one_and_a_number_in_a_list_is_read_as_it_is_written() {
        let root = parse("a = \"x\"\nb = [\"x\", 8080, [\"y\"], true]\nc = 1\n").unwrap();
        let texts = |key| root.get(key).unwrap().texts();
        assert_eq!(texts("a"), ["x"]);
        assert_eq!(texts("b"), ["x", "8080", "true"]);
        assert!(texts("c").is_empty());
    }

    #[test]
    fn what_is_no_toml_is_named_by_its_line() {
        assert_eq!(parse("a = 1\nb = \n").unwrap_err().line, 2);
    }
}
