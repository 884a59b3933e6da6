//! Real probing clients against a real server: what they ask, and what they make of the answers.
//!
//! Each starts the program that users have in front of their services and changes the health
//! behind it. That a prober likes what it sees proves little by itself: where the program can look
//! at the body it does, and the server answers 200 on every path that is not for the layer.
//!
//! Not run by default: `.ci/test` installs the programs and runs these tests. A program that is
//! missing is a failure.

mod blackbox;
mod check_http;
mod curl;
mod envoy;
mod grpcurl;
mod haproxy;
mod nginx;
mod process;
mod python;
mod site;
mod varnish;
