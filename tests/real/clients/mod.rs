//! Real probing clients against a real server: what they send, and what they conclude from the
//! answers.
//!
//! Each test starts a program that users have in front of their services, and changes the health
//! behind it. A prober that is content proves little by itself: programs that can look at the body
//! do so, and the server answers 200 on every path that is not for the layer.

mod blackbox;
mod check_http;
mod curl;
mod envoy;
mod grpcurl;
mod haproxy;
mod nginx;
mod process;
mod prometheus;
mod python;
mod site;
mod varnish;
