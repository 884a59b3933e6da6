//! What is known of the image of a service.

use std::path::Path;

use crate::files::compose::{Build, Service};
use crate::files::dockerfile::{self, Dockerfile};
use crate::files::healthcheck::Healthcheck;
use crate::lint::image::Programs;

/// The image that a service runs.
pub(super) struct Image {
    pub(super) programs: Programs,
    pub(super) check: Option<Healthcheck>,
    /// Whether a missing health check is known to be missing.
    pub(super) is_known: bool,
}

impl Image {
    /// `folder` is that of the compose file.
    pub(super) fn of(service: &Service, folder: Option<&Path>) -> Self {
        if let Some(build) = &service.build {
            let file = folder.and_then(|folder| read_dockerfile(build, folder));
            let stage = file
                .as_ref()
                .and_then(|file| Some((file, file.target(build.target.as_deref())?)));
            return match stage {
                Some((file, stage)) => Self {
                    programs: Programs::of_stage(file, stage),
                    check: file.healthcheck(stage),
                    is_known: true,
                },
                None => Self {
                    programs: Programs::Unknown,
                    check: None,
                    is_known: false,
                },
            };
        }
        let image = service.image.as_deref().unwrap_or_default();
        let programs = Programs::of_image(image);
        Self {
            is_known: matches!(programs, Programs::Known { .. }),
            programs,
            check: None,
        }
    }
}

fn read_dockerfile(build: &Build, folder: &Path) -> Option<Dockerfile> {
    let folder = folder.join(&build.context);
    let text = std::fs::read_to_string(folder.join(&build.dockerfile)).ok()?;
    Some(dockerfile::parse(&text))
}
