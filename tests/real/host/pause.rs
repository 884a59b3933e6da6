//! The lag of a runtime whose process is paused, which is not the runtime's fault.

use std::thread;
use std::time::Duration;

use crate::hostile::{CheckSetup, Dependency, Kind, Service, Setup};
use crate::support::{secs, wait_until};

// process:  runs        paused for 3 s   runs
// check:    pass        -                warn for 5 s   pass
// readyz:   200         -                200            200
#[test]
fn a_pause_is_told_and_takes_no_traffic_away() {
    thread::scope(|scope| {
        for workers in [None, Some(2)] {
            scope.spawn(move || pauses(workers));
        }
    });
}

fn pauses(workers: Option<usize>) {
    let dependency = Dependency::start(Duration::ZERO);
    let lag = CheckSetup::new("lag", 200, Kind::Lags);
    let mut service = Service::start(&Setup::new(workers, vec![lag]), &dependency);
    service.runs_each_check();
    for _ in 0..2 {
        service.pause(secs(3), || {});
        wait_until("the lag", || {
            let look = service.look();
            let output = look.check("lag").output.clone().unwrap_or_default();
            output.starts_with("1 of 1 runtimes lagged once by more than 500ms")
        });
        wait_until("its end", || service.look().check("lag").status == "pass");
    }
    let look = service.look();
    assert!(look.failures().is_empty(), "{:?}", look.failures());
}
