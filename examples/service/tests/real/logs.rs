//! A log that nobody reads.

use rustix::io::ioctl_fionread;

use crate::support::http::{code, get};
use crate::support::service::Service;

const PROBES: [&str; 3] = ["/livez", "/readyz", "/startupz"];

/// Every listener answers, and the process drains and ends well.
fn assert_well(service: Service) {
    for port in [service.api, service.web, service.management] {
        for probe in PROBES {
            assert_eq!(get(port, probe).code, 200, "{probe}");
        }
    }
    assert_eq!(service.get("/api/time").code, 200);
    service.terminate();
    assert_eq!(service.process.end().0, Some(0));
}

#[test]
fn a_service_whose_stdout_and_stderr_are_closed_serves_and_drains() {
    let (service, stdout, stderr) = Service::unread(&[]);
    drop((stdout, stderr));
    let service = service.ready();
    // The connections of the management port are logged too.
    assert_eq!(code(service.management, "/readyz"), Some(200));
    assert_well(service);
}

#[test]
fn a_service_whose_log_nobody_reads_serves_and_drains() {
    // Three quarters of what a pipe holds: no page of it is filled to its end.
    const NEARLY_FULL: u64 = 12 * 4096;
    let (service, stdout, _stderr) = Service::unread(&[("LOG", "trace")]);
    let service = service.ready();
    while ioctl_fionread(&stdout).unwrap() < NEARLY_FULL {
        assert_eq!(service.get("/api/notes").code, 200);
    }
    for _ in 0..500 {
        assert_eq!(service.get("/api/notes").code, 200);
    }
    assert_well(service);
}
