//! The indicators that ask over the network, against servers in this process that do what the test
//! says: HTTP, TCP, DNS, gRPC, TLS.

mod authority;
mod certificate_file;
mod certificate_server;
mod dns;
mod grpc;
mod grpc_faults;
mod http_answers;
mod http_bodies;
mod http_clients;
mod http_connections;
mod http_faults;
mod http_settings;
mod http_tls;
mod site;
mod tcp;
mod verdict;
