//! Which images run the service that the settings are of, and what tells it from others.

use super::command::{Target, open_ports};
use super::finding::Findings;
use super::image::is_named;
use crate::settings::Settings;

/// Images that the user says run the service; empty if nobody said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Images(Vec<String>);

impl Images {
    pub(crate) fn add(&mut self, name: String) {
        self.0.push(name);
    }

    /// Whether this image runs the service; `None` if nobody said.
    pub(crate) fn decide(&self, image: &str) -> Option<bool> {
        let is_it = |name: &String| is_named(image, name);
        (!self.0.is_empty()).then(|| self.0.iter().any(is_it))
    }
}

/// Whether a probe asks a port or a path of the settings.
///
/// Not that of the summary: many a program answers under `/health`.
pub(crate) fn asks_own(target: &Target, settings: &Settings) -> bool {
    let is_own_path = |path: &String| {
        let bare = path.split('?').next().unwrap_or(path);
        settings.probe_at(path).is_some() && !settings.summary.iter().any(|own| own == bare)
    };
    target.port.is_some_and(|port| settings.opens(port))
        || target.path.as_ref().is_some_and(is_own_path)
}

/// Says that nothing of a file was looked at.
pub(crate) fn not_found(line: usize, settings: &Settings, found: &mut Findings) {
    found.warning(
        line,
        "service-not-found",
        format!(
            "no container names a port or a path of the service, so nothing was looked at{}. Name its \
             image with --image",
            open_ports(settings)
        ),
    );
}
