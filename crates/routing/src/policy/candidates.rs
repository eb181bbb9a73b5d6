//! The servers that can run a statement, and the choice among them.

use super::facts::Facts;
use super::idc::Nearness;
use super::letters::Letters;
use super::rule::Order;
use super::settings::{ZoneGroups, ZonePolicy};
use odp_cluster::{Replica, ReplicaType, Role, ServerAddr, Zone};
use odp_sql::Consistency;

/// The most servers that are weighed for one statement.
const MAX_CANDIDATES: usize = 64;

/// A server with what it has to offer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate {
    pub(crate) server: ServerAddr,
    pub(crate) letters: Letters,
    /// The place of its zone in the view.
    pub(crate) zone: Option<usize>,
    /// The replica that it holds; `None` for another server of the tenant.
    pub(crate) replica: Option<Replica>,
}

impl Candidate {
    /// Whether it holds the partition.
    pub(crate) fn holds(&self) -> bool {
        self.letters.has(Letters::P)
    }

    /// Whether it leads the partition.
    pub(crate) fn leads(&self) -> bool {
        self.letters.has(Letters::L)
    }
}

/// Everything that ranks servers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ranking<'a> {
    pub(crate) order: Order,
    pub(crate) consistency: Consistency,
    pub(crate) zones: &'a [Zone],
    /// `proxy_primary_zone_name`.
    pub(crate) proxy_zones: &'a ZoneGroups,
    pub(crate) tenant_zones: Option<&'a ZoneGroups>,
    /// Whether no holder in this region can be used.
    pub(crate) is_region_lost: bool,
}

/// How good a server is, and which line of which table says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rank {
    /// Less is better.
    pub(crate) place: u16,
    /// The tier, or the list that was used in its place.
    pub(crate) tier: &'static str,
}

/// Places from here on come after every tier of a holder.
const AFTER_HOLDERS: u16 = 0x100;
/// Places from here on come after every group of a tenant's primary zone.
const AFTER_PRIMARY_ZONE: u16 = 0x1000;

impl Ranking<'_> {
    /// The rank of a server; `None` when it must not be used.
    pub(crate) fn rank(&self, candidate: &Candidate) -> Option<Rank> {
        match self.order {
            Order::Tiers(policy) => {
                let (index, tier) = policy.tier_of(candidate.letters)?;
                let moved =
                    policy.prefers_far_holders() && self.is_region_lost && tier.is_of_others();
                let place = u16::from(index) + if moved { AFTER_HOLDERS } else { 0 };
                Some(Rank {
                    place,
                    tier: tier.name,
                })
            }
            Order::ProxyZones => {
                let group = self.group(self.proxy_zones, candidate)?;
                let within = match self.consistency {
                    Consistency::Strong if candidate.leads() => 0,
                    _ if candidate.holds() => 1,
                    _ => 2,
                };
                Some(Rank {
                    place: group.saturating_mul(4).saturating_add(within),
                    tier: "proxy primary zone",
                })
            }
            Order::TenantZones(policy) => {
                let groups = self.tenant_zones.filter(|_| !candidate.holds());
                if let Some(place) = groups.and_then(|groups| self.group(groups, candidate)) {
                    let tier = "primary zone";
                    return Some(Rank { place, tier });
                }
                let order = Order::Tiers(policy);
                let rank = Self { order, ..*self }.rank(candidate)?;
                let later = if groups.is_some() {
                    AFTER_PRIMARY_ZONE
                } else {
                    0
                };
                Some(Rank {
                    place: rank.place.saturating_add(later),
                    ..rank
                })
            }
        }
    }

    fn group(&self, groups: &ZoneGroups, candidate: &Candidate) -> Option<u16> {
        let zone = self.zones.get(candidate.zone?)?;
        let group = groups.rank(&zone.name)?;
        Some(u16::try_from(group).unwrap_or(u16::MAX / 8))
    }
}

/// The servers that are weighed for one statement: holders of the partition, then others.
#[derive(Debug)]
pub(crate) struct Candidates {
    list: [Option<Candidate>; MAX_CANDIDATES],
    len: usize,
}

impl Candidates {
    pub(crate) fn new() -> Self {
        Self {
            list: [const { None }; MAX_CANDIDATES],
            len: 0,
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Candidate> + Clone {
        self.list.iter().flatten()
    }

    fn push(&mut self, candidate: Candidate) {
        if let Some(slot) = self.list.get_mut(self.len) {
            *slot = Some(candidate);
            self.len += 1;
        }
    }

    /// Adds the holders of the partition that can serve the wish.
    pub(crate) fn add_holders(
        &mut self,
        replicas: &[Replica],
        serves: impl Fn(&Replica) -> bool,
        facts: &Facts,
        nearness: &Nearness,
    ) {
        for replica in replicas.iter().filter(|replica| serves(replica)) {
            let role = match replica.role {
                Role::Leader => Letters::L,
                Role::Follower => Letters::F,
            };
            let copy = if replica.is_duplicate {
                Letters::D
            } else {
                Letters::default()
            };
            let zone = facts.zone_of(replica.server);
            let letters = facts.zone_letters(zone).and(nearness.letter(zone));
            self.push(Candidate {
                server: replica.server,
                letters: letters.and(Letters::P).and(role).and(copy),
                zone,
                replica: Some(*replica),
            });
        }
    }

    /// Adds servers of the tenant, from the rotation on; those that hold the partition are left out.
    pub(crate) fn add_others(
        &mut self,
        servers: impl Iterator<Item = ServerAddr> + Clone,
        holders: &[Replica],
        rotation: usize,
        facts: &Facts,
        nearness: &Nearness,
    ) {
        let count = servers.clone().count();
        let start = rotation.checked_rem(count).unwrap_or(0);
        for server in servers.clone().chain(servers).skip(start).take(count) {
            if holders.iter().any(|holder| holder.server == server) {
                continue;
            }
            let zone = facts.zone_of(server);
            let letters = facts.zone_letters(zone).and(nearness.letter(zone));
            self.push(Candidate {
                server,
                letters: letters.and(Letters::T),
                zone,
                replica: None,
            });
        }
    }

    /// The best server that `takes` accepts. Among equals, those that are `behind` come last; of the others
    /// `preferred` comes first, then the next one from the rotation on, there or back.
    pub(crate) fn choose(
        &self,
        ranking: &Ranking<'_>,
        preferred: Option<ServerAddr>,
        rotation: usize,
        behind: impl Fn(ServerAddr) -> bool,
        takes: impl Fn(ServerAddr) -> bool,
    ) -> Option<(Candidate, Rank)> {
        let mut refused = [false; MAX_CANDIDATES];
        let start = rotation.checked_rem(self.len).unwrap_or(0);
        // Every other time around it goes backwards: what one that is out leaves falls to both neighbours.
        let is_backwards = rotation
            .checked_div(self.len)
            .is_some_and(|times| times % 2 == 1);
        loop {
            let left = self
                .iter()
                .enumerate()
                .filter(|(at, _)| refused.get(*at) == Some(&false));
            let ranked = left.filter_map(|(at, candidate)| {
                let rank = ranking.rank(candidate)?;
                let turn = if is_backwards {
                    self.len + start - at
                } else {
                    self.len + at - start
                };
                let turn = turn.checked_rem(self.len)?;
                let is_preferred = preferred == Some(candidate.server);
                let key = (rank.place, behind(candidate.server), !is_preferred, turn);
                Some((key, at, *candidate, rank))
            });
            let (_, at, candidate, rank) = ranked.min_by_key(|(key, ..)| *key)?;
            if takes(candidate.server) {
                return Some((candidate, rank));
            }
            if let Some(refused) = refused.get_mut(at) {
                *refused = true;
            }
        }
    }
}

/// Whether a replica can run a statement at all.
pub(crate) fn serves(replica: &Replica, consistency: Consistency, zone_policy: ZonePolicy) -> bool {
    let kind = replica.replica_type;
    match (consistency, zone_policy) {
        (Consistency::Strong, _) => kind == ReplicaType::Full,
        (Consistency::Weak, ZonePolicy::ColumnStoreOnly) => kind == ReplicaType::ColumnStore,
        (Consistency::Weak, ZonePolicy::ForceReadonlyZone) => kind == ReplicaType::ReadOnly,
        (Consistency::Weak, _) => matches!(kind, ReplicaType::Full | ReplicaType::ReadOnly),
    }
}
