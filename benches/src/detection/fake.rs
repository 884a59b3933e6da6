//! A server of a few lines, which can be told to be silent or gone: what detection takes without
//! any client or database.

use std::future::ready;
use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tower_health::{Check, indicator_fn};

use super::{Dependency, Fault};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Answers,
    /// It takes connections and says nothing.
    IsSilent,
    /// Connections are refused.
    IsGone,
}

pub(super) async fn start() -> Option<Dependency> {
    let listener = TcpListener::bind("127.0.0.1:0").await.ok()?;
    let address = listener.local_addr().ok()?;
    let mode = watch::Sender::new(Mode::Answers);
    tokio::spawn(serve(listener, address, mode.subscribe()));
    let fault = |name, to| {
        let set = |to| {
            let mode = mode.clone();
            move || {
                mode.send_replace(to);
                ready(())
            }
        };
        Fault::new(name, set(to), set(Mode::Answers))
    };
    Some(Dependency {
        name: "fake server",
        check: Check::new(indicator_fn("fake", move || ping(address))),
        faults: vec![
            fault("refuses", Mode::IsGone),
            fault("is silent", Mode::IsSilent),
        ],
    })
}

async fn ping(address: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"?").await?;
    stream.read_exact(&mut [0]).await?;
    Ok(())
}

async fn serve(first: TcpListener, address: SocketAddr, mut mode: watch::Receiver<Mode>) {
    let mut listener = Some(first);
    let mut silent = Vec::new();
    loop {
        let now = *mode.borrow_and_update();
        match (now, &listener) {
            (Mode::IsGone, Some(_)) => listener = None,
            (Mode::IsGone, None) => {}
            (_, None) => listener = TcpListener::bind(address).await.ok(),
            (_, Some(_)) => {}
        }
        if now == Mode::Answers {
            silent.clear();
        }
        let Some(accepting) = &listener else {
            if mode.changed().await.is_err() {
                return;
            }
            continue;
        };
        tokio::select! {
            changed = mode.changed() => if changed.is_err() { return },
            accepted = accepting.accept() => match accepted {
                Ok((mut stream, _)) if now == Mode::Answers => drop(stream.write_all(b"!").await),
                Ok((stream, _)) => silent.push(stream),
                Err(_) => {}
            },
        }
    }
}
