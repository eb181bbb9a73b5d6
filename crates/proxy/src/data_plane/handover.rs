//! What a generation tells the next one, so that it begins warm: a copy of what it knows and has counted.
//!
//! Locations travel by name: the next generation fetches them before it is Ready, with its own release's
//! understanding of the metadata, and as they are then.

use super::asked_tables::AskedTables;
use super::worker::Shared;
use odp_routing::{ClusterView, FormerStanding, Router, TableKey};
use odp_session::Counts;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// The copy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Handover {
    /// What was counted; the gauges are zero, for they count what lives elsewhere.
    pub(super) counts: Counts,
    /// The servers, zones and tenants.
    view: ClusterView,
    /// What is held against the servers.
    standings: Vec<FormerStanding>,
    /// The tables whose locations were asked for.
    tables: Vec<TableKey>,
}

impl Handover {
    /// How long the locations are waited for; what takes longer comes in later.
    const PATIENCE: Duration = Duration::from_secs(2);

    /// Copies what `shared` knows.
    pub(super) fn of(shared: &Shared, counts: Counts) -> Self {
        let now = Instant::now();
        let standings = shared.router.standings(now);
        let held = |standing| FormerStanding::of(standing, now);
        Self {
            counts: Counts {
                clients: 0,
                servers: 0,
                in_transaction: 0,
                pinned: 0,
                ..counts
            },
            view: ClusterView::clone(&shared.router.view()),
            standings: standings.iter().filter_map(held).collect(),
            tables: shared.asked.all(),
        }
    }

    /// As bytes for the control channel.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_else(|error| {
            tracing::error!(%error, "the snapshot cannot be written");
            Vec::new()
        })
    }

    /// Reads what another release may have written.
    ///
    /// # Errors
    /// One line for the operator.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes)
            .map_err(|error| format!("the snapshot cannot be read: {error}"))
    }

    /// Puts the picture of the cluster in place; says whether there was one.
    pub(super) fn load(&self, router: &Router) -> bool {
        if self.view.servers.is_empty() {
            return false;
        }
        router.set_view(self.view.clone());
        router.relist(&self.standings, Instant::now());
        true
    }

    /// Fetches the locations; answers what was counted.
    pub(super) async fn warm_up(self, shared: &Shared) -> Counts {
        let mut lookups = JoinSet::new();
        for key in self.tables.into_iter().take(AskedTables::KEPT) {
            shared.asked.note(&key);
            let discovery = shared.discovery.clone();
            lookups.spawn(async move { discovery.lookup(key).await });
        }
        let all = async { while lookups.join_next().await.is_some() {} };
        if tokio::time::timeout(Self::PATIENCE, all).await.is_err() {
            tracing::warn!("not all locations came in time");
        }
        lookups.detach_all();
        self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use odp_cluster::{Server, ServerState, ZoneName};
    use odp_routing::RouterLimits;

    fn view() -> ClusterView {
        ClusterView {
            servers: vec![Server {
                addr: "127.0.0.1:2881".parse().unwrap(),
                zone: ZoneName::new("z1"),
                state: ServerState::Active,
            }],
            ..ClusterView::default()
        }
    }

    #[test]
    fn servers_and_what_is_held_against_them_come_across() {
        let handover = Handover {
            view: view(),
            standings: vec![FormerStanding {
                server: "127.0.0.1:2881".parse().unwrap(),
                strikes: 5,
                probe_in: Some(Duration::from_secs(7)),
            }],
            ..Handover::default()
        };
        let copy = Handover::from_bytes(&handover.to_bytes()).unwrap();
        assert_eq!(copy, handover);
        let router = Router::new(RouterLimits::default());
        assert!(copy.load(&router));
        let standings = router.standings(Instant::now());
        assert_eq!(standings[0].standing, odp_routing::Standing::Alive);
        assert_eq!(standings[0].strikes, 5);
    }

    #[test]
    fn what_another_release_wrote_is_taken_as_far_as_it_is_known() {
        let copy = Handover::from_bytes(br#"{"counts":{"logins":3},"novelty":[1]}"#);
        assert!(copy.is_ok(), "{copy:?}");
        assert!(!copy.unwrap().load(&Router::new(RouterLimits::default())));
        assert!(Handover::from_bytes(b"\x00\x01").is_err());
        assert!(Handover::from_bytes(b"").is_err());
    }
}
