//! The gRPC indicator against real servers.

mod etcd;
