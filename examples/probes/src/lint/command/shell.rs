//! Whether a shell stays in front of the service, and takes the signals that are meant for it.

use crate::files::healthcheck::Test;
use crate::lint::finding::Findings;
use crate::words::{self, Simple};

/// Says so if a shell stays in front of what these words, or this line, start.
pub(crate) fn shell_in_front(form: &Test, line: usize, found: &mut Findings) {
    let text = match form {
        Test::Exec(words) => shell_line(words),
        Test::Shell(text) => Some(text.as_str()),
        Test::Off => None,
    };
    if let Some(text) = text
        && shell_stays(text)
    {
        found.error(
            line,
            "shell-in-front",
            format!(
                "`{text}` runs in a shell, which takes SIGTERM and may not pass it on: without it nothing \
                 drains. Use the form with brackets, or `exec`"
            ),
        );
    }
}

/// The line that `sh -c` is given.
pub(crate) fn shell_line(words: &[String]) -> Option<&str> {
    let (shell, rest) = words.split_first()?;
    let shell = shell.rsplit('/').next()?;
    if !matches!(shell, "sh" | "bash" | "dash" | "ash") {
        return None;
    }
    let takes_line = |word: &String| !word.starts_with("--") && word.ends_with('c');
    let is_option = |word: &&String| word.starts_with('-') || *word == "pipefail";
    let options = rest.iter().take_while(is_option).count();
    let at = rest[..options].iter().position(takes_line)?;
    rest.get(at + 1).map(String::as_str)
}

/// Whether a shell that is given this line is there until the end: only `exec` takes its place.
fn shell_stays(line: &str) -> bool {
    let mut commands = words::commands(line);
    // What ends a compound command is none of its own.
    commands.retain(|command| {
        let word = command.words[0].as_str();
        !matches!(word, "fi" | "done" | "esac" | "}" | ";;")
    });
    let is_replaced = |command: Option<&Simple>| command.is_some_and(replaces_shell);
    !is_replaced(commands.first()) && !is_replaced(commands.last())
}

/// `exec program`, neither in a pipe nor in the background, where it replaces another process.
fn replaces_shell(command: &Simple) -> bool {
    let is_apart = |operators: &str| {
        matches!(operators, "|" | "(" | ")")
            || operators.ends_with('|') && !operators.ends_with("||")
            || operators.contains(')')
    };
    let is_background = command.after.starts_with('&') && !command.after.starts_with("&&");
    let mut words = command
        .words
        .iter()
        .map(String::as_str)
        .skip_while(|word| super::KEYWORDS.contains(word) || super::is_assignment(word));
    words.next() == Some("exec")
        && words.next().is_some_and(|word| !word.contains(['>', '<']))
        && !is_apart(&command.before)
        && !is_apart(&command.after)
        && !is_background
}

#[cfg(test)]
mod tests {
    use super::{shell_line, shell_stays};

    #[test]
    fn only_an_exec_that_is_not_the_end_of_a_pipe_takes_the_place_of_the_shell() {
        for line in [
            "exec ./service",
            "cd /app && exec ./service --mode production",
            "set -e; PORT=1 exec ./service",
            "exec ./service || exit 1",
            "if [ -f x ]; then exec ./a; else exec ./service; fi",
        ] {
            assert!(!shell_stays(line), "{line}");
        }
        for line in [
            "./service",
            "/app/migrate-exec && /app/service",
            "printf x | exec redis-server -",
            "exec ./service &",
            "(exec ./service)",
            "exec 2>&1; ./service",
            "exec ./service | tee log",
            "echo exec ./service; ./service",
        ] {
            assert!(shell_stays(line), "{line}");
        }
    }

    #[test]
    fn options_of_the_shell_may_stand_before_its_line() {
        let line = |text: &str| shell_line(&crate::words::split(text)).map(str::to_owned);
        assert_eq!(line("sh -c 'a b'").as_deref(), Some("a b"));
        assert_eq!(line("/bin/bash -eo pipefail -c a").as_deref(), Some("a"));
        assert_eq!(line("sh -ec a").as_deref(), Some("a"));
        assert_eq!(line("sh script.sh -c a"), None);
    }
}
