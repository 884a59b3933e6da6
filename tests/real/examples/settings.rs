//! What an example says to settings that it cannot use.

use std::net::TcpListener;

use super::support::command;

#[test]
fn a_setting_that_cannot_be_used_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let cases: [(&str, &str, &str); 7] = [
        ("ADDR", "nonsense", "ADDR=nonsense: invalid socket address"),
        ("ADDR", "127.0.0.1:70000", "ADDR=127.0.0.1:70000: invalid"),
        (
            "ADDR",
            &taken,
            &format!("ADDR={taken}: Address already in use"),
        ),
        ("ADDR", "", "ADDR is set, but empty"),
        ("DRAIN_MS", "soon", "DRAIN_MS=soon: invalid digit"),
        ("DRAIN_MS", "-1", "DRAIN_MS=-1: invalid digit"),
        ("DATA_DIR", "", "DATA_DIR is set, but empty"),
    ];
    for example in ["axum", "hyper", "indicators", "tonic"] {
        for (setting, value, expected) in cases {
            let mut command = command(example);
            let output = command.env(setting, value).output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{example}: {said}");
            assert!(said.contains(expected), "{example}: {said}");
            assert!(!said.contains("panicked"), "{example}: {said}");
        }
    }
}
