//! WebSockets through the layer.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

use crate::support::http::connect;
use crate::support::service::Service;
use crate::support::wait_until;

fn open(service: &Service) -> WebSocket<TcpStream> {
    let stream = connect(service.api).unwrap();
    let url = format!("ws://localhost:{}/ws/echo", service.api);
    let (socket, answer) = tungstenite::client(url, stream).unwrap();
    assert_eq!(answer.status(), 101);
    socket
}

#[test]
fn a_thousand_messages_come_back_through_the_layer_between_probes() {
    let service = Service::start(&[], &[]).ready();
    let mut socket = open(&service);
    for number in 0..1000 {
        let sent = if number % 2 == 0 {
            Message::text(format!("message {number}"))
        } else {
            Message::binary(vec![0xff; number])
        };
        socket.send(sent.clone()).unwrap();
        assert_eq!(socket.read().unwrap(), sent);
        if number % 100 == 0 {
            assert_eq!(service.get("/readyz").code, 200);
        }
    }
    socket.close(None).unwrap();
    assert!(matches!(socket.read(), Ok(Message::Close(_))));
}

#[test]
fn a_drain_closes_sockets_with_going_away_and_the_process_waits_for_it() {
    let service = Service::start(&[], &[]).ready();
    let mut socket = open(&service);
    service.terminate();
    let Message::Close(Some(CloseFrame { code, .. })) = socket.read().unwrap() else {
        panic!("no close");
    };
    assert_eq!(code, CloseCode::Away);
    // Reading on sends the answer to the close.
    while socket.read().is_ok() {}
    let (code, output) = service.process.end();
    assert_eq!(code, Some(0), "{output}");
    assert!(!output.contains("still open"), "{output}");
}

#[test]
fn a_socket_whose_peer_never_answers_the_close_ends_all_the_same() {
    let service = Service::start(&[], &[]).ready();
    let socket = open(&service);
    let log = service.stop();
    assert!(!log.contains("still open"), "{log}");
    drop(socket);
}

#[test]
fn a_message_that_is_too_long_ends_its_socket_and_no_other() {
    let service = Service::start(&[], &[]).ready();
    let (mut first, mut second) = (open(&service), open(&service));
    let _ = first.send(Message::binary(vec![0; 65 * 1024]));
    let ended = loop {
        match first.read() {
            Ok(Message::Binary(_)) => break false,
            Ok(_) => {}
            Err(_) => break true,
        }
    };
    assert!(ended);
    second.send(Message::text("still here")).unwrap();
    assert_eq!(second.read().unwrap(), Message::text("still here"));
}

#[test]
fn a_frame_that_is_longer_than_a_message_ends_its_socket_before_it_has_come() {
    let service = Service::start(&[], &[]).ready();
    let mut socket = open(&service);
    let frame = [&[0x82, 0xff][..], &(1u64 << 20).to_be_bytes(), &[0; 4]].concat();
    socket.get_mut().write_all(&frame).unwrap();
    // The end, or the reset of a connection whose bytes nobody has read.
    if let Err(error) = socket.get_mut().read_to_end(&mut Vec::new()) {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
    }
}

#[test]
fn a_peer_that_reads_nothing_does_not_hold_up_the_end() {
    let service = Service::start(&[], &[]).ready();
    let mut socket = open(&service);
    let stream = socket.get_mut();
    stream
        .set_write_timeout(Some(Duration::from_secs(1)))
        .unwrap();
    let length = 60 * 1024u16;
    let mut frame = vec![0x82, 0xfe];
    frame.extend(length.to_be_bytes());
    frame.extend([0; 4]);
    frame.resize(frame.len() + usize::from(length), 0);
    // Until every buffer between the two is full.
    while stream.write_all(&frame).is_ok() {}
    let log = service.stop();
    assert!(!log.contains("still open"), "{log}");
    drop(socket);
}

#[test]
fn each_socket_takes_a_place_until_it_is_closed() {
    // A place for each fourth descriptor, and one of them is kept by the website.
    let service = Service::with_descriptors(128, &[]).ready();
    let sockets: Vec<_> = (0..31).map(|_| open(&service)).collect();
    wait_until("a warning", || {
        let log = service.process.output();
        log.contains("every place is taken, further connections wait places=32")
    });
    drop(sockets);
    assert_eq!(service.get("/api/time").code, 200);
    let log = service.stop();
    assert_eq!(log.matches("every place is taken").count(), 1, "{log}");
}
