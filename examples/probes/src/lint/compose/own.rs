//! Which service of a compose file is the one that the settings are of.

use crate::files::compose::Service;
use crate::files::healthcheck::Healthcheck;
use crate::lint::command;
use crate::lint::image::{self, Programs};
use crate::lint::own::{Images, asks_own};
use crate::settings::Settings;

/// Whether it names a port or a path of the settings, or nothing that points elsewhere.
pub(super) fn is_own(
    service: &Service,
    check: Option<&Healthcheck>,
    settings: &Settings,
    images: &Images,
) -> bool {
    let name = service.image.as_deref().unwrap_or_default();
    if let Some(is_own) = images.decide(name) {
        return is_own;
    }
    if is_something_else(service) {
        return false;
    }
    let target = check.map(|check| command::target(&check.test));
    let target = target.unwrap_or_default();
    let opens_own = settings.ports.values().any(|own| {
        let mut ports = service.ports.iter();
        ports.any(|ports| ports.targets.contains(own))
    });
    let points_elsewhere =
        !service.ports.is_empty() || target.port.is_some() || target.path.is_some();
    opens_own || asks_own(&target, settings) || !points_elsewhere
}

/// Whether the image is known, and is not that of the service.
pub(super) fn is_something_else(service: &Service) -> bool {
    let name = service.image.as_deref().unwrap_or_default();
    let is_base = matches!(Programs::of_image(name), Programs::Known { .. });
    let is_run_from_base = service.command.is_some() && service.healthcheck.is_some();
    service.build.is_none() && (image::is_third_party(name) || is_base && !is_run_from_base)
}
