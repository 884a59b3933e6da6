//! Certificates in files, and what becomes of them.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tower_health::indicators::CertificateIndicator;
use tower_health::{ComponentType, Criticality, HealthIndicator, ObservedValue, Reading, Status};

use super::authority::Authority;
use super::verdict::{failure, passes};
use crate::support::watched::{Watched, refused};

struct Files {
    authority: Authority,
    folder: TempDir,
}

impl Files {
    fn new() -> Self {
        Self {
            authority: Authority::new(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("tls.crt")
    }

    /// Puts a certificate in the place of the one that is there, as a renewal does.
    fn put(&self, days: i64) {
        self.write(self.authority.for_days(days).pem());
    }

    fn write(&self, text: &str) {
        let beside = self.folder.path().join("new");
        fs::write(&beside, text).unwrap();
        fs::rename(beside, self.path()).unwrap();
    }

    fn watch(&self) -> Watched {
        Watched::start("certificate", of(&self.path()))
    }
}

fn of(path: &Path) -> CertificateIndicator {
    CertificateIndicator::from_file("certificate", path)
}

fn days_left(readings: &[Reading]) -> i64 {
    let reading = readings
        .iter()
        .find(|reading| reading.measurement() == Some("daysLeft"))
        .unwrap();
    assert_eq!(reading.unit(), Some("d"));
    match reading.value() {
        ObservedValue::Integer(days) => *days,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_certificate_that_ages_warns_then_fails_and_its_renewal_is_seen() {
    let files = Files::new();
    files.put(90);
    let watched = files.watch();
    watched.passes().await;
    assert_eq!(days_left(watched.state().readings()), 90);

    files.put(10);
    let said = watched.turns(Status::Warn).await;
    assert!(
        said.contains("certificate CN=localhost of the test expires at 20"),
        "{said}"
    );
    assert!(said.ends_with(", in 10 days"), "{said}");
    assert_eq!(days_left(watched.state().readings()), 10);

    files.put(-1);
    let said = watched.fails().await;
    let begin = format!(
        "{}: certificate CN=localhost of the test expired at 20",
        files.path().display()
    );
    assert!(said.starts_with(&begin), "{said}");
    assert_eq!(days_left(watched.state().readings()), -1);

    files.put(90);
    watched.passes().await;
}

#[tokio::test]
async fn a_file_that_vanishes_or_is_damaged_fails_until_it_is_whole_again() {
    let files = Files::new();
    files.put(90);
    let watched = files.watch();
    watched.passes().await;

    fs::remove_file(files.path()).unwrap();
    let said = watched.fails().await;
    let wanted = format!(
        "reading {}: No such file or directory (os error 2)",
        files.path().display()
    );
    assert_eq!(said, wanted);

    let pem = files.authority.for_days(90).pem().to_owned();
    files.write(&pem[..pem.len() / 2]);
    watched
        .turns_with(Status::Fail, "the file ends in the middle of a PEM section")
        .await;
    files.write("no certificate here");
    watched
        .turns_with(Status::Fail, "the file contains no certificate")
        .await;
    files.write("-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n");
    watched
        .turns_with(Status::Fail, "certificate 1 is damaged")
        .await;
    files.write(&"x".repeat(2_000_000));
    watched
        .turns_with(Status::Fail, "longer than any chain")
        .await;

    files.write(&pem);
    watched.passes().await;
}

#[tokio::test]
async fn of_a_chain_the_certificate_that_expires_first_counts() {
    let files = Files::new();
    let pem = |days| files.authority.for_days(days).pem().to_owned();
    files.write(&format!("{}{}{}", pem(90), pem(5), pem(300)));
    let observation = of(&files.path()).check().await.unwrap();
    assert!(
        format!("{observation:?}").contains("in 5 days"),
        "{observation:?}"
    );
}

#[tokio::test]
async fn a_certificate_that_is_not_valid_yet_fails() {
    let files = Files::new();
    files.write(files.authority.issue("localhost", 3, 90).pem());
    let said = failure(&of(&files.path())).await;
    assert!(said.contains("is not valid before 20"), "{said}");
}

#[tokio::test]
async fn the_limits_can_be_set() {
    let files = Files::new();
    files.put(25);
    let of = |warn, fail| {
        let indicator = of(&files.path()).warn_below_days(warn);
        indicator.fail_below_days(fail)
    };
    let said = |observation| format!("{observation:?}");
    assert!(said(of(25, 0).check().await.unwrap()).contains("Pass"));
    assert!(said(of(26, 0).check().await.unwrap()).contains("Warn"));
    assert!(failure(&of(40, 26)).await.ends_with("in 25 days"));
}

#[tokio::test]
async fn a_key_in_the_file_is_never_shown() {
    let files = Files::new();
    let identity = files.authority.for_days(90);
    let key = identity.key_pem();
    files.write(&format!("{key}{}", identity.pem()));
    passes(&of(&files.path())).await;

    let secret = key.lines().nth(1).unwrap();
    let damaged = format!("-----BEGIN {secret}\n{key}");
    for text in [
        key.as_str(),
        &key[..key.len() / 2],
        &key.replace('M', "!"),
        &damaged,
    ] {
        files.write(text);
        let made = CertificateIndicator::from_file("certificate", files.path());
        let debug = format!("{made:?}");
        let said = format!("{} {debug}", failure(&made).await);
        assert!(!said.contains(&secret[..12]), "{said}");
        // As bytes it would be no better.
        let bytes = format!("{:?}", &secret.as_bytes()[..12]);
        assert!(!said.contains(bytes.trim_matches(['[', ']'])), "{said}");
    }
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let files = Files::new();
    let of_path = |path: PathBuf| refused(CertificateIndicator::from_file("certificate", path));
    let said = of_path(files.path());
    assert!(said.starts_with("\"certificate\": path /"), "{said}");
    assert!(
        said.ends_with("No such file or directory (os error 2)"),
        "{said}"
    );
    assert!(of_path(files.folder.path().to_owned()).contains("Is a directory"));
    files.write("");
    assert!(of_path(files.path()).contains("the file contains no certificate"));

    files.put(90);
    let said = refused(of(&files.path()).warn_below_days(3).fail_below_days(4));
    assert_eq!(
        said,
        "\"certificate\": warn_below_days is 3, which is beyond fail_below_days at 4: \
         the check would never warn"
    );
}

#[test]
fn the_defaults_are_those_that_are_documented() {
    let files = Files::new();
    files.put(90);
    let indicator = of(&files.path());
    assert_eq!(HealthIndicator::timeout(&indicator).unwrap().as_secs(), 2);
    assert_eq!(indicator.ttl().unwrap().as_secs(), 60);
    assert_eq!(indicator.criticality(), Criticality::NonCritical);
    assert_eq!(indicator.component_type(), Some(ComponentType::Component));
}
