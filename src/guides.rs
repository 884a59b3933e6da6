//! Guides: what a reference does not say.

#[doc = include_str!("docs/ordering.md")]
pub mod ordering {}

#[doc = include_str!("docs/saturation.md")]
pub mod saturation {}

#[doc = include_str!("docs/draining.md")]
pub mod draining {}

#[doc = include_str!("docs/writing-an-indicator.md")]
pub mod writing_an_indicator {}

#[doc = include_str!("docs/costs.md")]
pub mod costs {}

#[doc = include_str!("docs/migrating.md")]
pub mod migrating {}

#[cfg(feature = "grpc")]
#[cfg_attr(docsrs, doc(cfg(feature = "grpc")))]
#[doc = include_str!("docs/grpc.md")]
pub mod grpc {}
