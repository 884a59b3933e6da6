//! Health as metrics: a reader of the snapshot.
