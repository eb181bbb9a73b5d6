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

#[cfg(test)]
mod tests {
    use super::super::workers::testing::dealer;
    use super::*;
    use std::net::TcpStream;

    #[tokio::test]
    async fn clients_go_to_the_worker_that_has_the_fewest() {
        let listener = StdTcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let addr = listener.local_addr().unwrap();
        let (dealer, mut inboxes) = dealer(&[2, 0, 1]);
        let stop = CancellationToken::new();
        let accepting = tokio::spawn(run(listener, dealer, stop.clone()));
        let mut clients = Vec::new();
        for expected in [1, 1, 2, 0] {
            clients.push(TcpStream::connect(addr).unwrap());
            let inbox = inboxes.get_mut(expected).unwrap();
            let accepted = inbox.recv().await.unwrap();
            let client = clients.last().unwrap().local_addr().unwrap();
            assert_eq!(accepted.peer, client);
        }
        stop.cancel();
        accepting.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_worker_that_does_not_take_its_clients_is_passed_over() {
        let listener = StdTcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let addr = listener.local_addr().unwrap();
        let (dealer, mut inboxes) = dealer(&[0, 100]);
        let stop = CancellationToken::new();
        let accepting = tokio::spawn(run(listener, dealer, stop.clone()));
        // The first worker's inbox has room for 16.
        let clients: Vec<_> = (0..20).map(|_| TcpStream::connect(addr).unwrap()).collect();
        for _ in 16..20 {
            assert!(inboxes[1].recv().await.is_some());
        }
        stop.cancel();
        accepting.await.unwrap().unwrap();
        assert_eq!(inboxes[0].len(), 16);
        drop(clients);
    }

    #[tokio::test]
    async fn whoever_connected_before_the_stop_is_still_taken() {
        let listener = StdTcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let addr = listener.local_addr().unwrap();
        let (dealer, mut inboxes) = dealer(&[0]);
        let stop = CancellationToken::new();
        stop.cancel();
        let clients: Vec<_> = (0..3).map(|_| TcpStream::connect(addr).unwrap()).collect();
        run(listener, dealer, stop).await.unwrap();
        for _ in &clients {
            assert!(inboxes[0].recv().await.is_some());
        }
        assert!(TcpStream::connect(addr).is_err());
    }
}
