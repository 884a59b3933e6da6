//! Says what will go wrong, with the file, the line and the name that is to blame.
//!
//! Each finding has a rule. A comment `probe-lint: allow RULE` on the line, or on the one above it,
//! says that it is meant so.

mod command;
mod compose;
mod docker;
mod finding;
mod fly;
mod grace;
mod image;
mod kubernetes;
mod own;
mod railway;

use std::path::{Path, PathBuf};

pub use finding::{Finding, RULES, Severity};

use crate::files::{dockerfile, fly as fly_file, railway as railway_file};
use crate::settings::Settings;
use crate::tree::{self, ParseError};
use finding::Findings;
use image::Programs;
use own::Images;

/// What kind of file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A manifest, of one or more documents.
    Kubernetes,
    /// A compose file.
    Compose,
    /// `fly.toml`.
    Fly,
    /// `railway.toml` or `railway.json`.
    Railway,
    /// A Dockerfile.
    Dockerfile,
}

impl Kind {
    /// Recognises a file by its name, and YAML by what is in it.
    pub fn of(path: &Path, text: &str) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        if name.contains("dockerfile") || name.contains("containerfile") {
            return Some(Self::Dockerfile);
        }
        if name.contains("railway") {
            return Some(Self::Railway);
        }
        if name.ends_with(".toml") {
            return Some(if text.contains("healthcheckPath") {
                Self::Railway
            } else {
                Self::Fly
            });
        }
        let starts = |key: &str| text.lines().any(|line| line.starts_with(key));
        if starts("apiVersion:") || starts("kind:") {
            return Some(Self::Kubernetes);
        }
        starts("services:").then_some(Self::Compose)
    }
}

/// Whether the linter leaves this file out: Kustomize's own, which has no probes but patches.
pub fn is_left_out(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    matches!(
        name,
        Some("kustomization.yaml" | "kustomization.yml" | "Kustomization")
    )
}

/// One look at files that belong together, such as those of a folder of manifests.
#[derive(Debug)]
pub struct Linter {
    settings: Settings,
    dockerfile: Option<PathBuf>,
    images: Images,
}

/// A file that could not be looked at.
#[derive(Debug)]
pub enum LintError {
    /// It could not be read.
    Read(PathBuf, std::io::Error),
    /// It is not what its name says.
    Parse(PathBuf, ParseError),
    /// Its kind is not known.
    Unknown(PathBuf),
}

impl std::fmt::Display for LintError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Read(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Parse(path, error) => {
                write!(f, "{}:{}: {}", path.display(), error.line, error.message)
            }
            Self::Unknown(path) => write!(
                f,
                "{}: neither a manifest nor a compose, fly, railway or Docker file",
                path.display()
            ),
        }
    }
}

impl std::error::Error for LintError {}

impl Linter {
    /// Takes the settings of the service.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            dockerfile: None,
            images: Images::default(),
        }
    }

    /// Takes the Dockerfile of the service's image, where a file names the image alone.
    #[must_use]
    pub fn dockerfile(mut self, path: impl Into<PathBuf>) -> Self {
        self.dockerfile = Some(path.into());
        self
    }

    /// Takes the name of an image that runs the service, with or without its registry and tag. All
    /// other images run something else then; otherwise ports and paths tell.
    #[must_use]
    pub fn image(mut self, name: impl Into<String>) -> Self {
        self.images.add(name.into());
        self
    }

    /// Looks at these files, but for those of [`is_left_out`]. Manifests are looked at together, since a Service and the pods behind it
    /// often stand in two files.
    ///
    /// # Errors
    ///
    /// The first file that cannot be read.
    pub fn lint(&self, paths: &[PathBuf]) -> Result<Vec<Finding>, LintError> {
        let mut manifests = Vec::new();
        let mut all = Vec::new();
        for path in paths.iter().filter(|path| !is_left_out(path)) {
            let text = read(path)?;
            let kind = Kind::of(path, &text).ok_or_else(|| LintError::Unknown(path.clone()))?;
            let wrong = |error| LintError::Parse(path.clone(), error);
            let mut found = Findings::new(path);
            let settings = &self.settings;
            match kind {
                Kind::Kubernetes => {
                    manifests.push((path, tree::parse_yaml(&text).map_err(wrong)?, text));
                    continue;
                }
                Kind::Compose => {
                    let documents = tree::parse_yaml(&text).map_err(wrong)?;
                    for document in &documents {
                        compose::lint(document, path, settings, &self.images, &mut found);
                    }
                }
                Kind::Fly => {
                    let root = tree::parse_toml(&text).map_err(wrong)?;
                    fly::lint(&fly_file::read(&root), settings, &mut found);
                }
                Kind::Railway => {
                    let root = match tree::parse_toml(&text) {
                        Err(_) if text.trim_start().starts_with('{') => tree::parse_yaml(&text)
                            .map_err(wrong)?
                            .into_iter()
                            .next()
                            .ok_or_else(|| LintError::Unknown(path.clone()))?,
                        parsed => parsed.map_err(wrong)?,
                    };
                    railway::lint(&railway_file::read(&root), settings, &mut found);
                }
                Kind::Dockerfile => docker::lint(&dockerfile::parse(&text), settings, &mut found),
            }
            all.extend(found.allowed_by(&text));
        }
        let programs = match &self.dockerfile {
            Some(path) => Programs::of(&dockerfile::parse(&read(path)?), None),
            None => Programs::Unknown,
        };
        all.extend(kubernetes::lint(
            &manifests,
            &self.settings,
            &self.images,
            &programs,
        ));
        all.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        Ok(all)
    }
}

fn read(path: &Path) -> Result<String, LintError> {
    std::fs::read_to_string(path).map_err(|error| LintError::Read(path.to_owned(), error))
}
