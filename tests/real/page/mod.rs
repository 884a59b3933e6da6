//! The status page in a real Chromium: what it does, what it does not, and whether people can use it.
//!
//! The page comes from a management port, over a health whose checks are dials. The browser is driven
//! by `tests/browser/driver.mjs`, in a process of its own.

mod browser;
mod hostile;
mod live;
mod people;

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use tower_health::management::ManagementServer;
use tower_health::{Check, Failure, Health, HealthBuilder, Observation, indicator_fn};

use self::browser::Browser;
use crate::support::millis;

/// A service with its page.
struct Site {
    health: Health,
    server: ManagementServer,
    url: String,
}

impl Site {
    /// Must be called within a runtime.
    fn start(builder: HealthBuilder) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self::serve(builder.ttl(millis(100)).start().unwrap(), listener)
    }

    fn serve(health: Health, listener: TcpListener) -> Self {
        let server = health.serve_management(listener).unwrap();
        let url = format!("http://{}/", server.address().unwrap());
        Self {
            health,
            server,
            url,
        }
    }

    fn address(&self) -> SocketAddr {
        self.server.address().unwrap()
    }
}

/// What the next run of a check finds; `Ok` may warn.
#[derive(Clone)]
struct Knob(Arc<Mutex<Result<Option<String>, String>>>);

impl Knob {
    fn passing() -> Self {
        Self(Arc::new(Mutex::new(Ok(None))))
    }

    fn check(&self, name: &str) -> Check {
        let knob = self.clone();
        Check::new(indicator_fn(name, move || {
            let found = knob.0.lock().unwrap().clone();
            async move {
                match found {
                    Ok(None) => Ok(Observation::pass()),
                    Ok(Some(warning)) => Ok(Observation::warn(warning)),
                    Err(failure) => Err(Failure::new(failure)),
                }
            }
        }))
    }

    fn pass(&self) {
        *self.0.lock().unwrap() = Ok(None);
    }

    fn warn(&self, text: &str) {
        *self.0.lock().unwrap() = Ok(Some(text.to_owned()));
    }

    fn fail(&self, text: &str) {
        *self.0.lock().unwrap() = Err(text.to_owned());
    }
}

/// A health with one check.
fn one(knob: &Knob) -> HealthBuilder {
    Health::builder()
        .service_id("shop")
        .readiness(knob.check("db"))
}

/// Waits until the sentence of the page contains this text.
fn wait_for_sentence(browser: &mut Browser, text: &str) {
    let text = serde_json::to_string(text).unwrap();
    browser.wait(&format!(
        "document.querySelector('h1').innerText.includes({text})"
    ));
}

fn wait_until_live(browser: &mut Browser) {
    browser.wait("document.getElementById('stream').className === 'live'");
}
