//! The path table: which path belongs to which probe, and what reaches the inner service.
//!
//! An input is a list of lines:
//!
//! ```text
//! prefix /internal
//! liveness /alive
//! readiness /ready
//! details
//! get /internal/alive?x
//! ```

use std::cell::Cell;
use std::convert::Infallible;

use futures_util::FutureExt;
use http::{Request, Response, Uri};
use tower::{Layer, Service, service_fn};
use tower_health::{Details, HealthLayer, LayerConfig, Probe};

use crate::app::{APP, App, ENTRIES};

pub fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut config = LayerConfig::default();
    let mut configured = Vec::new();
    let mut targets = Vec::new();
    let mut details = false;
    for line in text.split('\n') {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let probe = match word {
            "prefix" => {
                config.prefix = rest.to_owned();
                continue;
            }
            "liveness" => Probe::Liveness,
            "readiness" => Probe::Readiness,
            "startup" => Probe::Startup,
            "details" => {
                details = true;
                continue;
            }
            "get" => {
                targets.push(rest);
                continue;
            }
            _ => continue,
        };
        let paths = paths_mut(&mut config, probe);
        if !configured.contains(&probe) {
            configured.push(probe);
            paths.clear();
        }
        paths.push(rest.to_owned());
    }

    let policy = if details {
        Details::always()
    } else {
        Details::never()
    };
    let builder = HealthLayer::builder(APP.health.clone());
    let layer = builder.config(config.clone()).details(policy).build();
    let model = Model::of(config, details);
    match (layer, model) {
        (Ok(layer), Some(model)) => {
            for target in targets {
                request(&layer, &model, target);
            }
        }
        (Err(error), None) => assert!(error.is_path(), "{error}"),
        (Ok(_), None) => panic!("a path that cannot work is accepted"),
        (Err(error), Some(_)) => panic!("a path that can work is refused: {error}"),
    }
}

fn paths_mut(config: &mut LayerConfig, probe: Probe) -> &mut Vec<String> {
    match probe {
        Probe::Liveness => &mut config.liveness,
        Probe::Readiness => &mut config.readiness,
        _ => &mut config.startup,
    }
}

/// A table of whole paths.
struct Model {
    paths: Vec<(String, Probe)>,
    details: bool,
}

#[derive(Debug, PartialEq)]
enum Route<'a> {
    Probe(Probe),
    Grpc,
    /// A check that exists, with its code.
    Check(&'a str, u16),
    Inner,
}

impl Model {
    /// Returns `None` if the settings cannot work.
    fn of(mut config: LayerConfig, details: bool) -> Option<Self> {
        let prefix = config.prefix.clone();
        let prefix = prefix.strip_suffix('/').unwrap_or(&prefix);
        let mut all: Vec<(String, Probe)> = Vec::new();
        let mut works = prefix.is_empty() || can_be_requested(prefix);
        for probe in [Probe::Liveness, Probe::Readiness, Probe::Startup] {
            for path in paths_mut(&mut config, probe) {
                works &= can_be_requested(path);
                all.push((format!("{prefix}{path}"), probe));
            }
        }
        for (path, probe) in &all {
            works &= !all.iter().any(|(other, of)| path == other && probe != of);
        }
        works.then_some(Self {
            paths: all,
            details,
        })
    }

    fn route<'a>(&self, path: &'a str) -> Route<'a> {
        let probe = |path: &str| {
            let found = self.paths.iter().find(|(other, _)| other == path);
            found.map(|(_, probe)| *probe)
        };
        if let Some(probe) = probe(path) {
            return Route::Probe(probe);
        }
        if path.starts_with("/grpc.health.v1.Health/") {
            return Route::Grpc;
        }
        match path.rsplit_once('/') {
            Some((parent, name)) if self.details && !name.is_empty() => {
                let code = probe(parent).and_then(|probe| check_code(probe, name));
                // The application may have a path there.
                code.map_or(Route::Inner, |code| Route::Check(name, code))
            }
            _ => Route::Inner,
        }
    }
}

fn can_be_requested(path: &str) -> bool {
    let is_whole = |uri: Uri| uri.path() == path && uri.query().is_none();
    path.starts_with('/')
        && path.bytes().all(|byte| byte.is_ascii_graphic())
        && path.parse().is_ok_and(is_whole)
}

fn request(layer: &HealthLayer, model: &Model, target: &str) {
    // The caller of `answer` may pass anything.
    let _ = layer.answer("GET", target, None, [("host", "localhost")]);
    let Ok(request) = Request::get(target).body(String::new()) else {
        return;
    };
    let path = request.uri().path().to_owned();
    let route = model.route(&path);
    let is_probe = matches!(route, Route::Probe(_) | Route::Grpc);
    assert_eq!(layer.is_probe(&request), is_probe, "{path}");

    let expected = match route {
        Route::Probe(probe) => {
            let healthy = App::status(probe).is_healthy();
            if healthy { 200 } else { 503 }
        }
        // No gRPC call is a GET.
        Route::Grpc => 405,
        Route::Check(_, code) => code,
        Route::Inner => 299,
    };
    let calls = Cell::new(0);
    let inner = service_fn(|_: Request<String>| {
        calls.set(calls.get() + 1);
        let response = Response::builder().status(299).body(String::new());
        std::future::ready(Ok::<_, Infallible>(response.expect("a response")))
    });
    let response = layer.layer(inner).call(request).now_or_never();
    let code = response.map(|Ok(response)| response.status().as_u16());
    assert_eq!(code, Some(expected), "{path}: {route:?}");
    assert_eq!(calls.get(), usize::from(route == Route::Inner), "{path}");

    let answer = layer.answer("GET", &path, Some("verbose"), [("host", "localhost")]);
    match (answer, &route) {
        (None, Route::Inner | Route::Grpc) => {}
        (Some(answer), Route::Probe(probe)) => {
            assert_eq!(answer.status(), expected, "{path}");
            // Only this text names the probe.
            let label = format!("\n{} check ", &probe.default_path()[1..]);
            let text = format!("\n{}", String::from_utf8_lossy(answer.body()));
            assert!(!model.details || text.contains(&label), "{path}: {text}");
        }
        (Some(answer), Route::Check(..)) => assert_eq!(answer.status(), expected, "{path}"),
        (answer, route) => panic!("{path}: {route:?} is answered with {answer:?}"),
    }
}

fn check_code(probe: Probe, name: &str) -> Option<u16> {
    let name = decoded(name)?;
    let entry = ENTRIES.iter().find(|entry| entry.name == name)?;
    let code = if entry.status.is_healthy() { 200 } else { 503 };
    (probe == Probe::Readiness).then_some(code)
}

/// Decodes `%41`; anything else stays as it is.
pub(crate) fn decoded(text: &str) -> Option<String> {
    String::from_utf8(decoded_bytes(text)).ok()
}

pub(crate) fn decoded_bytes(text: &str) -> Vec<u8> {
    let mut rest = text.as_bytes();
    let mut bytes = Vec::new();
    while let [first, more @ ..] = rest {
        let digit = |at: usize| (*more.get(at)? as char).to_digit(16);
        rest = more;
        match (digit(0), digit(1)) {
            (Some(high), Some(low)) if *first == b'%' => {
                bytes.push((high * 16 + low) as u8);
                rest = &more[2..];
            }
            _ => bytes.push(*first),
        }
    }
    bytes
}
