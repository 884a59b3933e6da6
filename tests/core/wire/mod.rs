//! What goes over the wire: requests byte for byte as probers send them, and the answers to them.
//!
//! Behind the layer stands a service that says 200 to everything, as a single-page application
//! does: only the body tells a probe answer from one of its pages.

mod connections;
mod methods;
mod probers;
mod support;
mod targets;
