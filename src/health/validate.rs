//! Finds what cannot work in the settings and names of a builder.

use std::collections::{BTreeMap, HashSet};

use super::{Check, HealthBuilder};
use crate::model::{
    HealthConfig, Named, OptionFault, Probe, Problem, duration_problem, validate_name,
};

/// Reports every problem of the options and names. Those of a single check are reported when the
/// check is resolved.
pub(super) fn validate(builder: &HealthBuilder, problems: &mut Vec<Problem>) {
    validate_config(&builder.config, problems);
    validate_names(&builder.checks, &builder.gates, problems);
    validate_check_configs(builder, problems);
}

fn validate_config(config: &HealthConfig, problems: &mut Vec<Problem>) {
    for (option, duration) in [("ttl", config.ttl), ("timeout", config.timeout)] {
        problems.extend(duration_problem(None, option, duration));
    }
    // Both may be zero: a service without a load balancer has nothing to wait for.
    for (option, duration) in [
        ("drain_delay", config.drain_delay),
        ("drain_cap", config.drain_cap),
    ] {
        if !duration.is_zero() {
            problems.extend(duration_problem(None, option, duration));
        }
    }
    if !(0.0..=0.5).contains(&config.jitter) {
        let fault = OptionFault::Text("must be from 0 to 0.5");
        problems.push(Problem::option(None, "jitter", fault));
    }
}

/// A name is unique within its probe. Gates are listed among the startup checks of a report.
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

/// Settings exist only for checks that are registered or were allowed.
fn validate_check_configs(builder: &HealthBuilder, problems: &mut Vec<Problem>) {
    let registered = builder.checks.iter().filter_map(|(_, check)| check.name());
    let allowed = builder.configurable.iter().map(|name| &**name);
    let known: HashSet<_> = registered.chain(allowed).collect();
    let configured = builder.config.checks.keys();
    for name in configured.filter(|name| !known.contains(&***name)) {
        let of = "registered check for the settings of";
        problems.push(Problem::Unknown {
            of,
            name: name.clone(),
        });
    }
}

/// Returns the groups by name, and reports those that cannot work: each consists of readiness
/// checks.
pub(super) fn groups(
    given: Vec<(String, Vec<String>)>,
    checks: &[(Probe, Check)],
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, Vec<String>> {
    let readiness = checks
        .iter()
        .filter(|(probe, _)| *probe == Probe::Readiness);
    let known: HashSet<_> = readiness.filter_map(|(_, check)| check.name()).collect();
    let mut groups = BTreeMap::new();
    for (name, members) in given {
        for member in members.iter().filter(|member| !known.contains(&***member)) {
            problems.push(Problem::Unknown {
                of: "readiness check for a gRPC service",
                name: member.clone(),
            });
        }
        if groups.insert(name.clone(), members).is_some() {
            let of = Named::Service;
            problems.push(Problem::DuplicateName { of, name });
        }
    }
    #[cfg(feature = "grpc")]
    problems.extend(groups.keys().filter_map(|name| service_problem(name)));
    groups
}

/// Reports a service name that the application cannot have, since it always exists.
#[cfg(feature = "grpc")]
pub(super) fn service_problem(name: &str) -> Option<Problem> {
    crate::state::is_standard_service(name).then(|| Problem::DuplicateName {
        of: Named::Service,
        name: name.to_owned(),
    })
}
