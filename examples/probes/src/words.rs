//! Splits a line into words and commands as a shell does, without expanding anything.

/// A command of a line for a shell, without the pipes and lists around it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Simple {
    /// Its words; quotes and backslashes are taken off.
    pub(crate) words: Vec<String>,
    /// The operator before it; empty for the first one.
    pub(crate) before: String,
    /// The operator after it; empty for the last one.
    pub(crate) after: String,
}

/// The words of a line; quotes and backslashes are taken off.
pub(crate) fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(char) = chars.next() {
        match (quote, char) {
            (Some(open), _) if char == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(char);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(chars.next()),
            (None, _) if char.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word);
    words
}

/// The commands of a line for a shell, in order.
pub(crate) fn commands(line: &str) -> Vec<Simple> {
    let mut all: Vec<Simple> = Vec::new();
    let mut before = String::new();
    for (text, operator) in parts(line) {
        let words = split(text);
        if words.is_empty() {
            before = operator.to_owned();
            // `(a) | b` and `a ; (b)`: what stands beside a bracket belongs to the command before too.
            if let Some(last) = all.last_mut() {
                last.after.push_str(operator);
            }
            continue;
        }
        all.push(Simple {
            words,
            before: std::mem::replace(&mut before, operator.to_owned()),
            after: operator.to_owned(),
        });
    }
    all
}

/// Texts between operators, each with the operator that follows it.
fn parts(line: &str) -> Vec<(&str, &str)> {
    let bytes = line.as_bytes();
    let is_operator = |at: usize| match bytes.get(at) {
        Some(b'|' | b';' | b'\n' | b'(' | b')') => true,
        // `2>&1`, `<&3` and `&>file` redirect.
        Some(b'&') => {
            let is_descriptor = at > 0 && matches!(bytes[at - 1], b'>' | b'<');
            !is_descriptor && bytes.get(at + 1) != Some(&b'>')
        }
        _ => false,
    };
    let mut all = Vec::new();
    let (mut start, mut at) = (0, 0);
    let mut quote = None;
    while at < bytes.len() {
        let byte = bytes[at];
        match quote {
            Some(open) if byte == open => quote = None,
            Some(b'"') | None if byte == b'\\' => at += 1,
            Some(_) => {}
            None if byte == b'"' || byte == b'\'' => quote = Some(byte),
            None if is_operator(at) => {
                let is_double = matches!(byte, b'&' | b'|') && bytes.get(at + 1) == Some(&byte);
                let end = at + 1 + usize::from(is_double);
                all.push((&line[start..at], &line[at..end]));
                start = end;
                at = end - 1;
            }
            None => {}
        }
        at += 1;
    }
    all.push((&line[start..], ""));
    all
}

#[cfg(test)]
mod tests {
    fn words(line: &str) -> Vec<String> {
        let commands = super::commands(line).into_iter();
        commands.map(|command| command.words.join(" ")).collect()
    }

    #[test]
    fn quotes_hold_words_together_and_operators_part_commands() {
        assert_eq!(super::split("a 'b c' \"d e\"f"), ["a", "b c", "d ef"]);
        assert_eq!(
            words("curl -f 'http://x/?a&b' || exit 1"),
            ["curl -f http://x/?a&b", "exit 1"]
        );
    }

    #[test]
    fn redirections_part_nothing() {
        assert_eq!(words("a >/dev/null 2>&1 && b"), ["a >/dev/null 2>&1", "b"]);
        assert_eq!(words("a &>file; b"), ["a &>file", "b"]);
    }

    #[test]
    fn a_command_knows_the_operators_beside_it() {
        let all = super::commands("a | b && c &");
        let operators: Vec<_> = all
            .iter()
            .map(|command| (command.before.as_str(), command.after.as_str()))
            .collect();
        assert_eq!(operators, [("", "|"), ("|", "&&"), ("&&", "&")]);
    }
}
