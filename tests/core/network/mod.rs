//! The indicators that use the network (HTTP, TCP, DNS, gRPC, TLS), against servers in this process
//! that the test controls.

mod certificate_file;
mod certificate_issuers;
mod certificate_server;
mod dns;
pub(crate) mod grpc;
mod grpc_balanced;
mod grpc_faults;
mod grpc_presets;
mod http_answers;
mod http_bodies;
mod http_clients;
mod http_connections;
mod http_doubt;
mod http_faults;
mod http_openid;
mod http_presets;
mod http_secrets;
mod http_settings;
mod http_tls;
mod tcp;

use crate::support::{authority, site, verdict};
