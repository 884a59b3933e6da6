//! YAML: several documents, with anchors, and with the merge key `<<` that compose files use.

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};

use super::{Node, ParseError, Value};

/// Reads every document of the text.
///
/// # Errors
///
/// What is no YAML.
pub fn parse(text: &str) -> Result<Vec<Node>, ParseError> {
    let documents = MarkedYaml::load_from_str(text).map_err(|error| ParseError {
        line: error.marker().line(),
        message: error.info().to_owned(),
    })?;
    Ok(documents
        .iter()
        .map(|document| node(document, None))
        .collect())
}

/// `line` is that of the key above.
fn node(yaml: &MarkedYaml<'_>, line: Option<usize>) -> Node {
    let value = match &yaml.data {
        YamlData::Value(scalar) => self::scalar(scalar),
        YamlData::Representation(text, ..) => Value::Text(text.to_string()),
        YamlData::Sequence(items) => {
            Value::List(items.iter().map(|item| node(item, None)).collect())
        }
        YamlData::Mapping(entries) => {
            let mut own = Vec::new();
            let mut merged = Vec::new();
            for (key, value) in entries {
                let key_line = key.span.start.line();
                let Some(name) = node(key, None).written() else {
                    continue;
                };
                let value = node(value, Some(key_line));
                if name == "<<" {
                    merge(&mut merged, value);
                } else {
                    own.push((name, value));
                }
            }
            merged.retain(|(name, _)| own.iter().all(|(other, _)| other != name));
            own.append(&mut merged);
            Value::Map(own)
        }
        YamlData::Tagged(_, inner) => return node(inner, line),
        YamlData::Alias(_) | YamlData::BadValue => Value::Null,
    };
    Node {
        line: line.unwrap_or(yaml.span.start.line()),
        value,
    }
}

/// What stands first wins.
fn merge(into: &mut Vec<(String, Node)>, value: Node) {
    match value.value {
        Value::Map(entries) => {
            for (name, node) in entries {
                if into.iter().all(|(other, _)| *other != name) {
                    into.push((name, node));
                }
            }
        }
        Value::List(maps) => maps.into_iter().for_each(|map| merge(into, map)),
        _ => {}
    }
}

fn scalar(scalar: &Scalar<'_>) -> Value {
    match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(value) => Value::Bool(*value),
        Scalar::Integer(number) => Value::Int(*number),
        Scalar::FloatingPoint(number) => Value::Float((*number).into()),
        Scalar::String(text) => Value::Text(text.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn values_of_maps_have_the_line_of_their_key_in_every_document() {
        let documents = parse("a:\n  b: 1\n---\n# why\nc:\n- d: x\n  e: y\n").unwrap();
        assert_eq!(documents[0].get("a").unwrap().line, 1);
        assert_eq!(documents[0].at(&["a", "b"]).unwrap().line, 2);
        let item = &documents[1].items_of("c")[0];
        assert_eq!((item.line, item.get("e").unwrap().line), (6, 7));
    }

    #[test]
    fn a_merge_key_gives_what_the_map_does_not_have_itself() {
        let text = "x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3\n";
        let documents = parse(text).unwrap();
        let y = documents[0].get("y").unwrap();
        assert_eq!((y.int_of("a"), y.int_of("b")), (Some(1), Some(3)));
    }

    #[test]
    fn what_is_no_yaml_is_named_by_its_line() {
        assert_eq!(parse("a: 1\nb: [1, 2\nc: }\n").unwrap_err().line, 3);
    }
}
