//! A TCP proxy between a client and a real server that can be slow, silent, rude or gone.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, sink};
use tokio::net::{TcpListener, TcpStream};
use tokio::select;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

const READY: [u8; 6] = *b"Z\0\0\0\x05I";

/// What the proxy does with the bytes of every connection, those that are open included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mode {
    Pass,
    /// Delivers the bytes of each direction after this time.
    Slow(Duration),
    /// Accepts connections and bytes, and delivers none.
    BlackHole,
    /// Delivers all of a connection's login to a Postgres, and no answer after it.
    SilentAfterLogin,
    /// Ends each connection with a reset when the next byte comes, and new ones at once.
    Reset,
}

pub(crate) struct Proxy {
    address: SocketAddr,
    mode: watch::Sender<Mode>,
    /// Counts up; a connection that was opened under an earlier number is silent for ever.
    age: watch::Sender<u64>,
    accepted: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
    task: AbortHandle,
}

impl Proxy {
    pub(crate) async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (mode, seen) = watch::channel(Mode::Pass);
        let (age, ages) = watch::channel(0);
        let (accepted, open) = (Arc::default(), Arc::default());
        let counts = (Arc::clone(&accepted), Arc::clone(&open));
        let task = serve(listener, server, seen, ages, counts);
        let task = tokio::spawn(task).abort_handle();
        Self {
            address,
            mode,
            age,
            accepted,
            open,
            task,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// How many connections it has accepted so far.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// How many connections clients have open.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// Makes each connection that is open now silent for ever, as after a failover that moved the
    /// address: the peer of before is gone, and nobody says so. New connections work.
    pub(crate) fn silence_those_that_are_open(&self) {
        self.age.send_modify(|age| *age += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    listener: TcpListener,
    server: SocketAddr,
    mode: watch::Receiver<Mode>,
    ages: watch::Receiver<u64>,
    (count, open): (Arc<AtomicUsize>, Arc<AtomicUsize>),
) {
    let mut connections = JoinSet::new();
    loop {
        select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { continue };
                count.fetch_add(1, Ordering::SeqCst);
                let mut ages = ages.clone();
                ages.mark_unchanged();
                open.fetch_add(1, Ordering::SeqCst);
                connections.spawn(relay(client, server, mode.clone(), ages));
            }
            Some(_) = connections.join_next() => {
                open.fetch_sub(1, Ordering::SeqCst);
            }
        }
    }
}

async fn relay(
    client: TcpStream,
    server: SocketAddr,
    mut mode: watch::Receiver<Mode>,
    mut ages: watch::Receiver<u64>,
) {
    if *mode.borrow() == Mode::Reset {
        return reset(&client);
    }
    if *mode.borrow() == Mode::BlackHole
        && mode
            .wait_for(|mode| *mode != Mode::BlackHole)
            .await
            .is_err()
    {
        return;
    }
    let Ok(server) = TcpStream::connect(server).await else {
        return reset(&client);
    };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let ended = {
        let up = pump(&mut from_client, &mut to_server, mode.clone());
        let down = pump(&mut from_server, &mut to_client, mode);
        select! {
            ended = up => ended,
            ended = down => ended,
            Ok(()) = ages.changed() => Ended::Silent,
        }
    };
    if ended == Ended::Silent {
        // Reads, as the kernel of a peer would, and says nothing until the client is gone.
        let _ = copy(&mut from_client, &mut sink()).await;
    }
    if ended == Ended::Reset {
        let client = from_client.reunite(to_client).unwrap();
        reset(&client);
    }
}

#[derive(PartialEq)]
enum Ended {
    Closed,
    Reset,
    Silent,
}

async fn pump(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    mut mode: watch::Receiver<Mode>,
) -> Ended {
    let mut buffer = vec![0; 16 * 1024];
    let mut is_ready = false;
    loop {
        let Ok(length @ 1..) = from.read(&mut buffer).await else {
            return Ended::Closed;
        };
        loop {
            let now = *mode.borrow_and_update();
            match now {
                Mode::Pass => break,
                Mode::SilentAfterLogin if !is_ready => break,
                Mode::Slow(delay) => {
                    sleep(delay).await;
                    break;
                }
                Mode::Reset => return Ended::Reset,
                Mode::BlackHole | Mode::SilentAfterLogin => {
                    if mode.changed().await.is_err() {
                        return Ended::Closed;
                    }
                }
            }
        }
        // `ReadyForQuery`, while no transaction is open, ends the login and each answer.
        is_ready |= buffer[..length].ends_with(&READY);
        if to.write_all(&buffer[..length]).await.is_err() {
            return Ended::Closed;
        }
    }
}

/// A socket that is closed with no time to linger sends a reset instead of an end.
fn reset(client: &TcpStream) {
    let _ = client.set_zero_linger();
}
