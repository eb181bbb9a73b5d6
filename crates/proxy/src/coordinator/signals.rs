//! Signals of the coordinator: the first SIGTERM or SIGINT drains, the second one ends at once.

use crate::error::Error;
use odp_restart::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;

/// The signals that end the process; one that comes before [`Self::obey`] is not lost.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes the signals from their default, which would leave the data plane and files behind. Those
    /// that an earlier image of this process has held back come in now.
    pub(crate) fn take() -> Result<Self, Error> {
        let signals = Self {
            terminate: signal(SignalKind::terminate()).map_err(Error::Runtime)?,
            interrupt: signal(SignalKind::interrupt()).map_err(Error::Runtime)?,
        };
        odp_sys::let_end_signals_in().map_err(Error::Runtime)?;
        Ok(signals)
    }

    /// Obeys until the task is aborted.
    pub(crate) fn obey(mut self, handle: Handle) -> JoinHandle<()> {
        tokio::spawn(async move {
            self.next().await;
            tracing::info!("signal: draining; a second one ends at once");
            handle.exit().await;
            loop {
                self.next().await;
                tracing::warn!("another signal: ending at once");
                handle.force().await;
            }
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
