//! Ports that nobody else takes between the moment they are given and that of the bind.

use std::fs::File;
use std::net::TcpListener;
use std::sync::Mutex;

/// A port that is free, and that no other test gets, of this process or another.
///
/// It is below those that the system gives to connections, and its lock is held until the process ends.
pub(crate) fn port() -> u16 {
    static HELD: Mutex<Vec<File>> = Mutex::new(Vec::new());
    let mut held = HELD
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
    let end = range.split_whitespace().next().unwrap().parse().unwrap();
    let folder = std::env::temp_dir().join("tower-health-ports");
    std::fs::create_dir_all(&folder).unwrap();
    for port in 10_000..end {
        // Another user of this machine may hold it.
        let Ok(file) = File::create(folder.join(port.to_string())) else {
            continue;
        };
        if file.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            held.push(file);
            return port;
        }
    }
    panic!("no free port below {end}");
}
