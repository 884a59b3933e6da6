//! What goes over the wire: requests byte for byte as probers send them, and their answers.
//!
//! The service behind the layer answers 200 to every path, as a single-page application does: only
//! the body distinguishes the answer to a probe from a page.

mod connections;
mod methods;
mod probers;
mod support;
mod targets;
