//! Variables of a compose file, and of the files that it names.

use std::path::Path;

use crate::files::kubernetes::pairs;
use crate::tree::Node;

/// `environment`, as a map or as a list.
pub(super) fn environment(node: &Node) -> Vec<(String, String)> {
    let listed = node
        .items()
        .iter()
        .filter_map(Node::text)
        .filter_map(|pair| pair.split_once('='));
    let listed = listed.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let all = pairs(node).into_iter().chain(listed);
    all.map(|(name, value)| (name, interpolated(&value)))
        .collect()
}

/// Variables of the files that `env_file` names; those of `environment` win.
pub(super) fn env_files(node: &Node, folder: Option<&Path>) -> Vec<(String, String)> {
    let (Some(files), Some(folder)) = (node.get("env_file"), folder) else {
        return Vec::new();
    };
    let path = |file: &Node| {
        file.text()
            .or_else(|| file.text_of("path"))
            .map(str::to_owned)
    };
    let names = path(files)
        .into_iter()
        .chain(files.items().iter().filter_map(path));
    // What is missing, compose itself reports.
    let texts = names.filter_map(|name| std::fs::read_to_string(folder.join(name)).ok());
    texts.flat_map(|text| env_file(&text)).collect()
}

/// `NAME=value` by line, with `export`, quotes and comments.
fn env_file(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().map(str::trim_start);
    let pairs = lines
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='));
    pairs
        .map(|(name, value)| {
            let name = name.trim();
            let name = name.strip_prefix("export ").unwrap_or(name).trim();
            (name.to_owned(), env_value(value.trim()))
        })
        .collect()
}

fn env_value(value: &str) -> String {
    let quoted = |quote: char| Some(value.strip_prefix(quote)?.split_once(quote)?.0.to_owned());
    if let Some(literal) = quoted('\'') {
        return literal;
    }
    let text = quoted('"').unwrap_or_else(|| {
        let text = value.split_once(" #").map_or(value, |(text, _)| text);
        text.trim_end().to_owned()
    });
    interpolated(&text)
}

/// The text as compose reads it when no variable is set: `$$` is a dollar, `${NAME:-text}` the text,
/// and every other variable is empty.
pub(super) fn interpolated(text: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        result.push_str(before);
        rest = if let Some(after) = after.strip_prefix('$') {
            result.push('$');
            after
        } else if let Some(after) = after.strip_prefix('{') {
            let (variable, after) = after.split_once('}').unwrap_or((after, ""));
            let name = variable.find(|c| !is_of_name(c)).unwrap_or(variable.len());
            let default = variable[name..].trim_start_matches(':').strip_prefix('-');
            result.push_str(default.unwrap_or_default());
            after
        } else {
            after.trim_start_matches(is_of_name)
        };
    }
    result + rest
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::{env_file, interpolated};

    #[test]
    fn texts_are_read_as_compose_reads_them_without_a_variable() {
        for (text, read) in [
            ("${TAG:-latest}", "latest"),
            ("a${TAG-b}c", "abc"),
            ("${PASSWORD:?set it}", ""),
            ("$NAME/x", "/x"),
            (
                "test \"$$(redis-cli ping)\" = PONG",
                "test \"$(redis-cli ping)\" = PONG",
            ),
            ("a $$$$ b", "a $$ b"),
        ] {
            assert_eq!(interpolated(text), read, "{text}");
        }
    }

    #[test]
    fn values_of_a_file_of_variables_may_be_quoted_and_commented() {
        let text = "# no\nexport A=\"1 s\" # why\nB='$x'\nC=2 # why\nD=\n";
        let read = env_file(text);
        let pairs: Vec<_> = read.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(pairs, [("A", "1 s"), ("B", "$x"), ("C", "2"), ("D", "")]);
    }
}
