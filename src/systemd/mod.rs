//! Tells systemd what the probes tell others.
