//! More connections than the port keeps, and fewer file descriptors than it wants.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tower_health::management::Management;
use tower_health::{Health, Status};

use super::support::{Port, listener};
use crate::support::child::is_alone;
use crate::support::{PATIENCE, wait_until};

/// How many file descriptors this process has open.
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Whether the server has closed the connection.
fn is_closed(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    match stream.read(&mut [0; 1024]) {
        Ok(read) => read == 0,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    }
}

#[test]
fn a_thousand_connections_that_never_finish_a_request_keep_no_probe_out() {
    if !is_alone(
        module_path!(),
        "a_thousand_connections_that_never_finish_a_request_keep_no_probe_out",
    ) {
        return;
    }
    let port = Port::fixed(Status::Pass);
    assert_eq!(port.get("/livez").code, 200);
    let before = descriptors();
    let starts: [&[u8]; 4] = [
        b"",
        b"G",
        b"GET /livez HTTP/1.1\r\nhost: localhost\r\nx-drip: ",
        b"PRI * HTTP/2.0\r\n\r\n",
    ];
    let mut slow: Vec<TcpStream> = Vec::new();
    for round in 0..10 {
        for start in starts.iter().cycle().take(100) {
            let mut stream = port.connect();
            // The port may have closed it already, to make room.
            let _ = stream.write_all(start);
            slow.push(stream);
        }
        assert_eq!(port.get("/livez").code, 200, "{round}");
        assert_eq!(port.get("/readyz").code, 200, "{round}");
        for stream in &mut slow {
            let _ = stream.write_all(b"x");
        }
    }
    // One descriptor here for each, and 128 at most on the side of the port.
    assert!(
        descriptors() <= before + slow.len() + 128,
        "{}",
        descriptors()
    );
    assert_eq!(port.get("/livez").code, 200);
    // None of them outlives its time, however it drips.
    wait_until("the end of every connection", || {
        for stream in &mut slow {
            let _ = stream.write_all(b"x");
        }
        assert_eq!(port.get("/livez").code, 200);
        slow.retain_mut(|stream| !is_closed(stream));
        slow.is_empty()
    });
}

#[test]
fn an_idle_connection_makes_room_and_is_the_one_idle_longest() {
    let health = Health::fixed(Status::Pass);
    let port = Port::with(Management::new(&health).connections(8));
    let ask = |stream: &mut TcpStream| {
        stream
            .write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n")
            .unwrap();
        let mut buffer = [0; 2048];
        let read = stream.read(&mut buffer).unwrap_or_default();
        buffer[..read].starts_with(b"HTTP/1.1 200")
    };
    let mut kept: Vec<_> = (0..8).map(|_| port.connect()).collect();
    assert!(kept.iter_mut().all(&ask));
    // The first is used again, so the second has been idle for the longest time.
    assert!(ask(&mut kept[0]));
    let mut one_more = port.connect();
    assert!(ask(&mut one_more));
    let mut second = kept.remove(1);
    wait_until("the end of the idlest", || is_closed(&mut second));
    assert!(kept.iter_mut().all(&ask), "all others are kept");
}

#[test]
fn requests_that_came_before_they_were_accepted_are_all_answered() {
    let health = Health::fixed(Status::Pass);
    let listener = listener();
    let address = listener.local_addr().unwrap();
    // Far more than the port keeps, and all of them before it begins.
    let clients: Vec<_> = (0..100)
        .map(|_| {
            let mut client = TcpStream::connect(address).unwrap();
            client.set_read_timeout(Some(PATIENCE)).unwrap();
            let request = b"GET /livez HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
            client.write_all(request).unwrap();
            client
        })
        .collect();
    let server = Management::new(&health).connections(8).serve(listener);
    server.unwrap();
    let is_answered = |mut client: TcpStream| {
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).is_ok() && answer.starts_with(b"HTTP/1.1 200")
    };
    let answered = clients.into_iter().map(is_answered);
    assert_eq!(answered.filter(|is_answered| *is_answered).count(), 100);
}

#[test]
fn a_head_that_began_behind_a_whole_request_has_no_more_time_than_another() {
    let port = Port::fixed(Status::Pass);
    let request = "GET /livez HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut clients: Vec<_> = ["G", "GET /livez HTTP/1.1\r\nhost: a\r\n"]
        .map(|start| {
            let mut client = port.connect();
            client
                .write_all(format!("{request}{start}").as_bytes())
                .unwrap();
            client
        })
        .into();
    wait_until("the end of both", || {
        clients.retain_mut(|client| !is_closed(client));
        clients.is_empty()
    });
}

#[test]
fn an_error_of_the_listener_ends_no_connection() {
    let health = Health::fixed(Status::Pass);
    let listener = listener();
    let same = TcpStream::from(OwnedFd::from(listener.try_clone().unwrap()));
    let server = Management::new(&health).serve(listener).unwrap();
    let mut open = TcpStream::connect(server.address().unwrap()).unwrap();
    open.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut ask = || {
        let request = b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n";
        let mut buffer = [0; 2048];
        let is_sent = open.write_all(request).is_ok();
        let read = open.read(&mut buffer).unwrap_or_default();
        is_sent && buffer[..read].starts_with(b"HTTP/1.1 200")
    };
    assert!(ask());
    // From here on, accept(2) fails with EINVAL.
    same.shutdown(Shutdown::Both).unwrap();
    for _ in 0..10 {
        assert!(ask(), "the connection is kept");
    }
    assert!(server.is_running());
}

#[test]
fn without_file_descriptors_the_port_makes_room_among_its_own() {
    if !is_alone(
        module_path!(),
        "without_file_descriptors_the_port_makes_room_among_its_own",
    ) {
        return;
    }
    // Over a Unix socket, whose client does not share the limit: it is another process.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("health.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let health = Health::fixed(Status::Pass);
    let server = Management::new(&health).serve(listener).unwrap();
    let mut idle = UnixStream::connect(&path).unwrap();
    idle.write_all(b"GET /livez HTTP/1.1\r\n\r\n").unwrap();
    assert_ne!(
        idle.read(&mut [0; 1024]).unwrap(),
        0,
        "it is open, and idle"
    );

    // The last descriptor is that of the client, so that none is left to accept with.
    let now = u64::try_from(descriptors()).unwrap();
    let old = getrlimit(Resource::Nofile);
    let limit = |current| Rlimit {
        current: Some(current),
        maximum: old.maximum,
    };
    setrlimit(Resource::Nofile, limit(now)).unwrap();
    let mut last = UnixStream::connect(&path).unwrap();
    last.set_read_timeout(Some(PATIENCE)).unwrap();
    last.write_all(b"GET /livez HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = [0; 12];
    last.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    assert_eq!(idle.read(&mut [0; 1]).unwrap(), 0, "it made room");
    assert!(server.is_running());
    setrlimit(Resource::Nofile, old).unwrap();
}

#[test]
fn a_head_beyond_its_bound_is_refused() {
    let port = Port::fixed(Status::Pass);
    let long = "x".repeat(64 * 1024);
    for request in [
        format!("GET /{long} HTTP/1.1\r\nhost: localhost\r\n\r\n"),
        format!("GET /livez HTTP/1.1\r\nhost: localhost\r\nx-long: {long}\r\n\r\n"),
        format!("GET /livez HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(200)),
    ] {
        let mut stream = port.connect();
        // The port may answer before it has read all, and reset the connection.
        let _ = stream.write_all(request.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let is_refused = answer.is_empty() || answer.starts_with(b"HTTP/1.1 4");
        assert!(is_refused, "{}", String::from_utf8_lossy(&answer));
    }
    assert_eq!(port.get("/livez").code, 200);
}
