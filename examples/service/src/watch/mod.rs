//! `service watch`: what a client sees of a probe, from where the client is.

mod client;
mod pace;
mod reach;

use std::io::{Write, stdout};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use self::client::Client;
use self::pace::Pace;
use self::reach::{Reach, line};
use crate::Error;
use crate::cli::Watch;
use crate::signals;

/// Watches until somebody asks the process to end.
///
/// # Errors
///
/// Returns an error if there is no certificate to trust, or if nobody reads what this prints.
pub(crate) fn run(watch: &Watch) -> Result<(), Error> {
    let client = Client::new(watch)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let result = runtime.block_on(async {
        tokio::select! {
            biased;
            signal = signals::asked_to_end() => signal.map(drop),
            result = follow(Arc::new(client), Pace::new(watch.interval)) => result,
        }
    });
    // A request that is under way ends with the process.
    runtime.shutdown_background();
    result
}

async fn follow(client: Arc<Client>, mut pace: Pace) -> Result<(), Error> {
    let mut last: Option<(Reach, Instant)> = None;
    loop {
        let asked = Arc::clone(&client);
        let (reach, reason) = tokio::task::spawn_blocking(move || asked.ask()).await?;
        if last.is_none_or(|(before, _)| before != reach) {
            let before = last.map(|(before, since)| (before, since.elapsed()));
            writeln!(
                stdout(),
                "{}",
                line(SystemTime::now(), reach, &reason, before)
            )?;
            last = Some((reach, Instant::now()));
        }
        tokio::time::sleep(pace.next(reach)).await;
    }
}
