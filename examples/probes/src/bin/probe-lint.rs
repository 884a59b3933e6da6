//! `probe-lint [--settings FILE] [--dockerfile FILE] [--image NAME]... FILE...`
//!
//! Exit code 0 if nothing was found, 1 if something was, 2 if a file could not be read.

use std::path::PathBuf;
use std::process::ExitCode;

use tower_health_probes::lint::{self, LintError, Linter};
use tower_health_probes::settings::Settings;

const USAGE: &str = "\
usage: probe-lint [--settings FILE] [--dockerfile FILE] [--image NAME]... FILE...

Says what will go wrong with the probes of Kubernetes manifests, compose files, fly.toml,
railway.toml and Dockerfiles.

  --settings FILE    what `service settings` prints; `-` reads it from stdin
  --dockerfile FILE  the Dockerfile of the image that manifests name
  --image NAME       an image that runs the service; otherwise ports and paths tell

exit codes: 0 nothing found, 1 something found, 2 a file cannot be read
";

fn main() -> ExitCode {
    match run() {
        Ok(0) => ExitCode::SUCCESS,
        Ok(count) => {
            eprintln!("{count} found");
            ExitCode::from(1)
        }
        Err(message) => {
            eprintln!("probe-lint: {message}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<usize, String> {
    let mut settings = Settings::default();
    let mut dockerfile = None;
    let mut images = Vec::new();
    let mut paths = Vec::new();
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--help" | "-h" => {
                print!("{USAGE}");
                return Ok(0);
            }
            "--settings" => {
                let path = args.next().ok_or("--settings needs a file")?;
                let text = match path.as_str() {
                    "-" => std::io::read_to_string(std::io::stdin()),
                    path => std::fs::read_to_string(path),
                };
                let text = text.map_err(|error| format!("{path}: {error}"))?;
                settings = Settings::parse(&text).map_err(|error| format!("{path}: {error}"))?;
            }
            "--dockerfile" => dockerfile = Some(args.next().ok_or("--dockerfile needs a file")?),
            "--image" => images.push(args.next().ok_or("--image needs a name")?),
            option if option.starts_with("--") => {
                return Err(format!("unknown option {option}\n{USAGE}"));
            }
            path => paths.push(PathBuf::from(path)),
        }
    }
    if paths.is_empty() {
        return Err(format!("no file\n{USAGE}"));
    }
    let mut linter = Linter::new(settings);
    if let Some(path) = dockerfile {
        linter = linter.dockerfile(path);
    }
    for name in images {
        linter = linter.image(name);
    }
    for path in paths.iter().filter(|path| lint::is_left_out(path)) {
        eprintln!("{}: left out, patches are not applied", path.display());
    }
    let mut unknown = Vec::new();
    let findings = loop {
        match linter.lint(&paths) {
            Ok(findings) => break findings,
            // A pattern of the shell took it along: the others are looked at all the same.
            Err(LintError::Unknown(path)) => {
                paths.retain(|other| *other != path);
                unknown.push(LintError::Unknown(path).to_string());
            }
            Err(error) => return Err(error.to_string()),
        }
    };
    for finding in &findings {
        println!("{finding}");
    }
    if unknown.is_empty() {
        Ok(findings.len())
    } else {
        Err(unknown.join("\n"))
    }
}
