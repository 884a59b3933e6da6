//! A server of HTTPS that answers as the test wants.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::thread::{self, JoinHandle};

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::support::certificates::certificates;
use crate::support::port::Port;
use crate::support::{PATIENCE, wait_until};

pub(super) struct Server {
    /// The same one each time it is brought up.
    port: Port,
    /// Of the authority, in PEM.
    pub(super) authority: String,
    config: Arc<ServerConfig>,
    code: Arc<AtomicU16>,
    running: Option<(Arc<AtomicBool>, JoinHandle<()>)>,
}

impl Server {
    /// It answers 200, with a certificate for `localhost` of an authority of its own.
    pub(super) fn start() -> Self {
        let (authority, config) = config();
        let mut server = Self {
            port: Port::take(),
            authority,
            config: Arc::new(config),
            code: Arc::new(AtomicU16::new(200)),
            running: None,
        };
        server.bring_up();
        server
    }

    pub(super) fn url(&self) -> String {
        format!("https://localhost:{}/readyz", self.port.number)
    }

    pub(super) fn answer(&self, code: u16) {
        self.code.store(code, Ordering::SeqCst);
    }

    pub(super) fn bring_up(&mut self) {
        let mut listener = None;
        // A process that a test starts holds a copy of the last one until its own program runs.
        wait_until("the port is free", || {
            listener = TcpListener::bind(("127.0.0.1", self.port.number)).ok();
            listener.is_some()
        });
        let listener = listener.unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, config) = (Arc::clone(&stop), Arc::clone(&self.config));
        let code = Arc::clone(&self.code);
        let thread = thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let (config, code) = (Arc::clone(&config), Arc::clone(&code));
                // A client that refuses the certificate breaks off.
                thread::spawn(move || serve(stream, config, &code));
            }
        });
        self.running = Some((stop, thread));
    }

    pub(super) fn kill(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            stop.store(true, Ordering::SeqCst);
            drop(TcpStream::connect(("127.0.0.1", self.port.number)));
            thread.join().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn serve(stream: TcpStream, config: Arc<ServerConfig>, code: &AtomicU16) -> Option<()> {
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let mut stream = StreamOwned::new(ServerConnection::new(config).ok()?, stream);
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    while !request.ends_with(b"\r\n\r\n") {
        let read = stream.read(&mut buffer).ok().filter(|read| *read > 0)?;
        request.extend_from_slice(&buffer[..read]);
    }
    let code = code.load(Ordering::SeqCst);
    let answer =
        format!("HTTP/1.1 {code} Status\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).ok()?;
    stream.conn.send_close_notify();
    stream.flush().ok()
}

fn config() -> (String, ServerConfig) {
    let (authority, chain, key) = certificates();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(chain.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
        );
    (authority, config.unwrap())
}
