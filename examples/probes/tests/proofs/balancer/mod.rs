//! What stands in front of two instances.

mod envoy;
mod haproxy;

pub(crate) use self::envoy::Envoy;
pub(crate) use self::haproxy::Haproxy;
use crate::site::Site;

pub(crate) trait Balancer {
    fn port(&self) -> u16;
    /// Whether both instances have traffic; what was logged before this many bytes is too old to say.
    fn has_both(&self, since: usize) -> bool;
    /// What it has logged.
    fn log(&self) -> String;
}

pub(crate) fn shipped<B: Balancer + 'static>(
    start: fn(&[u16]) -> B,
) -> impl Fn(&[u16]) -> Box<dyn Balancer> {
    move |ports| Box::new(start(ports))
}

impl Balancer for Site {
    fn port(&self) -> u16 {
        self.secure
    }

    /// nginx shows nothing but what it logs: both have to have answered.
    fn has_both(&self, since: usize) -> bool {
        self.curl(&[], "/api/time");
        let log = self.access_log();
        let lines = log.get(since..).unwrap_or_default().lines();
        let answered: Vec<_> = lines.filter(|line| line.contains(" 200 ")).collect();
        // Of several that it has tried, the last one has answered.
        let has = |port: &u16| {
            answered
                .iter()
                .any(|line| line.ends_with(&format!("127.0.0.1:{port}")))
        };
        self.upstreams.iter().all(has)
    }

    fn log(&self) -> String {
        self.access_log()
    }
}
