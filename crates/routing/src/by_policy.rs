//! The choice by policy: among the holders of a partition and the other servers of the tenant.

use crate::choice::Choice;
use crate::decide::Decider;
use crate::locations::Found;
use crate::policy::candidates::{Candidate, Candidates, Rank, Ranking, serves};
use crate::policy::letters::Letters;
use crate::policy::rule::{Copies, Order, Wish};
use crate::table_key::BorrowedKey;
use crate::{LookupPhase, Metadata, ZonePolicy};
use odp_cluster::{Replica, ServerAddr};
use odp_sql::Consistency;

/// What came of a choice.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Picked {
    /// This server.
    Server(Pick),
    /// Every server was tried, or the policy allows none.
    None,
    /// The servers of the tenant must be looked up first.
    NeedServers,
    /// The cluster does not know the tenant.
    UnknownTenant,
}

/// A chosen server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pick {
    pub(crate) candidate: Candidate,
    /// Whether it is on the blacklist, like all the others.
    pub(crate) is_forced: bool,
}

/// The servers that a request can choose from, with everything that ranks them.
#[derive(Debug)]
pub(crate) struct Field<'a> {
    pub(crate) candidates: Candidates,
    pub(crate) ranking: Ranking<'a>,
    servers: Servers,
}

/// What is known of the tenant's servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Servers {
    Known,
    /// All servers of the cluster stand in for them.
    StandIns,
    NotYetKnown,
    UnknownTenant,
}

impl Decider<'_> {
    /// The order that the request follows.
    pub(crate) fn order(&self, wish: Wish, copies: Copies) -> Order {
        wish.order(self.settings, self.facts.kinds, copies)
    }

    /// Gathers holders and other servers and ranks them.
    pub(crate) fn field(&self, wish: Wish, order: Order, holders: &[Replica]) -> Field<'_> {
        let nearness = self
            .facts
            .nearness(self.choice.request.idc, &self.view.zones);
        let mut candidates = Candidates::new();
        // The copies of a duplicate table serve strong reads too.
        let weakly = |replica: &Replica| serves(replica, Consistency::Weak, ZonePolicy::default());
        let is_fit = |replica: &Replica| {
            serves(replica, wish.consistency, wish.zone_policy)
                || replica.is_duplicate && order.uses_copies() && weakly(replica)
        };
        candidates.add_holders(holders, is_fit, self.facts, &nearness);
        let is_region_lost = self.is_region_lost(wish, &candidates);
        let rotation = self.choice.rotation;
        let key = BorrowedKey::servers_of(self.choice.request.tenant);
        let found = self.source.find(key, |found| match found {
            Found::Table(cached) => {
                let location = cached.table.locations.first();
                let servers = location.map_or(&[][..], |location| &location.replicas);
                let servers = servers.iter().filter(|server| weakly(server));
                let servers = servers.map(|replica| replica.server);
                candidates.add_others(servers, holders, rotation, self.facts, &nearness);
                Servers::Known
            }
            Found::Routine(_) | Found::Missing(_) => Servers::UnknownTenant,
            Found::Failed => Servers::StandIns,
        });
        let may_ask = self.choice.request.lookup == LookupPhase::Allowed
            && self.view.metadata == Metadata::Available;
        let servers = match found {
            Some(servers) if self.view.metadata == Metadata::Available => servers,
            None if may_ask => Servers::NotYetKnown,
            _ => Servers::StandIns,
        };
        if servers == Servers::StandIns {
            let all = self.view.servers.iter().map(|server| server.addr);
            candidates.add_others(all, holders, rotation, self.facts, &nearness);
        }
        Field {
            candidates,
            ranking: Ranking {
                order,
                consistency: wish.consistency,
                zones: &self.view.zones,
                proxy_zones: &self.settings.proxy_primary_zone_name,
                tenant_zones: self.facts.tenant_zones(self.choice.request.tenant),
                is_region_lost,
            },
            servers,
        }
    }

    /// Whether holders are known, but none in this region is in service, nor the leader for one who
    /// needs it: then those in other regions come before servers that hold nothing.
    fn is_region_lost(&self, wish: Wish, holders: &Candidates) -> bool {
        let usable = |holder: &&Candidate| self.choice.blacklist.is_in_service(holder.server);
        let is_any_near = holders
            .iter()
            .filter(usable)
            .any(|holder| !holder.letters.has(Letters::C));
        let is_leader_usable = holders.iter().filter(usable).any(Candidate::leads);
        let weak = wish.consistency == Consistency::Weak;
        holders.iter().next().is_some() && !is_any_near && (weak || !is_leader_usable)
    }

    /// The best server of a field; a listed one when all are listed.
    pub(crate) fn pick(&self, field: &Field<'_>, preferred: Option<ServerAddr>) -> Picked {
        let choice = &self.choice;
        let choose = |takes: &dyn Fn(ServerAddr) -> bool| {
            let (ranking, rotation) = (&field.ranking, choice.rotation);
            let behind = |server| choice.is_put_behind(server);
            field
                .candidates
                .choose(ranking, preferred, rotation, behind, takes)
        };
        let server = |is_forced| {
            move |(candidate, _): (Candidate, Rank)| {
                Picked::Server(Pick {
                    candidate,
                    is_forced,
                })
            }
        };
        if let Some(found) = choose(&|server| choice.takes(server)) {
            return server(false)(found);
        }
        match field.servers {
            Servers::NotYetKnown => Picked::NeedServers,
            Servers::UnknownTenant => Picked::UnknownTenant,
            Servers::Known | Servers::StandIns => {
                let forced = Choice::DESPAIR
                    .into_iter()
                    .find_map(|despair| choose(&|server| choice.takes_listed(server, despair)));
                forced.map_or(Picked::None, server(true))
            }
        }
    }
}
