//! A real Chromium, in a process of its own that ends with this one.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

/// Drives one browser with one page at a time. Its methods block.
pub(super) struct Browser {
    driver: Child,
    /// `None` once the browser is to end.
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// How a page is opened.
#[derive(Clone, Copy)]
pub(super) struct Window {
    pub(super) width: u32,
    pub(super) is_dark: bool,
    pub(super) has_script: bool,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            width: 1280,
            is_dark: false,
            has_script: true,
        }
    }
}

impl Browser {
    /// Starts it and opens a page.
    pub(super) fn open(url: &str) -> Self {
        Self::open_in(Window::default(), url)
    }

    pub(super) fn open_in(window: Window, url: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
        assert!(
            folder.join("node_modules").exists(),
            "there are no node_modules: .ci/test installs them"
        );
        let mut driver = Command::new("node")
            .arg(folder.join("driver.mjs"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("there is no `node`: .ci/test installs it");
        let mut browser = Self {
            commands: driver.stdin.take(),
            answers: BufReader::new(driver.stdout.take().unwrap()),
            driver,
        };
        browser.go(window, url);
        browser
    }

    /// Opens another page, in a profile of its own.
    pub(super) fn go(&mut self, window: Window, url: &str) {
        let scheme = if window.is_dark { "dark" } else { "light" };
        let (width, script) = (window.width, window.has_script);
        self.ask(&json!({
            "do": "open", "url": url, "width": width, "scheme": scheme, "script": script,
        }));
    }

    /// Returns the value of an expression in the page.
    pub(super) fn get(&mut self, expression: &str) -> Value {
        self.ask(&json!({ "do": "evaluate", "expression": expression }))
    }

    pub(super) fn text(&mut self, expression: &str) -> String {
        let value = self.get(expression);
        value
            .as_str()
            .unwrap_or_else(|| panic!("{expression}: {value}"))
            .to_owned()
    }

    pub(super) fn number(&mut self, expression: &str) -> u64 {
        let value = self.get(expression);
        value
            .as_u64()
            .unwrap_or_else(|| panic!("{expression}: {value}"))
    }

    /// Waits until an expression holds.
    pub(super) fn wait(&mut self, expression: &str) {
        self.ask(&json!({ "do": "wait", "expression": expression }));
    }

    pub(super) fn press(&mut self, key: &str) {
        self.ask(&json!({ "do": "press", "key": key }));
    }

    /// Panics if axe finds anything.
    #[track_caller]
    pub(super) fn assert_accessible(&mut self, what: &str) {
        let found = self.ask(&json!({ "do": "axe" }));
        assert_eq!(found, json!([]), "{what}");
    }

    /// Panics if the page did anything that it must not do: asked another origin, broke its policy,
    /// threw an error, or opened a dialog.
    #[track_caller]
    pub(super) fn assert_well_behaved(&mut self, origin: &str) {
        let log = self.log();
        for (what, expected) in [
            ("violations", json!([])),
            ("errors", json!([])),
            ("dialogs", json!([])),
        ] {
            assert_eq!(log[what], expected, "{what}");
        }
        let requests = log["requests"].as_array().unwrap();
        let foreign = requests
            .iter()
            .filter(|url| !url.as_str().unwrap().starts_with(origin));
        assert_eq!(foreign.count(), 0, "{requests:?}");
        assert!(!requests.is_empty());
    }

    pub(super) fn log(&mut self) -> Value {
        self.ask(&json!({ "do": "log" }))
    }

    #[track_caller]
    fn ask(&mut self, command: &Value) -> Value {
        let commands = self.commands.as_mut().unwrap();
        writeln!(commands, "{command}").expect("the driver has ended");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        let mut answer: Value = serde_json::from_str(&answer)
            .unwrap_or_else(|_| panic!("the driver has ended; .ci/test installs chromium"));
        if let Some(failed) = answer.get("failed") {
            panic!("{command}: {}", failed.as_str().unwrap_or_default());
        }
        answer["done"].take()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver closes the browser at the end of its input.
        drop(self.commands.take());
        let _ = self.driver.wait();
    }
}
