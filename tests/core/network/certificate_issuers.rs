//! Certificates above the first one, which clients may or may not need.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use tower_health::indicators::CertificateIndicator;
use tower_health::{HealthIndicator, Status};

use super::authority::Authority;
use super::verdict::{failure, passes};
use crate::support::{child, eventually};

fn of(path: &Path) -> CertificateIndicator {
    CertificateIndicator::from_file("certificate", path)
}

/// Clients that trust the older authority need one of the two for the root, and there is a valid one.
#[tokio::test]
async fn of_two_certificates_for_one_authority_the_one_that_is_valid_counts() {
    let (root, older) = (Authority::named("root"), Authority::named("older"));
    let leaf = root.for_days(90).pem().to_owned();
    let (expired, valid) = (root.expired_cross_pem(&older), root.pem());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chain");
    for chain in [
        [&leaf, &expired, &valid],
        [&leaf, &valid, &expired],
        [&leaf, &valid, &leaf],
    ] {
        fs::write(&file, chain.map(String::as_str).concat()).unwrap();
        passes(&of(&file)).await;
    }
    fs::write(&file, leaf + &expired).unwrap();
    let said = failure(&of(&file)).await;
    assert!(said.contains("CN=root expired at 2024-09-30"), "{said}");
}

/// A pipe instead of the store of the system: who opens it waits until somebody writes to it.
#[cfg(unix)]
struct SlowStore(PathBuf);

#[cfg(unix)]
impl SlowStore {
    fn delivers(&self, pem: String) {
        let pipe = self.0.clone();
        thread::spawn(move || fs::write(pipe, pem));
    }
}

/// The runtime of the test waits for the thread that reads it.
#[cfg(unix)]
impl Drop for SlowStore {
    fn drop(&mut self) {
        self.delivers(String::new());
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_store_that_is_read_late_makes_no_failure_and_is_known_to_the_runs_after_it() {
    const NAME: &str =
        "a_store_that_is_read_late_makes_no_failure_and_is_known_to_the_runs_after_it";
    let Some(folder) = std::env::var_os("FOLDER").map(PathBuf::from) else {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("store");
        let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let mut child = child::command(module_path!(), NAME);
        child.env("SSL_CERT_FILE", pipe).env_remove("SSL_CERT_DIR");
        let output = child.env("FOLDER", folder.path()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        return;
    };
    let store = SlowStore(folder.join("store"));
    let (root, older) = (Authority::named("root"), Authority::named("older"));
    let (file, expired) = (folder.join("chain"), root.expired_cross_pem(&older));
    fs::write(&file, root.for_days(90).pem().to_owned() + &expired).unwrap();
    let indicator = of(&file).timeout(Duration::from_secs(1));
    for reason in ["no answer within", "previous run still going"] {
        let seen = indicator.check().await.unwrap();
        let said = seen.output().unwrap_or_default();
        assert_eq!(seen.status(), Status::Warn, "{said}");
        assert!(
            said.contains("CN=root expired at 2024-09-30T00:00:00Z; clients may not need it"),
            "{said}"
        );
        assert!(
            said.contains("the certificates that the system trusts: "),
            "{said}"
        );
        assert!(said.contains(reason), "{said}");
    }

    store.delivers(root.pem());
    eventually("the store is known", async || {
        let seen = indicator.check().await.unwrap();
        seen.status() == Status::Pass
    })
    .await;
    // Nobody writes to the pipe again.
    let seen = indicator.check().await.unwrap();
    assert_eq!(seen.status(), Status::Pass, "{seen:?}");

    // What clients need in any case fails, whatever the store says.
    fs::write(&file, root.for_days(-1).pem().to_owned() + &expired).unwrap();
    let said = failure(&indicator).await;
    assert!(
        said.contains("CN=localhost of the test expired at 20"),
        "{said}"
    );
}

/// A root that an older authority, long expired, has signed across, as Let's Encrypt's was: clients
/// that trust the root itself need neither.
#[cfg(unix)]
#[tokio::test]
async fn an_expired_cross_certificate_does_not_count_where_its_root_is_trusted() {
    const NAME: &str = "an_expired_cross_certificate_does_not_count_where_its_root_is_trusted";
    let (root, older) = (Authority::named("root"), Authority::named("older"));
    if let Some(folder) = std::env::var_os("CROSSED") {
        return passes(&of(&Path::new(&folder).join("chain"))).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let leaf = root.for_days(90).pem().to_owned();
    let crossed = root.expired_cross_pem(&older);
    fs::write(folder.path().join("chain"), leaf + &crossed).unwrap();
    let trusting = |pem: String| {
        fs::write(folder.path().join("store"), pem).unwrap();
        let mut child = child::command(module_path!(), NAME);
        child.env("SSL_CERT_FILE", folder.path().join("store"));
        child.env_remove("SSL_CERT_DIR");
        child.env("CROSSED", folder.path()).output().unwrap()
    };
    let output = trusting(root.pem());
    assert!(output.status.success(), "{output:?}");
    let output = trusting(older.pem());
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{text}");
    assert!(
        text.contains("certificate CN=root expired at 2024-09-30"),
        "{text}"
    );
}
