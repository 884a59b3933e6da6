//! The indicators that use the network (HTTP, TCP, DNS, gRPC, TLS), against servers in this process
//! that the test controls.

mod authority;
mod certificate_file;
mod certificate_server;
mod dns;
pub(crate) mod grpc;
mod grpc_faults;
mod http_answers;
mod http_bodies;
mod http_clients;
mod http_connections;
mod http_faults;
mod http_settings;
mod http_tls;
pub(crate) mod site;
mod tcp;
mod verdict;
