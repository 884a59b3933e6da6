//! Carries out the action of a probe or a hook.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::state::Shared;
use crate::files::kubernetes::{Action, Port};
use crate::platform::prober::{self, Verdict};

impl Shared {
    pub(super) fn ask(&self, action: &Action, timeout: Duration) -> Verdict {
        let at = |port: &Port, ask: &dyn Fn(u16) -> Verdict| match self.container.resolve(port) {
            Some(number) => ask(self.image.port_here(number)),
            None => Verdict::Unknown(format!("no port {port}")),
        };
        match action {
            Action::Http { tls: true, .. } => {
                Verdict::Failure("the runner speaks no TLS".to_owned())
            }
            Action::Http {
                path,
                port,
                headers,
                ..
            } => at(port, &|port| prober::kubelet(port, path, headers, timeout)),
            Action::Grpc { port, service } => {
                at(port, &|port| prober::grpc(port, service, timeout))
            }
            Action::Tcp { port } => at(port, &|port| {
                let address = SocketAddr::from(([127, 0, 0, 1], port));
                match TcpStream::connect_timeout(&address, timeout) {
                    Ok(_) => Verdict::Success,
                    Err(error) => Verdict::Failure(error.to_string()),
                }
            }),
            Action::Exec { command } => {
                match self.image.run(command, &self.container.env, timeout) {
                    Ok(Some(0)) => Verdict::Success,
                    Ok(Some(code)) => Verdict::Failure(format!("exit code {code}")),
                    Ok(None) => Verdict::Failure("timeout".to_owned()),
                    Err(error) => Verdict::Unknown(error.to_string()),
                }
            }
            Action::None => Verdict::Unknown("no action".to_owned()),
        }
    }
}
