//! Servers as children that end with the test, and programs that run to their end.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A program that ends with the test.
pub(crate) struct Program(pub(crate) Child);

impl Program {
    pub(crate) fn start(words: &[&str], log: &Path) -> Self {
        let file = std::fs::File::create(log).unwrap();
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).args(words);
        command
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file);
        Self(
            command
                .spawn()
                .unwrap_or_else(|error| panic!("{words:?}: {error}")),
        )
    }

    pub(crate) fn signal(&self, signal: &str) {
        run("kill", &[&format!("-{signal}"), &self.0.id().to_string()]);
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Servers end their workers on SIGTERM; what does not end is killed.
        self.signal("TERM");
        for _ in 0..200 {
            if self.0.try_wait().ok().flatten().is_some() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The output of a program that has to succeed.
pub(crate) fn run(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() || program == "kill",
        "{program} {args:?}: {text}{errors}"
    );
    text
}

/// A certificate of its own for `api.example.com`: chain, key, and both in one file.
pub(crate) fn certificate(folder: &Path) -> (PathBuf, PathBuf, PathBuf) {
    let (chain, key) = (folder.join("fullchain.pem"), folder.join("privkey.pem"));
    run(
        "openssl",
        &[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=api.example.com",
            "-addext",
            "subjectAltName=DNS:api.example.com,IP:127.0.0.1",
            "-keyout",
            key.to_str().unwrap(),
            "-out",
            chain.to_str().unwrap(),
        ],
    );
    let both = folder.join("service.pem");
    let text = std::fs::read_to_string(&chain).unwrap() + &std::fs::read_to_string(&key).unwrap();
    std::fs::write(&both, text).unwrap();
    (chain, key, both)
}
