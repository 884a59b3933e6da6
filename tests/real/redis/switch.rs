//! An address whose server changes, as that of a DNS name or a virtual address does: connections
//! that are open stay where they are.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

pub(crate) struct Switch {
    port: u16,
    target: watch::Sender<SocketAddr>,
    task: AbortHandle,
}

impl Switch {
    pub(crate) async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (target, seen) = watch::channel(target);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                let target = *seen.borrow();
                connections.spawn(async move {
                    if let Ok(mut server) = TcpStream::connect(target).await {
                        let _ = copy_bidirectional(&mut client, &mut server).await;
                    }
                });
            }
        });
        Self {
            port,
            target,
            task: task.abort_handle(),
        }
    }

    /// New connections lead there.
    pub(crate) fn lead_to(&self, target: SocketAddr) {
        self.target.send_replace(target);
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        self.task.abort();
    }
}
