//! The order of the rules: from a request to a decision.

use crate::choice::Choice;
use crate::locations::{Cached, Found, Locations, Outdated};
use crate::placement::{Placement, Statement};
use crate::table_key::BorrowedKey;
use crate::{
    ClusterView, Decision, Location, LookupPhase, Metadata, NoServerReason, Route, RouteReason,
    RouterLimits, Table, Unsure,
};
use odp_cluster::{ReplicaType, ServerAddr};
use odp_sql::{Consistency, Name, Verb};

/// The longest name that is looked up, in bytes (the server's limit is 64 characters).
const MAX_NAME: usize = 256;

/// Everything one decision is made from.
#[derive(Debug)]
pub(crate) struct Decider<'a> {
    pub(crate) view: &'a ClusterView,
    pub(crate) locations: &'a Locations,
    pub(crate) limits: &'a RouterLimits,
    pub(crate) choice: Choice<'a>,
}

/// A server that a table's location led to.
struct Chosen {
    server: ServerAddr,
    reason: RouteReason,
    leaf: Option<usize>,
}

impl Decider<'_> {
    pub(crate) fn decide(&self) -> Decision {
        if self.view.servers.is_empty() {
            return Decision::NoServer(NoServerReason::NoCluster);
        }
        if self.view.metadata == Metadata::Unavailable {
            return self.without_location(RouteReason::NoMetadata);
        }
        match self.statement() {
            None => self.without_location(RouteReason::AnyServer),
            Some(statement) => self.by_table(&statement),
        }
    }

    /// The statement, when it is one that runs where its table is.
    fn statement(&self) -> Option<Statement<'_>> {
        let request = self.choice.request;
        let outline = request.outline?;
        let by_table = matches!(
            outline.verb(),
            Verb::Select
                | Verb::Insert
                | Verb::Replace
                | Verb::Update
                | Verb::Delete
                | Verb::Merge
                | Verb::LoadData
        );
        let table = outline.table().filter(|_| by_table)?;
        Some(Statement {
            outline,
            table,
            request,
        })
    }

    fn by_table(&self, statement: &Statement<'_>) -> Decision {
        let (mut database, mut table) = ([0; MAX_NAME], [0; MAX_NAME]);
        let database = match statement.table.database {
            Some(name) => decode(name, &mut database),
            None => Some(self.choice.request.database.as_str()),
        };
        let (Some(database), Some(table)) = (database, decode(statement.table.name, &mut table))
        else {
            return self.without_location(RouteReason::Unsure(Unsure::Statement));
        };
        if database.is_empty() {
            return self.without_location(RouteReason::NoTable);
        }
        let key = BorrowedKey {
            tenant: self.choice.request.tenant.as_str(),
            database,
            table,
        };
        let found = self
            .locations
            .find(key, self.limits, self.choice.now, |found| match found {
                Found::Table(cached) => self.in_table(statement, &cached),
                Found::Missing => Err(RouteReason::NoTable),
                Found::Failed => Err(RouteReason::NoLocation),
            });
        match found {
            Some(Ok(route)) => Decision::Route(route),
            Some(Err(RouteReason::NoTable)) => self.in_missing_table(key),
            Some(Err(reason)) => self.without_location(reason),
            None if self.choice.request.lookup == LookupPhase::Allowed => {
                Decision::Lookup(key.into_key())
            }
            None => self.without_location(RouteReason::NoLocation),
        }
    }

    /// A route that names the missing table, so that a statement which finds it all the same (it was
    /// created since) has it looked up again.
    fn in_missing_table(&self, key: BorrowedKey<'_>) -> Decision {
        match self.without_location(RouteReason::NoTable) {
            Decision::Route(route) if !route.refresh => Decision::Route(Route {
                table: Some(key.into_key()),
                ..route
            }),
            other => other,
        }
    }

    /// The route by a known location, or the reason why the location does not help.
    fn in_table(
        &self,
        statement: &Statement<'_>,
        cached: &Cached<'_>,
    ) -> Result<Route, RouteReason> {
        let table = cached.table;
        let chosen = match (statement.place(table), self.consistency(statement)) {
            (Ok(Placement::Leaf(leaf)), Consistency::Strong) => self.strong(table, leaf),
            (Ok(Placement::Leaf(leaf)), Consistency::Weak) => self.weak(table, leaf),
            (Ok(Placement::MostRows(server)), _) => {
                let chosen = Chosen {
                    server,
                    reason: RouteReason::MostRows,
                    leaf: None,
                };
                self.choice.takes(server).then_some(chosen)
            }
            (Err(unsure), _) => return Err(RouteReason::Unsure(unsure)),
        };
        let chosen = chosen.ok_or(RouteReason::LeaderUnusable)?;
        let location = chosen.leaf.and_then(|leaf| table.locations.get(leaf));
        let no_leader = location.is_some_and(|location| location.leader().is_none());
        let no_leader = if no_leader {
            Outdated::Yes
        } else {
            Outdated::No
        };
        Ok(Route {
            server: chosen.server,
            reason: chosen.reason,
            table: Some(cached.key.clone()),
            tablet: location.map(|location| location.tablet),
            is_leader: location.is_some_and(|at| at.leader() == Some(chosen.server)),
            refresh: cached.claim_refresh(no_leader),
        })
    }

    fn consistency(&self, statement: &Statement<'_>) -> Consistency {
        let outline = statement.outline;
        if outline.verb() != Verb::Select || outline.is_for_update() {
            return Consistency::Strong;
        }
        let session = self.choice.request.consistency;
        outline.consistency_hint().unwrap_or(session)
    }

    /// The leader, else another replica: it may have become the leader.
    fn strong(&self, table: &Table, leaf: usize) -> Option<Chosen> {
        let location = table.locations.get(leaf)?;
        let leader = location.leader();
        if let Some(server) = leader.filter(|&leader| self.choice.takes(leader)) {
            return Some(Chosen {
                server,
                reason: RouteReason::Leader,
                leaf: Some(leaf),
            });
        }
        let reason = match leader {
            Some(_) => RouteReason::LeaderUnusable,
            None => RouteReason::NoLeader,
        };
        self.replica(location, leaf, reason)
    }

    /// Any replica that holds data.
    fn weak(&self, table: &Table, leaf: usize) -> Option<Chosen> {
        let location = table.locations.get(leaf)?;
        self.replica(location, leaf, RouteReason::WeakReplica)
    }

    fn replica(&self, location: &Location, leaf: usize, reason: RouteReason) -> Option<Chosen> {
        let replicas = &location.replicas;
        let count = replicas.len();
        let start = self.choice.rotation.checked_rem(count)?;
        let strong = reason != RouteReason::WeakReplica;
        let readable = |kind| match kind {
            ReplicaType::Full => true,
            ReplicaType::ReadOnly | ReplicaType::ColumnStore => !strong,
            ReplicaType::LogOnly | ReplicaType::Unknown => false,
        };
        let mut rotated = replicas.iter().chain(replicas).skip(start).take(count);
        let replica = rotated
            .find(|replica| readable(replica.replica_type) && self.choice.takes(replica.server))?;
        Some(Chosen {
            server: replica.server,
            reason,
            leaf: Some(leaf),
        })
    }
}

fn decode<'a>(name: Name<'a>, buffer: &'a mut [u8; MAX_NAME]) -> Option<&'a str> {
    let bytes = if let Some(bytes) = name.as_bytes() {
        bytes
    } else {
        let length = name.write_to(buffer)?;
        buffer.get(..length)?
    };
    std::str::from_utf8(bytes).ok()
}
