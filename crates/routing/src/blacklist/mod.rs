//! The blacklist: which servers must not get requests, and who may probe a listed one.
//!
//! A server is on the *status* list while the cluster itself says that it is out of service, on the
//! *detection* list while probes find no way to it, on the *alive* list after too many failed requests,
//! and *drained* while the operator wants it out. Reading a standing is one atomic load; a server on the
//! alive list gets one probing request per retry interval, admitted by one compare-and-swap.

mod lists;
mod pace;
mod peers;
mod record;
mod strikes;

use crate::{ClusterView, FormerStanding, Observation, RouterLimits, ServerStanding};
use foldhash::fast::RandomState;
pub(crate) use lists::Admission;
pub use lists::Detected;
use odp_cluster::ServerAddr;
use peers::Peers;
pub(crate) use record::Errand;
use record::Record;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The records of the servers of one cluster view.
#[derive(Debug, Default)]
pub(crate) struct Blacklist {
    records: HashMap<ServerAddr, Arc<Record>, RandomState>,
    peers: Peers,
}

impl Blacklist {
    /// The blacklist for a new view: servers keep their records, new ones start clean, those gone
    /// are forgotten.
    pub(crate) fn for_view(&self, view: &ClusterView, now: Instant) -> Self {
        let record = |server: &odp_cluster::Server| {
            let known = self.records.get(&server.addr).map(Arc::clone);
            let record = known.unwrap_or_default();
            record.set_in_service(view.serves(server), now);
            (server.addr, record)
        };
        let records: HashMap<_, _, _> = view.servers.iter().map(record).collect();
        let peers = Peers::of(view, &records);
        Self { records, peers }
    }

    /// Whether `server` may get a request now. A server that the cluster does not list is dead.
    pub(crate) fn admits(&self, server: ServerAddr, now: Instant) -> Admission {
        match self.records.get(&server) {
            Some(record) => record.admits(now),
            None => Admission::No,
        }
    }

    /// Whether neither the cluster, the probes nor the operator have taken `server` out.
    pub(crate) fn is_in_service(&self, server: ServerAddr) -> bool {
        let record = self.records.get(&server);
        record.is_some_and(|record| record.is_in_service())
    }

    /// Claims the probe of a listed server: true for exactly one caller per retry interval.
    pub(crate) fn claim_probe(
        &self,
        server: ServerAddr,
        limits: &RouterLimits,
        now: Instant,
    ) -> bool {
        let record = self.records.get(&server);
        record.is_some_and(|record| record.claim_probe(limits, now))
    }

    /// Counts a failure of `server`; true when it has listed the server just now.
    pub(crate) fn strike(
        &self,
        server: ServerAddr,
        errand: Errand,
        failure: Observation,
        limits: &RouterLimits,
        now: Instant,
    ) -> bool {
        let record = self.records.get(&server);
        record.is_some_and(|record| record.strike(errand, failure, limits, now))
    }

    /// Takes in that `server` answered.
    pub(crate) fn answered(
        &self,
        server: ServerAddr,
        errand: Errand,
        limits: &RouterLimits,
        now: Instant,
    ) {
        if let Some(record) = self.records.get(&server) {
            record.answered(errand, limits, now);
        }
    }

    /// Takes in how long `server` took for a plain read.
    pub(crate) fn note_pace(
        &self,
        server: ServerAddr,
        took: Duration,
        limits: &RouterLimits,
        now: Instant,
    ) {
        let record = self.records.get(&server);
        if record.is_some_and(|record| record.note_pace(took, now)) {
            self.peers.weigh(limits.slow_server_factor, now);
        }
    }

    /// Whether `server` is much slower than others of its region. Costs next to nothing while none is.
    pub(crate) fn is_slow(&self, server: ServerAddr, now: Instant) -> bool {
        let record = || self.records.get(&server);
        self.peers.is_any_slow() && record().is_some_and(|record| record.is_slow(now))
    }

    /// Gives back the probe of `server`, which found nothing out.
    pub(crate) fn give_up_probe(&self, server: ServerAddr, now: Instant) {
        if let Some(record) = self.records.get(&server) {
            record.give_up_probe(now);
        }
    }

    /// Takes in what the probes say of `server`; true when that is news.
    pub(crate) fn set_detected(
        &self,
        server: ServerAddr,
        detected: Detected,
        now: Instant,
    ) -> bool {
        let record = self.records.get(&server);
        record.is_some_and(|record| record.set_detected(detected, now))
    }

    /// What the probes said of `server` last; of one that the cluster does not list, that it is there.
    pub(crate) fn vital(&self, server: ServerAddr) -> Detected {
        let record = self.records.get(&server);
        record.map_or(Detected::Alive, |record| record.vital())
    }

    /// How little hope there is for `server`; see [`lists::Lists::despair`]. One that the cluster does
    /// not list is out.
    pub(crate) fn despair(&self, server: ServerAddr) -> Option<u8> {
        self.records.get(&server)?.despair()
    }

    /// Whether `server` sent something at `moment` or later.
    pub(crate) fn was_heard_since(&self, server: ServerAddr, moment: Instant) -> bool {
        let record = self.records.get(&server);
        record.is_some_and(|record| record.was_heard_since(moment))
    }

    /// Takes exactly these servers out for the operator.
    pub(crate) fn set_drained(&self, servers: &[ServerAddr]) {
        for (server, record) in &self.records {
            record.set_drained(servers.contains(server));
        }
    }

    /// Puts `server` where an earlier blacklist had it.
    pub(crate) fn relist(&self, former: &FormerStanding, limits: &RouterLimits, now: Instant) {
        if let Some(record) = self.records.get(&former.server) {
            record.relist(former, limits, now);
        }
    }

    /// Every server of `view` with its standing.
    pub(crate) fn standings(
        &self,
        view: &ClusterView,
        limits: &RouterLimits,
        now: Instant,
    ) -> Vec<ServerStanding> {
        let standing = |server: &odp_cluster::Server| {
            let record = self.records.get(&server.addr)?;
            Some(record.standing(server.clone(), limits, now))
        };
        view.servers.iter().filter_map(standing).collect()
    }
}
