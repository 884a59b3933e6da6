//! Paths, from the code and from a file, and what is wrong with them.

use http::Request;
use tower_health::{BuildError, Details, Health, HealthLayer, LayerConfig, Probe, Status};

use super::support::{OPTION, PATH, kinds};

fn build(config: &str) -> Result<HealthLayer, BuildError> {
    let config: LayerConfig = toml::from_str(config).unwrap();
    HealthLayer::builder(Health::fixed(Status::Pass))
        .config(config)
        .build()
}

fn answers(layer: &HealthLayer, path: &str) -> bool {
    layer.is_probe(&Request::get(path).body(()).unwrap())
}

#[test]
fn a_probe_answers_at_every_path_it_was_given_and_no_other() {
    let layer = build("readiness = ['/ready', '/health/ready', '/a%20b']\nstartup = []").unwrap();
    let cases = [
        ("/ready", true),
        ("/health/ready", true),
        ("/a%20b", true),
        ("/livez", true),
        ("/readyz", false),
        // A probe without a path is switched off.
        ("/startupz", false),
    ];
    for (path, expected) in cases {
        assert_eq!(answers(&layer, path), expected, "{path}");
    }
}

#[test]
fn a_prefix_may_end_in_a_slash() {
    for prefix in ["/internal", "/internal/"] {
        let layer = build(&format!("prefix = '{prefix}'")).unwrap();
        assert!(answers(&layer, "/internal/livez"), "{prefix}");
        assert!(!answers(&layer, "/livez"), "{prefix}");
    }
    let layer = build("prefix = '/'").unwrap();
    assert!(answers(&layer, "/livez"));
}

#[test]
fn a_path_that_cannot_be_requested_is_named() {
    let slash = "it must start with `/`";
    let ascii = "it must be printable ASCII; write anything else percent-encoded, as it is sent";
    let bare = "it must be a path, without query or fragment";
    let character =
        "it has a character that a path cannot have; write it percent-encoded, as it is sent";
    let cases = [
        ("liveness = ['livez']", "livez", slash),
        ("readiness = ['']", "", slash),
        ("readiness = ['*']", "*", slash),
        ("startup = ['/started?']", "/started?", bare),
        ("startup = ['/started#x']", "/started#x", bare),
        ("startup = ['/starting up']", "/starting up", ascii),
        ("startup = ['/bereitschäft']", "/bereitschäft", ascii),
        ("startup = ['/a\tb']", "/a\tb", ascii),
        ("startup = ['/a<b']", "/a<b", character),
        ("startup = ['/a`b']", "/a`b", character),
    ];
    for (config, path, fault) in cases {
        let error = build(config).unwrap_err();
        assert_eq!(kinds(&error), PATH, "{config}");
        assert_eq!(error.to_string(), format!("probe path {path:?}: {fault}"));
    }
}

#[test]
fn a_prefix_that_cannot_stand_before_a_path_is_named_once_and_as_a_prefix() {
    let error = build("prefix = 'internal'").unwrap_err();
    assert_eq!(kinds(&error), PATH);
    assert_eq!(
        error.to_string(),
        format!(r#"path prefix "internal": {}"#, "it must start with `/`")
    );
}

#[test]
fn two_probes_on_one_path_are_both_named() {
    let error = build("liveness = ['/health']\nreadiness = ['/health']").unwrap_err();
    assert_eq!(kinds(&error), PATH);
    assert_eq!(
        error.to_string(),
        r#"probe path "/health": it belongs to liveness and to readiness"#
    );
    let error = HealthLayer::builder(Health::fixed(Status::Pass))
        .prefix("/internal")
        .alias("/livez", Probe::Startup)
        .build()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"probe path "/internal/livez": it belongs to liveness and to startup"#
    );
}

#[test]
fn one_probe_twice_on_one_path_is_no_error() {
    let layer = build("liveness = ['/health', '/health']").unwrap();
    assert!(answers(&layer, "/health"));
}

#[test]
fn all_problems_of_a_layer_are_reported_at_once() {
    let error = HealthLayer::builder(Health::fixed(Status::Pass))
        .path("livez", Probe::Liveness)
        .path("/x", Probe::Readiness)
        .path("/x", Probe::Startup)
        .details(Details::bearer(""))
        .build()
        .unwrap_err();
    assert!(error.is_path() && error.is_option());
    assert_eq!(
        error.to_string(),
        "probe path \"livez\": it must start with `/`; \
         probe path \"/x\": it belongs to readiness and to startup; \
         bearer token must not be empty"
    );
}

#[test]
fn a_bad_token_is_an_option() {
    let error = HealthLayer::builder(Health::fixed(Status::Pass))
        .details(Details::bearer("two words"))
        .build()
        .unwrap_err();
    assert_eq!(kinds(&error), OPTION);
    // The token itself is a secret.
    assert!(!error.to_string().contains("two words"));
}

#[test]
fn an_alias_is_added_to_a_path_whichever_is_given_first() {
    let start = || HealthLayer::builder(Health::fixed(Status::Pass));
    for builder in [
        start()
            .alias("/health", Probe::Readiness)
            .path("/ready", Probe::Readiness),
        start()
            .path("/ready", Probe::Readiness)
            .alias("/health", Probe::Readiness),
    ] {
        let layer = builder.build().unwrap();
        assert!(answers(&layer, "/health") && answers(&layer, "/ready"));
        assert!(!answers(&layer, "/readyz"));
    }
}
