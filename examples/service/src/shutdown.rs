//! The end of the process, as its tasks see it.

use tokio::sync::watch;

/// Begins the stop, and waits until whatever holds a [`Stop`] is gone.
pub(crate) struct Stopper(watch::Sender<bool>);

/// Tells a task when to end. The process waits for every task that holds one, within the drain cap.
#[derive(Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

pub(crate) fn channel() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    pub(crate) fn begin(&self) {
        self.0.send_replace(true);
    }

    pub(crate) async fn ended(&self) {
        self.0.closed().await;
    }
}

impl Stop {
    pub(crate) async fn begun(&mut self) {
        // An error means that nobody is left to begin it: the process ends anyway.
        let _ = self.0.wait_for(|begun| *begun).await;
    }
}
