//! Ports for servers that cannot choose one and report which.

use std::fs::{File, create_dir_all};
use std::net::TcpListener;
use std::ops::Range;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the ports that the system gives to whoever asks for any.
const RANGE: Range<u16> = 21_000..29_000;

/// A port that no other test gets while this is held.
pub(crate) struct Port {
    pub(crate) number: u16,
    _lock: File,
}

impl Port {
    pub(crate) fn take() -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let user = rustix::process::geteuid().as_raw();
        let locks = std::env::temp_dir().join(format!("service-test-ports-{user}"));
        create_dir_all(&locks).unwrap();
        for _ in RANGE {
            let number = RANGE.start + NEXT.fetch_add(1, Ordering::Relaxed) % RANGE.len() as u16;
            let lock = File::create(locks.join(number.to_string())).unwrap();
            // Beside other tests, there may be other programs.
            if lock.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", number)).is_ok() {
                return Self {
                    number,
                    _lock: lock,
                };
            }
        }
        panic!("no port is free");
    }
}
