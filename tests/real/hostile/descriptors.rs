//! A service that has no file descriptor left.

use std::time::Duration;

use super::dependency::Dependency;
use super::process::Service;
use super::setup::{CheckSetup, Command, Kind, Setup};
use crate::support::wait_until;

#[test]
fn without_descriptors_kept_connections_are_probed_and_only_checks_that_need_a_new_one_fail() {
    for workers in [None, Some(2)] {
        let dependency = Dependency::start(Duration::ZERO);
        let new = CheckSetup::new("new", 100, Kind::Asks { questions: 1 });
        let kept = CheckSetup::new("kept", 100, Kind::AsksOnKept);
        let setup = Setup::new(workers, vec![new, kept]);
        let mut service = Service::start(&setup, &dependency);
        let mut prober = service.prober();
        prober.becomes(200);
        // Again and again: a run that ends frees the one it has.
        wait_until("red", || {
            service.tell(Command::TakeDescriptors);
            prober.get("/readyz") == 503
        });
        assert_eq!(prober.get("/livez"), 200);
        let look = service.look();
        let output = look.check("new").output.as_deref();
        assert!(
            output.unwrap().contains("Too many open files"),
            "{output:?}"
        );
        assert_eq!(look.check("kept").status, "pass");
        service.runs_each_check();
        assert_eq!(service.look().check("kept").status, "pass");
        service.tell(Command::FreeDescriptors);
        prober.becomes(200);
        assert_eq!(service.look().restarts, 0);
    }
}
