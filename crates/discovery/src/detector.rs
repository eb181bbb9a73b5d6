//! Probes servers and hands what is found to the router.

use crate::{DiscoveryError, MetadataSource};
use odp_cluster::ServerAddr;
use odp_pool::PoolError;
use odp_routing::{Detected, Detection, Evidence, Probed, Router};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, sleep, sleep_until};

/// How often a question to a server looks up whether the server is still thought to live.
const GLANCE: Duration = Duration::from_millis(100);

/// The one owner of the judgement about silent servers.
#[derive(Debug)]
pub(crate) struct Detector<'a, S: MetadataSource> {
    pub(crate) source: &'a S,
    pub(crate) router: &'a Router,
    pub(crate) detection: Detection,
    pub(crate) evidence: mpsc::Receiver<Evidence>,
    /// The time for one probe (`detect_server_timeout`).
    pub(crate) timeout: Duration,
}

/// The probes that are under way.
type Probes<'a> = Vec<Pin<Box<dyn Future<Output = (ServerAddr, Probed)> + 'a>>>;

impl<S: MetadataSource> Detector<'_, S> {
    /// Runs until every handle is gone.
    pub(crate) async fn run(&mut self) {
        let now = Instant::now().into_std();
        for standing in self.router.standings(now) {
            // Whatever else it is listed for: only a probe takes the finding back.
            if standing.detected != Detected::Alive {
                self.detection.adopt(standing.addr(), standing.detected);
            }
        }
        let mut probes: Probes<'_> = Vec::new();
        loop {
            let now = Instant::now();
            for server in self.detection.due(&self.router.view(), now.into_std()) {
                let probe = self.source.probe(server, self.timeout);
                probes.push(Box::pin(async move { (server, probe.await) }));
            }
            let next = self.detection.next_due(now.into_std());
            let next = next.map(Instant::from_std);
            tokio::select! {
                biased;
                (server, came) = next_of(&mut probes) => {
                    let verdict = self.detection.probed(server, came);
                    self.publish(server, verdict);
                }
                evidence = self.evidence.recv() => {
                    let Some(evidence) = evidence else {
                        return;
                    };
                    self.judge(evidence);
                }
                () = until(next) => {}
            }
        }
    }

    fn judge(&mut self, evidence: Evidence) {
        let server = evidence.server;
        let was_heard = |moment| self.router.was_heard_since(server, moment);
        let now = Instant::now().into_std();
        let verdict = self.detection.note(evidence, was_heard, now);
        self.publish(server, verdict);
    }

    fn publish(&self, server: ServerAddr, verdict: Option<Detected>) {
        let Some(detected) = verdict else {
            return;
        };
        let now = Instant::now().into_std();
        if !self.router.set_detected(server, detected, now) {
            return;
        }
        match detected {
            Detected::Alive => tracing::info!(%server, "the server answers again"),
            Detected::Unreachable => tracing::warn!(%server, "no way to the server"),
            Detected::Dead => tracing::warn!(%server, "the server is dead"),
        }
    }
}

/// The next probe that ends; never when there is none.
async fn next_of(probes: &mut Probes<'_>) -> (ServerAddr, Probed) {
    poll_fn(|context| {
        for (at, probe) in probes.iter_mut().enumerate() {
            if let Poll::Ready(done) = probe.as_mut().poll(context) {
                drop(probes.swap_remove(at));
                return Poll::Ready(done);
            }
        }
        Poll::Pending
    })
    .await
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Asks `server` something, but not beyond the moment in which it is found unreachable.
///
/// # Errors
/// Those of `asking`, and the end of the server.
pub(crate) async fn while_alive<T>(
    router: &Router,
    server: ServerAddr,
    asking: impl Future<Output = Result<T, DiscoveryError>>,
) -> Result<T, DiscoveryError> {
    let was_alive = router.vital(server) == Detected::Alive;
    let started = Instant::now();
    let lost = async {
        loop {
            sleep(GLANCE).await;
            if was_alive && router.vital(server) != Detected::Alive {
                return;
            }
        }
    };
    tokio::select! {
        biased;
        answer = asking => answer,
        () = lost => Err(DiscoveryError::Unreachable(PoolError::Timeout {
            addr: server,
            step: "an answer until probes found no way to it",
            limit_ms: started.elapsed().as_millis(),
        })),
    }
}
