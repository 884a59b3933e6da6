//! Servers whose keys are of a kind that the TLS stack of this crate cannot verify.

use std::path::Path;
use std::process::Command;

use tower_health::indicators::CertificateIndicator;
use tower_health::{HealthIndicator, Status};

use crate::servers::process::Process;
use crate::support::eventually;
use crate::support::port::free_port;

fn openssl(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("openssl");
    command.args(arguments).current_dir(folder);
    command
}

#[tokio::test]
#[ignore = "needs openssl: .ci/test installs it"]
async fn the_certificate_of_a_server_is_read_whatever_its_key_is() {
    let keys: [(&str, &[&str]); 5] = [
        ("P-256", &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]),
        ("P-521", &["ec", "-pkeyopt", "ec_paramgen_curve:P-521"]),
        ("Ed25519", &["ed25519"]),
        ("Ed448", &["ed448"]),
        ("RSA", &["rsa:2048"]),
    ];
    for (name, key) in keys {
        let folder = tempfile::tempdir().unwrap();
        let mut make = openssl(
            folder.path(),
            &["req", "-x509", "-nodes", "-subj", "/CN=it"],
        );
        make.args(["-days", "90", "-keyout", "key", "-out", "crt", "-newkey"]);
        let output = make.args(key).output().unwrap();
        assert!(output.status.success(), "{name}: {output:?}");
        for version in ["-tls1_2", "-tls1_3"] {
            let port = free_port().to_string();
            let mut serve = openssl(folder.path(), &["s_server", "-quiet", version]);
            serve.args(["-accept", &port, "-cert", "crt", "-key", "key"]);
            let mut process = Process::start(&mut serve, &folder.path().join("log"));
            let address = format!("127.0.0.1:{port}");
            let indicator = CertificateIndicator::from_server("it", &address);
            let mut said = String::new();
            let what = format!("{name} {version}");
            eventually(&what, async || {
                assert!(!process.has_ended(), "{what}: openssl has ended");
                match indicator.check().await {
                    Ok(seen) => seen.status() == Status::Pass,
                    Err(failure) => {
                        said = failure.output().to_owned();
                        assert!(said.contains("refused"), "{what}: {said}");
                        false
                    }
                }
            })
            .await;
        }
    }
}
