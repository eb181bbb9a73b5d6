//! A cluster with every kind of zone, and servers that say what they are.

use super::super::fixture::{Setup, unpartitioned};
use crate::{
    ClusterView, Location, Metadata, PolicySettings, Router, RouterLimits, Table, TableKey,
};
use odp_cluster::{
    IdcName, RegionName, Replica, ReplicaType, Role, Server, ServerAddr, ServerState, TabletId,
    Zone, ZoneName, ZoneState, ZoneType,
};
use odp_sql::Consistency;

/// What is special about a line of the table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Case<'a> {
    pub(super) read_only_zones: bool,
    pub(super) consistency: Consistency,
    pub(super) policy: &'a str,
    pub(super) duplicate: bool,
    pub(super) region_stopped: bool,
}

impl<'a> Case<'a> {
    pub(super) fn read(text: &'a str) -> Self {
        let words: Vec<&str> = text.split([' ', ',']).collect();
        let has = |word| words.contains(&word);
        Self {
            read_only_zones: has("ro"),
            consistency: if has("weak") {
                Consistency::Weak
            } else {
                Consistency::Strong
            },
            policy: words.last().copied().unwrap_or_default(),
            duplicate: has("duplicate"),
            region_stopped: has("region"),
        }
    }
}

/// A server's place, in the words of the table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Placed {
    pub(super) addr: ServerAddr,
    pub(super) zone: usize,
    pub(super) words: Vec<&'static str>,
}

/// A cluster with all kinds of zones and, in each, a follower, another server and maybe the leader.
pub(super) struct World {
    pub(super) view: ClusterView,
    pub(super) servers: Vec<Placed>,
}

impl World {
    pub(super) fn new(case: Case<'_>, leader_zone: usize) -> Self {
        let mut world = Self {
            view: ClusterView {
                metadata: Metadata::Available,
                version: 1,
                ..ClusterView::default()
            },
            servers: Vec::new(),
        };
        let kinds: &[ZoneType] = if case.read_only_zones {
            &[ZoneType::ReadWrite, ZoneType::ReadOnly]
        } else {
            &[ZoneType::ReadWrite]
        };
        for (idc, region, near) in [
            ("e1", "east", "near"),
            ("e2", "east", "city"),
            ("w1", "west", "far"),
        ] {
            for state in [ZoneState::Active, ZoneState::Merging] {
                for &zone_type in kinds {
                    let mut words = vec![near];
                    words.extend((state == ZoneState::Merging).then_some("busy"));
                    words.extend((zone_type == ZoneType::ReadOnly).then_some("ro"));
                    world.add_zone(&words, (idc, region), state, zone_type, case, leader_zone);
                }
            }
        }
        world
    }

    fn add_zone(
        &mut self,
        words: &[&'static str],
        (idc, region): (&str, &str),
        state: ZoneState,
        zone_type: ZoneType,
        case: Case<'_>,
        leader_zone: usize,
    ) {
        let number = self.view.zones.len();
        let name = ZoneName::new(format!("z{number}"));
        self.view.zones.push(Zone {
            name: name.clone(),
            state,
            region: RegionName::new(region),
            idc: IdcName::new(idc),
            zone_type,
        });
        for (host, role) in ["follower", "other", "leader"].into_iter().enumerate() {
            if role == "leader" && number != leader_zone {
                continue;
            }
            let addr = format!("10.0.{number}.{host}:2881").parse().unwrap();
            let stopped = case.region_stopped && region == "east" && role != "other";
            self.view.servers.push(Server {
                addr,
                zone: name.clone(),
                state: if stopped {
                    ServerState::Inactive
                } else {
                    ServerState::Active
                },
            });
            let words = words.iter().copied().chain([role]).collect();
            self.servers.push(Placed {
                addr,
                zone: number,
                words,
            });
        }
    }

    fn table(&self, case: Case<'_>, with: impl Fn(&&Placed) -> bool) -> Table {
        let replica = |placed: &Placed| Replica {
            server: placed.addr,
            role: if placed.words.contains(&"leader") {
                Role::Leader
            } else {
                Role::Follower
            },
            replica_type: ReplicaType::Full,
            is_duplicate: case.duplicate,
        };
        Table {
            locations: vec![Location {
                tablet: TabletId(0),
                replicas: self.servers.iter().filter(with).map(replica).collect(),
            }],
            ..unpartitioned(None)
        }
    }

    pub(super) fn setup(self, case: Case<'_>, settings: PolicySettings) -> (Setup, Vec<Placed>) {
        let mut setup = Setup::new();
        setup.router = Router::with_policies(RouterLimits::default(), settings);
        setup.router.set_view(self.view.clone(), setup.now);
        let holders = self.table(case, |placed| !placed.words.contains(&"other"));
        setup.install(setup.key("t"), holders);
        let all = self.table(Case::read(""), |_| true);
        setup.install(TableKey::servers_of(&setup.tenant), all);
        (setup, self.servers)
    }
}
