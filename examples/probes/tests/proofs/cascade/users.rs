//! Those who use each instance, whatever its readiness is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tower_health_probes::platform::kubelet::Pod;

use crate::support::{status, wait_until};

/// Requests of one user to one instance.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Traffic {
    pub(super) requests: u64,
    /// Those that were not answered with 200.
    pub(super) lost: u64,
    /// Those that a balancer would not have sent, since the pod was not ready.
    pub(super) not_routed: u64,
    /// Those that were answered with 200, since the last one that was not.
    pub(super) served: u64,
}

/// One user of one instance, who asks ten times a second.
pub(super) struct User {
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<Traffic>>,
    thread: JoinHandle<()>,
}

impl User {
    pub(super) fn start(pod: &Arc<Pod>, port: u16, path: &'static str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::new(Mutex::new(Traffic::default()));
        let thread = std::thread::spawn({
            let (stop, seen, pod) = (Arc::clone(&stop), Arc::clone(&seen), Arc::clone(pod));
            move || {
                while !stop.load(Ordering::SeqCst) {
                    let is_ready = pod.is_ready();
                    let is_served = status(port, path) == 200;
                    let mut seen = seen.lock().unwrap();
                    seen.requests += 1;
                    seen.not_routed += u64::from(!is_ready);
                    seen.lost += u64::from(!is_served);
                    seen.served = if is_served { seen.served + 1 } else { 0 };
                    drop(seen);
                    std::thread::sleep(Duration::from_millis(100));
                }
            }
        });
        Self { stop, seen, thread }
    }

    pub(super) fn finish(self) -> Traffic {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap();
        *self.seen.lock().unwrap()
    }
}

/// Waits until each of these is served so many times in a row, from now on.
pub(super) fn wait_served(users: &[&User], count: u64) {
    for user in users {
        user.seen.lock().unwrap().served = 0;
    }
    let is_served = |user: &&User| user.seen.lock().unwrap().served >= count;
    wait_until("requests are served", || users.iter().all(is_served));
}
