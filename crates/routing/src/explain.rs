//! Why a statement goes where it goes, for an operator: EXPLAIN ROUTE.

use crate::decide::Decider;
use crate::locations::Found;
use crate::placement::Placement;
use crate::policy::rule::Copies;
use crate::{Decision, Freshness, Standing, TableKey, Unsure};
use odp_cluster::{IdcName, RegionName, Replica, ServerAddr, TabletId, ZoneName};
use odp_sql::Consistency;
use std::time::Duration;

/// How a decision is made, as plain data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The decision itself.
    pub decision: Decision,
    /// The table that decides, if there is one.
    pub table: Option<TableKey>,
    /// What is known of the table; `None` when nothing is.
    pub location: Option<ExplainedLocation>,
    /// The consistency that the statement asks for, after hints, locks and session variables.
    pub consistency: Consistency,
    /// The order in which servers are tried, by `OBProxy`'s name for it.
    pub policy: &'static str,
    /// Every server that was weighed, best first; those that the policy excludes come last.
    pub servers: Vec<ExplainedServer>,
}

/// What is known of a table's location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedLocation {
    /// The version of the table's schema.
    pub schema_version: i64,
    /// How many leaves it has; 1 without partitions.
    pub leaves: usize,
    /// Whether the answer counts as right.
    pub freshness: Freshness,
    /// How long ago it came in.
    pub age: Duration,
    /// How long ago a server last answered without speaking against it.
    pub unconfirmed_for: Duration,
    /// Where the statement's rows are.
    pub placed: Placed,
}

/// Where a statement's rows are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placed {
    /// In one tablet.
    In {
        /// The partition's name; empty for a table without partitions.
        partition: String,
        /// The tablet.
        tablet: TabletId,
    },
    /// In several partitions, of which this server leads most rows.
    Several(ServerAddr),
    /// That could not be computed.
    Unsure(Unsure),
}

/// One server that was weighed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedServer {
    /// Its address.
    pub server: ServerAddr,
    /// Its zone; empty when the cluster does not list it.
    pub zone: ZoneName,
    /// The zone's IDC.
    pub idc: IdcName,
    /// The zone's region.
    pub region: RegionName,
    /// The replica that it holds; `None` for another server of the tenant.
    pub replica: Option<Replica>,
    /// Its standing on the blacklist; `None` when the cluster does not list it.
    pub standing: Option<Standing>,
    /// What a quarter of its plain reads take at most, while that is known.
    pub response_time: Option<Duration>,
    /// Whether it comes behind its equals because that is far above its peers.
    pub is_slow: bool,
    /// The tier or list that it falls into; `None` when the policy excludes it.
    pub tier: Option<&'static str>,
    /// Whether the decision is this one.
    pub is_chosen: bool,
}

impl Decider<'_> {
    /// Makes the decision and says how.
    pub(crate) fn explain(&self) -> Explanation {
        let decision = self.decide();
        let wish = self.wish();
        let mut explanation = Explanation {
            decision,
            table: None,
            location: None,
            consistency: wish.consistency,
            policy: self.order(wish, Copies::Plain).name(),
            servers: Vec::new(),
        };
        let mut holders: Vec<Replica> = Vec::new();
        if let Some(statement) = self.statement() {
            let key = self.key_of(statement.table);
            let found = key.as_ref().and_then(|key| {
                self.source.find(key.borrowed(), |found| match found {
                    Found::Table(cached) => {
                        let placed = statement.place(cached.table);
                        if let Ok(Placement::Leaf(leaf)) = placed
                            && let Some(location) = cached.table.locations.get(leaf)
                        {
                            holders.clone_from(&location.replicas);
                        }
                        Some(ExplainedLocation {
                            schema_version: cached.table.schema_version,
                            leaves: cached.table.locations.len(),
                            freshness: cached.marks.freshness(),
                            age: cached.marks.age(),
                            unconfirmed_for: cached.marks.unconfirmed_for(),
                            placed: explain_placed(placed, cached.table),
                        })
                    }
                    Found::Routine(_) | Found::Missing(_) | Found::Failed => None,
                })
            });
            explanation.table = key;
            explanation.location = found.flatten();
        }
        self.explain_servers(&mut explanation, &holders);
        explanation
    }

    fn explain_servers(&self, explanation: &mut Explanation, holders: &[Replica]) {
        let wish = self.wish();
        let copies = if holders.iter().any(|holder| holder.is_duplicate) {
            Copies::Duplicate
        } else {
            Copies::Plain
        };
        let order = match holders {
            [] => self.order(wish, copies),
            _ => self.order(wish, copies).among_holders(),
        };
        explanation.policy = order.name();
        let field = self.field(wish, order, holders);
        let standings =
            self.choice
                .blacklist
                .standings(self.view, self.choice.limits, self.choice.now);
        let chosen = match &explanation.decision {
            Decision::Route(route) => Some(route.server),
            Decision::Lookup(_) | Decision::Wait(_) | Decision::NoServer(_) => None,
        };
        let mut ranked = Vec::new();
        for candidate in field.candidates.iter() {
            let rank = field.ranking.rank(candidate);
            let zone = candidate.zone.and_then(|zone| self.view.zones.get(zone));
            let standing = standings.iter().find(|of| of.addr() == candidate.server);
            let listed = self.view.server(candidate.server);
            let server = ExplainedServer {
                server: candidate.server,
                zone: listed.map(|server| server.zone.clone()).unwrap_or_default(),
                idc: zone.map(|zone| zone.idc.clone()).unwrap_or_default(),
                region: zone.map(|zone| zone.region.clone()).unwrap_or_default(),
                replica: candidate.replica,
                standing: standing.map(|of| of.standing),
                response_time: standing.and_then(|of| of.response_time),
                is_slow: standing.is_some_and(|of| of.is_slow),
                tier: rank.map(|rank| rank.tier),
                is_chosen: chosen == Some(candidate.server),
            };
            ranked.push((rank.map_or(u16::MAX, |rank| rank.place), server));
        }
        ranked.sort_by_key(|(place, server)| (*place, server.server));
        explanation.servers = ranked.into_iter().map(|(_, server)| server).collect();
    }
}

fn explain_placed(placed: Result<Placement, Unsure>, table: &crate::Table) -> Placed {
    match placed {
        Ok(Placement::MostRows(server)) => Placed::Several(server),
        Err(unsure) => Placed::Unsure(unsure),
        Ok(Placement::Leaf(leaf)) => {
            let partitioning = table.partitioning.as_ref();
            let name = partitioning.and_then(|partitioning| partitioning.leaf_names.get(leaf));
            let location = table.locations.get(leaf);
            Placed::In {
                partition: name.cloned().unwrap_or_default(),
                tablet: location.map_or(TabletId(0), |location| location.tablet),
            }
        }
    }
}
