//! Fetches table locations from a queue, over a connection of its own.

use crate::detector::while_alive;
use crate::dialect::Asked;
use crate::handle::Shared;
use crate::{DiscoveryError, MetadataSource, tables};
use odp_cluster::ServerAddr;
use odp_routing::{Detected, Lookup, Metadata, Router, TableKey};
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc};
use tokio::time::{Duration, Instant, timeout};

/// The most servers asked for one table.
const MAX_ATTEMPTS: u32 = 3;

/// The queue, which several workers take from.
pub(crate) type Queue = Mutex<mpsc::Receiver<TableKey>>;

/// A worker.
#[derive(Debug)]
pub(crate) struct Worker<'a, S: MetadataSource> {
    pub(crate) source: &'a S,
    pub(crate) router: &'a Router,
    pub(crate) shared: Arc<Shared>,
    pub(crate) limit: Duration,
    pub(crate) connection: Option<(ServerAddr, Asked<S::Connection>)>,
    /// Where in the list of servers the next connection is tried.
    pub(crate) rotation: usize,
}

impl<S: MetadataSource> Worker<'_, S> {
    /// Serves the queue until every handle is gone.
    pub(crate) async fn run(&mut self, queue: &Queue) {
        loop {
            let next = queue.lock().await.recv().await;
            let Some(key) = next else {
                return;
            };
            let answer = match self.router.view().metadata {
                Metadata::Unavailable => Lookup::Missing,
                Metadata::Available => self.fetch(&key).await,
            };
            let now = Instant::now().into_std();
            self.router.install(key.clone(), answer, now);
            self.shared.complete(&key);
        }
    }

    /// Asks up to three servers, each for its part of the time.
    async fn fetch(&mut self, key: &TableKey) -> Lookup {
        let part = self.limit / MAX_ATTEMPTS;
        for _ in 0..MAX_ATTEMPTS {
            match timeout(part, self.try_one(key)).await {
                Ok(Ok(answer)) => return answer,
                // Giving up has closed the connection, which still owes an answer.
                Err(_) => tracing::debug!(%key, "a location was not answered in time"),
                Ok(Err(error)) => {
                    tracing::debug!(%key, %error, "a location was not answered");
                    if !error.leaves_connection_usable() {
                        self.connection = None;
                    }
                    if matches!(error, DiscoveryError::QueryRefused { .. }) {
                        return Lookup::Failed;
                    }
                }
            }
        }
        Lookup::Failed
    }

    async fn try_one(&mut self, key: &TableKey) -> Result<Lookup, DiscoveryError> {
        let (server, mut connection) = if let Some(connection) = self.connection.take() {
            connection
        } else {
            let server = self.next_server()?;
            let opening = async { Asked::new(self.source.open(server).await?).await };
            (server, while_alive(self.router, server, opening).await?)
        };
        let asking = tables::load(&mut connection, key);
        let answer = while_alive(self.router, server, asking).await;
        self.connection = Some((server, connection));
        answer
    }

    /// The servers in turn, those out of service left out while there are others.
    fn next_server(&mut self) -> Result<ServerAddr, DiscoveryError> {
        let view = self.router.view();
        let count = view.servers.len().max(1);
        let start = self.rotation % count;
        let mut rotated = view.servers.iter().cycle().skip(start).take(count);
        let serving = rotated.clone().find(|server| {
            view.serves(server) && self.router.vital(server.addr) == Detected::Alive
        });
        let server = serving.or_else(|| rotated.next());
        self.rotation = self.rotation.wrapping_add(1);
        server
            .map(|server| server.addr)
            .ok_or(DiscoveryError::EmptyList)
    }
}
