//! Signals of the coordinator: the first SIGTERM or SIGINT drains, the second one ends at once.

use crate::error::Error;
use odp_restart::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

/// Obeys signals until it is aborted.
pub(crate) fn obey(handle: Handle) -> Result<JoinHandle<()>, Error> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::Runtime)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Runtime)?;
    Ok(tokio::spawn(async move {
        let mut asked = false;
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if asked {
                tracing::warn!("second signal: ending at once");
                handle.force().await;
            } else {
                tracing::info!("signal: draining; a second one ends at once");
                handle.stop().await;
            }
            asked = true;
        }
    }))
}
