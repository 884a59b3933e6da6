//! A port for those who run the service: probes with details, metrics, history and a status page.
