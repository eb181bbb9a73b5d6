//! What a generation tells the next one, so that it begins warm: a copy of what it knows and has counted.
//!
//! JSON, which every release reads as far as it knows it, and behind it the locations in a form that
//! only releases of the same form read. Others get the names of the tables and fetch them anew.

use super::locations_copy::LocationsCopy;
use super::worker::Shared;
use bytes::Bytes;
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
    /// The tables that were used last.
    tables: Vec<TableKey>,
    /// What stands behind the JSON.
    #[serde(rename = "label")]
    locations: LocationsCopy,
}

/// What a router was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loaded {
    /// The cluster and the locations.
    Everything,
    /// The cluster; locations are to be fetched.
    Cluster,
    /// Nothing: the generation before knew no server.
    Nothing,
}

impl Handover {
    /// How long the locations are waited for; what takes longer comes in later.
    const PATIENCE: Duration = Duration::from_secs(2);

    /// Copies what `shared` knows.
    pub(super) fn of(shared: &Shared, counts: Counts) -> Self {
        let now = Instant::now();
        let standings = shared.router.standings(now);
        let held = |standing| FormerStanding::of(standing, now);
        let (locations, tables) = LocationsCopy::of(&shared.router);
        Self {
            counts: counts.totals(),
            view: ClusterView::clone(&shared.router.view()),
            standings: standings.iter().filter_map(held).collect(),
            tables,
            locations,
        }
    }

    /// As bytes for the control channel.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let written = serde_json::to_vec(self).map(|mut bytes| {
            bytes.extend_from_slice(&self.locations.bytes);
            bytes
        });
        written.unwrap_or_else(|error| {
            tracing::error!(%error, "the snapshot cannot be written");
            Vec::new()
        })
    }

    /// Reads what another release may have written.
    ///
    /// # Errors
    /// One line for the operator.
    pub(super) fn from_bytes(bytes: &Bytes) -> Result<Self, String> {
        let mut json = serde_json::Deserializer::from_slice(bytes).into_iter();
        let mut handover: Self = match json.next() {
            Some(Ok(handover)) => handover,
            Some(Err(error)) => return Err(format!("the snapshot cannot be read: {error}")),
            None => return Err("the snapshot is empty".to_owned()),
        };
        let rest = bytes.slice(json.byte_offset()..);
        handover.locations = handover.locations.with(rest)?;
        Ok(handover)
    }

    /// Puts what is known in place.
    pub(super) fn load(&self, router: &Router) -> Loaded {
        if self.view.servers.is_empty() {
            return Loaded::Nothing;
        }
        let now = Instant::now();
        router.set_view(self.view.clone(), now);
        router.relist(&self.standings, now);
        let Some(locations) = self.locations.read() else {
            return Loaded::Cluster;
        };
        // The bound of the cache may be another one: what was used last shall stay.
        for former in locations.into_iter().rev() {
            router.relocate(former, now);
        }
        Loaded::Everything
    }

    /// Fetches the locations of the tables that were used last.
    pub(super) async fn fetch_locations(&self, shared: &Shared) {
        let mut lookups = JoinSet::new();
        for key in self.tables.iter().take(LocationsCopy::NAMED).cloned() {
            let discovery = shared.discovery.clone();
            lookups.spawn(async move { discovery.lookup(key).await });
        }
        let all = async { while lookups.join_next().await.is_some() {} };
        if tokio::time::timeout(Self::PATIENCE, all).await.is_err() {
            tracing::warn!("not all locations came in time");
        }
        lookups.detach_all();
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
                is_unreachable: false,
            }],
            ..Handover::default()
        };
        let copy = Handover::from_bytes(&handover.to_bytes().into()).unwrap();
        assert_eq!(copy, handover);
        let router = Router::new(RouterLimits::default());
        assert_eq!(copy.load(&router), Loaded::Cluster);
        let standings = router.standings(Instant::now());
        assert_eq!(standings[0].standing, odp_routing::Standing::Alive);
        assert_eq!(standings[0].strikes, 5);
    }

    #[test]
    fn what_another_release_wrote_is_taken_as_far_as_it_is_known() {
        let read = |text: &'static str| Handover::from_bytes(&Bytes::from_static(text.as_bytes()));
        let copy = read(r#"{"counts":{"logins":3},"novelty":[1]}"#);
        assert!(copy.is_ok(), "{copy:?}");
        let router = Router::new(RouterLimits::default());
        assert_eq!(copy.unwrap().load(&router), Loaded::Nothing);
        assert!(read("\x00\x01").is_err());
        assert!(read("").is_err());
        assert!(read("{} and more").is_err());
    }

    #[test]
    fn locations_stand_behind_the_json() {
        let router = Router::new(RouterLimits::default());
        router.set_view(view(), Instant::now());
        let key = TableKey::servers_of(&odp_cluster::TenantName::new("demo"));
        router.install(key, odp_routing::Lookup::Missing, Instant::now());
        let (locations, tables) = LocationsCopy::of(&router);
        let handover = Handover {
            view: view(),
            tables,
            locations,
            ..Handover::default()
        };
        let copy = Handover::from_bytes(&handover.to_bytes().into()).unwrap();
        assert_eq!(copy, handover);
        let next = Router::new(RouterLimits::default());
        assert_eq!(copy.load(&next), Loaded::Everything);
        assert!(next.locations().eq(router.locations()));
    }
}
