//! The linter on files that are wrong in known ways, each with the line and the name to blame, and on
//! files that are right.

mod wrong;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tower_health_probes::lint::{Finding, Linter, RULES, Severity};
use tower_health_probes::settings::Settings;

use wrong::WRONG;

#[test]
fn each_wrong_file_is_named_with_its_line_its_rule_and_the_name_to_blame() {
    for (file, line, rule, name) in WRONG {
        let findings = lint(&format!("wrong/{file}"));
        let found = findings
            .iter()
            .find(|finding| finding.rule == *rule && finding.line == *line);
        let found = found.unwrap_or_else(|| panic!("{file}:{line} {rule} not among {findings:#?}"));
        assert!(
            found.message.contains(name),
            "{file}: {name:?} is not in {:?}",
            found.message
        );
        assert!(found.file.ends_with(file), "{file}: {found:?}");
    }
}

#[test]
fn nothing_else_is_found_in_the_wrong_files() {
    for (file, ..) in WRONG {
        let expected = WRONG.iter().filter(|(other, ..)| other == file).count();
        let findings = lint(&format!("wrong/{file}"));
        assert_eq!(findings.len(), expected, "{file}: {findings:#?}");
    }
}

#[test]
fn every_wrong_file_is_in_the_table() {
    let root = fixtures().join("wrong");
    for folder in std::fs::read_dir(&root).unwrap() {
        for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap();
            // What a compose file builds or names.
            let is_named = [".alpine", ".long", ".env"]
                .iter()
                .any(|end| name.ends_with(end));
            let is_known = WRONG.iter().any(|(file, ..)| *file == name) || is_named;
            assert!(is_known, "{name}");
        }
    }
}

#[test]
fn every_rule_of_the_readme_has_a_wrong_file_and_every_rule_is_in_the_readme() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let rows = readme
        .lines()
        .skip_while(|line| *line != "| rule | what goes wrong |");
    let cells = rows
        .skip(2)
        .map_while(|row| row.strip_prefix("| ")?.split(" | ").next());
    let names = cells.flat_map(|cell| cell.split(", "));
    let told: BTreeSet<&str> = names.map(|name| name.trim_matches('`')).collect();
    let tried: BTreeSet<&str> = WRONG.iter().map(|(_, _, rule, _)| *rule).collect();
    let known: BTreeSet<&str> = RULES.iter().copied().collect();
    assert_eq!(told, known);
    assert_eq!(tried, known);
}

#[test]
fn nothing_is_found_in_files_that_are_right() {
    for entry in std::fs::read_dir(fixtures().join("clean")).unwrap() {
        let path = entry.unwrap().path();
        // The files of a folder belong together.
        let files: Vec<PathBuf> = match std::fs::read_dir(&path) {
            Ok(folder) => folder.map(|file| file.unwrap().path()).collect(),
            Err(_) => vec![path.clone()],
        };
        let findings = linter().lint(&files).unwrap();
        assert!(findings.is_empty(), "{path:?}: {findings:#?}");
    }
}

#[test]
fn an_image_that_is_named_is_the_service_and_no_other() {
    let text = read("clean/kubernetes-foreign.yaml");
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "a.yaml", &text);
    let blamed = |image: &str| {
        let linter = Linter::new(settings()).image(image);
        let findings = linter.lint(std::slice::from_ref(&path)).unwrap();
        findings
            .iter()
            .any(|finding| finding.message.contains("reports"))
    };
    assert!(blamed("reports"));
    assert!(blamed("ghcr.io/example/reports:2"));
    assert!(!blamed("notes"));
}

#[test]
fn a_pod_that_names_no_port_is_the_service_only_where_no_other_is() {
    let bare = "kind: Deployment\nmetadata: {name: bare}\nspec:\n  template:\n    spec:\n      \
                terminationGracePeriodSeconds: 5\n      containers: [{name: bare, image: acme/bare}]\n";
    let is_blamed = |text: &str| {
        let findings = lint_text(text, &settings());
        findings
            .iter()
            .any(|finding| finding.rule == "grace-too-short")
    };
    assert!(is_blamed(bare));
    assert!(!is_blamed(&format!(
        "{bare}---\n{}",
        read("clean/kubernetes.yaml")
    )));
}

#[test]
fn a_name_that_the_grpc_health_service_maps_stands_for_readiness() {
    let mapped = Settings {
        grpc_services: vec!["shop.Orders".into()],
        ..settings()
    };
    let text = read("wrong/kubernetes/grpc-unknown-service.yaml");
    let text = text.replace("service: health", "service: shop.Orders");
    assert!(lint_text(&text, &mapped).is_empty());
    assert_eq!(
        lint_text(&text, &settings())[0].rule,
        "service-not-answered"
    );
}

#[test]
fn what_a_stop_needs_beyond_delay_and_cap_is_a_warning() {
    let of = |seconds: u32| {
        let text =
            read("clean/kubernetes.yaml").replace("Seconds: 30", &format!("Seconds: {seconds}"));
        let findings = lint_text(&text, &settings());
        findings.first().map(|finding| finding.severity)
    };
    assert_eq!(of(24), Some(Severity::Error));
    assert_eq!(of(25), Some(Severity::Warning));
    assert_eq!(of(27), Some(Severity::Warning));
    assert_eq!(of(28), None);
}

#[test]
fn a_service_and_its_pods_are_seen_together_across_files() {
    let folder = tempfile::tempdir().unwrap();
    let text = read("wrong/kubernetes/management-in-service.yaml");
    let paths: Vec<PathBuf> = text
        .split("---\n")
        .enumerate()
        .map(|(index, part)| write(folder.path(), &format!("{index}.yaml"), part))
        .collect();
    let findings = Linter::new(settings()).lint(&paths).unwrap();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!(findings[0].rule, "management-port-in-service");
    assert!(findings[0].file.ends_with("1.yaml"));
}

#[test]
fn a_comment_allows_a_rule_on_its_line_or_on_the_next() {
    let text = read("wrong/kubernetes/grace-short.yaml");
    let grace = "      terminationGracePeriodSeconds: 20";
    let allowed = "probe-lint: allow grace-too-short";
    let above = text.replace(grace, &format!("      # Meant so. {allowed}\n{grace}"));
    let beside = text.replace(grace, &format!("{grace} # {allowed}"));
    let other = text.replace(grace, &format!("{grace} # probe-lint: allow no-readiness"));
    for (text, expected) in [(above, 0), (beside, 0), (other, 1)] {
        assert_eq!(lint_text(&text, &settings()).len(), expected);
    }
}

#[test]
fn the_host_of_railways_prober_has_to_be_accepted() {
    let strict = Settings {
        hosts: vec!["api.example.com".into()],
        ..settings()
    };
    let path = fixtures().join("clean/railway.toml");
    let findings = Linter::new(strict).lint(&[path]).unwrap();
    assert_eq!((findings[0].rule, findings[0].line), ("host-refused", 6));
    assert!(findings[0].message.contains("healthcheck.railway.app"));
}

#[test]
fn a_ttl_beyond_the_threshold_makes_the_threshold_count_one_result_twice() {
    let mut slow = settings();
    let ttl = std::time::Duration::from_secs(30);
    slow.checks.insert("database".into(), Some(ttl));
    let findings = lint_text(&read("clean/kubernetes.yaml"), &slow);
    assert_eq!(findings[0].rule, "same-result-counted-twice");
}

#[test]
fn ports_that_variables_set_are_those_of_the_container() {
    let ports = "          ports:\n";
    let text = read("clean/kubernetes.yaml")
        .replace("containerPort: 8080", "containerPort: 9000")
        .replace(
            ports,
            &format!("          env: [{{name: API_PORT, value: \"9000\"}}]\n{ports}"),
        );
    let findings = lint_text(&text, &settings());
    assert!(findings.is_empty(), "{findings:#?}");
}

#[test]
fn the_program_prints_file_line_and_rule_and_exits_1() {
    let run = |args: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_probe-lint"))
            .current_dir(fixtures())
            .args(args)
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    let (code, text) = run(&[
        "--settings",
        "settings.toml",
        "wrong/kubernetes/liveness-on-readyz.yaml",
    ]);
    assert_eq!(code, Some(1));
    assert!(
        text.starts_with("wrong/kubernetes/liveness-on-readyz.yaml:26: error: "),
        "{text}"
    );
    assert!(
        text.trim_end().ends_with("[liveness-asks-readiness]"),
        "{text}"
    );
    assert_eq!(
        run(&["--settings", "settings.toml", "clean/kubernetes.yaml"]).0,
        Some(0)
    );
    assert_eq!(run(&["absent.yaml"]).0, Some(2));
    assert_eq!(run(&["clean/folder/kustomization.yaml"]).0, Some(0));
    let (code, text) = run(&[
        "wrong/compose/drain.env",
        "wrong/kubernetes/liveness-on-readyz.yaml",
    ]);
    assert_eq!(code, Some(2));
    assert!(text.contains("[liveness-asks-readiness]"), "{text}");
    assert_eq!(run(&[]).0, Some(2));
}

fn lint(file: &str) -> Vec<Finding> {
    linter().lint(&[fixtures().join(file)]).unwrap()
}

fn linter() -> Linter {
    Linter::new(settings()).dockerfile(fixtures().join("clean/Dockerfile"))
}

fn lint_text(text: &str, settings: &Settings) -> Vec<Finding> {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "a.yaml", text);
    Linter::new(settings.clone()).lint(&[path]).unwrap()
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn settings() -> Settings {
    Settings::parse(&read("settings.toml")).unwrap()
}

fn read(file: &str) -> String {
    std::fs::read_to_string(fixtures().join(file)).unwrap()
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}
