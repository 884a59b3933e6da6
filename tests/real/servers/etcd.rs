//! An etcd cluster of its own for each test, of one member or several.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::process::Process;
use crate::support::port::free_port;
use crate::support::wait_until;

pub(crate) struct EtcdCluster {
    members: Vec<Member>,
    directory: TempDir,
}

struct Member {
    process: Process,
    client_port: u16,
    peer_port: u16,
}

impl EtcdCluster {
    /// Starts it, and waits until each member serves clients, which takes a leader.
    pub(crate) fn start(members: usize) -> Self {
        loop {
            let mut cluster = Self::spawn(members);
            if cluster.serve() {
                return cluster;
            }
        }
    }

    fn spawn(members: usize) -> Self {
        let directory = TempDir::new().unwrap();
        let ports: Vec<_> = (0..members).map(|_| (free_port(), free_port())).collect();
        let cluster = cluster_of(ports.iter().map(|&(_, peer)| peer));
        let start = |(client_port, peer_port)| Member {
            process: spawn(directory.path(), client_port, peer_port, &cluster),
            client_port,
            peer_port,
        };
        let members = ports.into_iter().map(start).collect();
        Self { members, directory }
    }

    /// False when a member ended instead, as when its port was taken.
    fn serve(&mut self) -> bool {
        let mut ended = false;
        wait_until("etcd serves clients", || {
            let mut members = self.members.iter_mut();
            ended = members.any(|member| member.process.has_ended());
            let listens = |member: &Member| TcpStream::connect(address(member)).is_ok();
            ended || self.members.iter().all(listens)
        });
        !ended
    }

    /// Starts a member that was killed again, on the same ports and with what it has written.
    pub(crate) fn bring_back(&mut self, member: usize) {
        let cluster = cluster_of(self.members.iter().map(|member| member.peer_port));
        let member = &mut self.members[member];
        let directory = self.directory.path();
        member.process = spawn(directory, member.client_port, member.peer_port, &cluster);
    }

    pub(crate) fn kill(&mut self, member: usize) {
        self.members[member].process.kill();
    }

    pub(crate) fn freeze(&mut self, member: usize) {
        self.members[member].process.freeze();
    }

    pub(crate) fn thaw(&mut self, member: usize) {
        self.members[member].process.thaw();
    }

    pub(crate) fn address(&self, member: usize) -> SocketAddr {
        address(&self.members[member])
    }

    /// Runs `etcdctl` against the first member, with arguments separated by spaces.
    pub(crate) fn control(&self, arguments: &str) {
        let output = Command::new("etcdctl")
            .env("ETCDCTL_API", "3")
            .args(["--endpoints", &self.address(0).to_string()])
            .args(arguments.split(' '))
            .output()
            .unwrap_or_else(|error| panic!("etcdctl does not start, see .ci/test: {error}"));
        assert!(output.status.success(), "{arguments}: {output:?}");
    }
}

fn address(member: &Member) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, member.client_port).into()
}

fn cluster_of(peer_ports: impl Iterator<Item = u16>) -> String {
    let members = peer_ports.map(|port| format!("m{port}=http://127.0.0.1:{port}"));
    members.collect::<Vec<_>>().join(",")
}

fn spawn(directory: &Path, client_port: u16, peer_port: u16, cluster: &str) -> Process {
    let name = format!("m{peer_port}");
    let client = format!("http://127.0.0.1:{client_port}");
    let peer = format!("http://127.0.0.1:{peer_port}");
    let mut command = Command::new("etcd");
    command.args(["--name", &name, "--initial-cluster", cluster]);
    command.arg("--data-dir").arg(directory.join(&name));
    command.args([
        "--listen-client-urls",
        &client,
        "--advertise-client-urls",
        &client,
    ]);
    command.args([
        "--listen-peer-urls",
        &peer,
        "--initial-advertise-peer-urls",
        &peer,
    ]);
    Process::start(&mut command, &directory.join(format!("{name}.log")))
}
