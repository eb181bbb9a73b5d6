//! Accepts clients and deals them to the workers.

use super::worker::Accepted;
use super::workers::Dealer;
use crate::error::Error;
use std::io;
use std::net::TcpListener as StdTcpListener;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How long accepting pauses after an error; descriptors may be free again then.
const PAUSE: Duration = Duration::from_millis(20);
/// How often an error is logged.
const LOG_PERIOD: Duration = Duration::from_secs(10);

/// Accepts until `stop`, then takes what the kernel has already accepted and closes the listener.
pub(super) async fn run(
    listener: StdTcpListener,
    dealer: Dealer,
    stop: CancellationToken,
) -> Result<(), Error> {
    let listener = TcpListener::from_std(listener).map_err(Error::Runtime)?;
    let mut logged: Option<Instant> = None;
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted.and_then(|(stream, peer)| {
            let stream = stream.into_std()?;
            Ok(Accepted { stream, peer })
        }) {
            Ok(accepted) => dealer.deal(accepted).await,
            Err(error) if concerns_one_client(&error) => {}
            Err(error) => {
                if logged.is_none_or(|logged| logged.elapsed() >= LOG_PERIOD) {
                    tracing::error!(%error, "clients cannot be accepted");
                    logged = Some(Instant::now());
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    let listener = listener.into_std().map_err(Error::Runtime)?;
    while let Ok((stream, peer)) = listener.accept() {
        if stream.set_nonblocking(true).is_ok() {
            dealer.deal(Accepted { stream, peer }).await;
        }
    }
    Ok(())
}

/// Errors of `accept(2)` that belong to the connection, not to the listener.
fn concerns_one_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}
