//! The indicators that use the network, by way of real proxies, resolvers and TLS servers, and
//! against real servers of the presets.

mod certificates;
mod ipv6;
mod names;
mod namespace;
mod presets;
mod proxy;
