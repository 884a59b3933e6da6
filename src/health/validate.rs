//! Finds settings and names of a builder that cannot work.

use std::collections::{BTreeMap, HashSet};

use super::check::slow_at_problem;
use super::{Check, HealthBuilder};
#[cfg(feature = "grpc")]
use crate::model::NameFault;
use crate::model::{
    HealthConfig, Limits, Named, OptionFault, Probe, Problem, duration_problem, validate_name,
};

/// Reports every problem of the options and names, except those of a single check, which
/// `Check::resolve` reports.
pub(super) fn validate(builder: &HealthBuilder, problems: &mut Vec<Problem>) {
    validate_config(&builder.config, problems);
    validate_names(&builder.checks, &builder.gates, problems);
    validate_check_configs(builder, problems);
}

fn validate_config(config: &HealthConfig, problems: &mut Vec<Problem>) {
    for (option, duration) in [("ttl", config.ttl), ("timeout", config.timeout)] {
        problems.extend(duration_problem(None, option, duration));
    }
    // Both may be zero: without a load balancer there is no reason to wait.
    for (option, duration) in [
        ("drain_delay", config.drain_delay),
        ("drain_cap", config.drain_cap),
    ] {
        if !duration.is_zero() {
            problems.extend(duration_problem(None, option, duration));
        }
    }
    problems.extend(slow_at_problem(None, config.slow_at));
    if !(0.0..=0.5).contains(&config.jitter) {
        let fault = OptionFault::Text("must be from 0 to 0.5");
        problems.push(Problem::option(None, "jitter", fault));
    }
    problems.extend(config.limits.problems());
}

/// Reports names that are invalid or not unique within their probe. Gates count as startup checks,
/// since a report lists both together.
fn validate_names(checks: &[(Probe, Check)], gates: &[String], problems: &mut Vec<Problem>) {
    let mut taken = HashSet::new();
    for gate in gates {
        if let Err(fault) = validate_name(gate) {
            problems.push(Problem::Name {
                of: Named::Gate,
                name: gate.clone(),
                fault,
            });
        }
        if !taken.insert((Probe::Startup, &**gate)) {
            problems.push(Problem::DuplicateName {
                of: Named::Gate,
                name: gate.clone(),
            });
        }
    }
    for (probe, check) in checks {
        let Some(name) = check.name() else { continue };
        if !taken.insert((*probe, name)) {
            let of = Named::Check(*probe);
            problems.push(Problem::DuplicateName {
                of,
                name: name.to_owned(),
            });
        }
    }
}

/// Reports settings for checks that are neither registered nor allowed.
fn validate_check_configs(builder: &HealthBuilder, problems: &mut Vec<Problem>) {
    let registered = builder.checks.iter().filter_map(|(_, check)| check.name());
    let allowed = builder.configurable.iter().map(|name| &**name);
    let known: HashSet<_> = registered.chain(allowed).collect();
    let configured = builder.config.checks.keys();
    for name in configured.filter(|name| !known.contains(&***name)) {
        problems.push(Problem::UnknownInSettings { name: name.clone() });
    }
}

/// Returns the groups by name and reports those that contain anything but readiness checks.
pub(super) fn groups(
    given: Vec<(String, Vec<String>)>,
    checks: &[(Probe, Check)],
    #[cfg_attr(not(feature = "grpc"), expect(unused_variables))] limits: &Limits,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, Vec<String>> {
    let readiness = checks
        .iter()
        .filter(|(probe, _)| *probe == Probe::Readiness);
    let known: HashSet<_> = readiness.filter_map(|(_, check)| check.name()).collect();
    let mut groups = BTreeMap::new();
    for (name, members) in given {
        for member in members.iter().filter(|member| !known.contains(&***member)) {
            problems.push(Problem::UnknownInService {
                service: name.clone(),
                name: member.clone(),
            });
        }
        if groups.insert(name.clone(), members).is_some() {
            let of = Named::Service;
            problems.push(Problem::DuplicateName { of, name });
        }
    }
    #[cfg(feature = "grpc")]
    problems.extend(
        groups
            .keys()
            .filter_map(|name| service_problem(name, limits)),
    );
    groups
}

/// Returns a problem if a service name is too long, or one of the standard names, which are always
/// taken.
#[cfg(feature = "grpc")]
pub(super) fn service_problem(name: &str, limits: &Limits) -> Option<Problem> {
    let (of, most) = (Named::Service, limits.service_name_bytes);
    let is_taken = crate::state::is_standard_service(name);
    let is_too_long = name.len() > most;
    let name = name.to_owned();
    if is_taken {
        return Some(Problem::DuplicateName { of, name });
    }
    let fault = NameFault::TooLong { most };
    is_too_long.then_some(Problem::Name { of, name, fault })
}
