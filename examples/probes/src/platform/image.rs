//! What stands for an image.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal as Kill;

use super::process::Process;

/// What stands for an image: its programs, and where its ports are on this machine.
#[derive(Clone, Debug, Default)]
pub struct Image {
    programs: BTreeMap<String, Vec<String>>,
    env: BTreeMap<String, String>,
    ports: BTreeMap<u16, u16>,
    folder: Option<PathBuf>,
    log: Option<PathBuf>,
    entrypoint: Vec<String>,
    /// `Some` if the image, or the file that runs it, names one.
    stop_signal: Option<String>,
}

impl Image {
    /// An image whose entry point is this program of this machine; `name` is its path in the image.
    pub fn new(name: &str, program: impl Into<PathBuf>) -> Self {
        let program = program.into().to_string_lossy().into_owned();
        let image = Self {
            entrypoint: vec![name.to_owned()],
            ..Self::default()
        };
        image.program(name, &[&program])
    }

    /// A program of the image, and the words that run it here.
    #[must_use]
    pub fn program(mut self, name: &str, words: &[&str]) -> Self {
        self.programs.insert(
            name.to_owned(),
            words.iter().map(|word| (*word).to_owned()).collect(),
        );
        self
    }

    /// A variable, which wins over that of a file.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.insert(name.to_owned(), value.into());
        self
    }

    /// Where a port of the container is on this machine, and the variable that tells the process.
    #[must_use]
    pub fn port(mut self, container: u16, here: u16, variable: &str) -> Self {
        self.ports.insert(container, here);
        self.env(variable, here.to_string())
    }

    /// The working directory.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// The file that output is appended to.
    #[must_use]
    pub fn log(mut self, file: impl Into<PathBuf>) -> Self {
        self.log = Some(file.into());
        self
    }

    /// `STOPSIGNAL`; SIGTERM by default.
    #[must_use]
    pub fn stop_signal(mut self, name: &str) -> Self {
        self.stop_signal = Some(name.to_owned());
        self
    }

    /// The port of this machine for one of the container.
    pub fn port_here(&self, container: u16) -> u16 {
        self.ports.get(&container).copied().unwrap_or(container)
    }

    /// The entry point of the image.
    pub fn entrypoint(&self) -> &[String] {
        &self.entrypoint
    }

    /// The words that run these words of the container here.
    fn resolve(&self, words: &[String]) -> Vec<String> {
        match words.split_first() {
            Some((program, rest)) => match self.programs.get(program) {
                Some(here) => here.iter().chain(rest).cloned().collect(),
                None => words.to_vec(),
            },
            None => Vec::new(),
        }
    }

    /// Starts these words of the container with variables of its file.
    ///
    /// # Errors
    ///
    /// What the system reports, and a `STOPSIGNAL` that is none.
    pub fn start(&self, words: &[String], env: &[(String, String)]) -> io::Result<Process> {
        let stop_signal = match &self.stop_signal {
            Some(name) => signal(name)?,
            None => Kill::TERM,
        };
        let words = self.resolve(words);
        // Whatever happens to this process, its child ends with it.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).args(&words);
        // A container knows nothing of the shell that the runner was started from.
        command
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .envs(env.iter().map(|(name, value)| (name, value)))
            .envs(&self.env);
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        let (out, error) = match &self.log {
            Some(path) => {
                let file = std::fs::OpenOptions::new()
                    .create(true)
                    .append(true)
                    .open(path)?;
                (Stdio::from(file.try_clone()?), Stdio::from(file))
            }
            None => (Stdio::null(), Stdio::null()),
        };
        let child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(error)
            .process_group(0)
            .spawn()?;
        Ok(Process::new(child, stop_signal))
    }

    /// Runs these words to their end, or kills them, and what they have started, at the timeout.
    ///
    /// # Errors
    ///
    /// What the system reports.
    pub fn run(
        &self,
        words: &[String],
        env: &[(String, String)],
        timeout: Duration,
    ) -> io::Result<Option<i32>> {
        let mut process = self.start(words, env)?;
        match process.wait(timeout)? {
            Some(status) => Ok(Some(status.code().unwrap_or(-1))),
            None => {
                process.kill();
                Ok(None)
            }
        }
    }
}

/// The signal with this name, `SIGQUIT` or `QUIT`, or with this number.
pub(super) fn signal(name: &str) -> io::Result<Kill> {
    let signal = match name.trim_start_matches("SIG") {
        "HUP" | "1" => Kill::HUP,
        "INT" | "2" => Kill::INT,
        "QUIT" | "3" => Kill::QUIT,
        "KILL" | "9" => Kill::KILL,
        "USR1" | "10" => Kill::USR1,
        "USR2" | "12" => Kill::USR2,
        "TERM" | "15" => Kill::TERM,
        "STOP" | "19" => Kill::STOP,
        "WINCH" | "28" => Kill::WINCH,
        _ => {
            let message = format!("{name:?} is no signal that ends a container");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
    };
    Ok(signal)
}
