//! The order of the rules: from a request to a decision.

use crate::by_policy::{Pick, Picked};
use crate::choice::{Choice, Effects};
use crate::locations::{Cached, Found, Marks, Outdated, Source};
use crate::placement::{Placement, Statement};
use crate::policy::facts::Facts;
use crate::policy::rule::{Copies, Kind, Order, Wish};
use crate::table_key::BorrowedKey;
use crate::{
    Altered, ClusterView, Decision, Location, LookupPhase, Metadata, NoServerReason,
    PolicySettings, Route, RouteReason, Table, TableKey, Unsure, Wait, ZonePolicy,
};
use odp_cluster::{ServerAddr, TabletId};
use odp_sql::{Consistency, Outline, TableRef, Verb};

/// The longest name that is looked up, in bytes (the server's limit is 64 characters).
pub(crate) const MAX_NAME: usize = 256;

/// Everything one decision is made from.
#[derive(Debug)]
pub(crate) struct Decider<'a> {
    pub(crate) view: &'a ClusterView,
    pub(crate) facts: &'a Facts,
    pub(crate) settings: &'a PolicySettings,
    pub(crate) source: Source<'a>,
    pub(crate) choice: Choice<'a>,
}

/// A server that a table's location led to.
struct Chosen {
    server: ServerAddr,
    reason: RouteReason,
    tablet: Option<TabletId>,
    is_leader: bool,
    outdated: Outdated,
}

/// Why a table's location did not lead to a server.
#[derive(Debug, Clone)]
enum Elsewhere {
    /// Any server of the tenant, for this reason.
    For(RouteReason),
    /// The servers of the tenant must be looked up first.
    NeedServers,
    /// The partition is no longer there; where it is will soon be known.
    Wait(Wait),
    /// The policy leaves no server that was not tried.
    Nowhere,
}

impl Decider<'_> {
    /// Decides, and says in the route whether it is a probe; one that was claimed on the way to another
    /// server is given back.
    pub(crate) fn decide_and_mark(&self) -> Decision {
        let mut decision = self.decide();
        let Some(claimed) = self.choice.claimed.get() else {
            return decision;
        };
        match &mut decision {
            Decision::Route(route) if route.server == claimed => route.is_probe = true,
            _ => self
                .choice
                .blacklist
                .give_up_probe(claimed, self.choice.now),
        }
        decision
    }

    pub(crate) fn decide(&self) -> Decision {
        if self.view.servers.is_empty() {
            return Decision::NoServer(NoServerReason::NoCluster);
        }
        if !self.settings.target_db_server.is_empty() {
            return self.among_targets();
        }
        if self.view.metadata == Metadata::Unavailable {
            return self.without_location(RouteReason::NoMetadata);
        }
        let call = self.choice.request.outline.and_then(Outline::routine);
        if let Some(routine) = call {
            return self.by_routine(routine);
        }
        match self.statement() {
            None => self.with_altered(self.without_location(RouteReason::AnyServer)),
            Some(statement) => self.by_table(&statement),
        }
    }

    /// The statement, when it is one that runs where its table is.
    pub(crate) fn statement(&self) -> Option<Statement<'_>> {
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

    /// What the request wants of a server.
    pub(crate) fn wish(&self) -> Wish {
        let request = self.choice.request;
        let kind = Kind::of(request.outline);
        let hint = request.outline.and_then(Outline::consistency_hint);
        let in_columns = request.zone_policy == ZonePolicy::ColumnStoreOnly;
        let consistency = match kind {
            Kind::Other => Consistency::Strong,
            Kind::PlainRead if in_columns => Consistency::Weak,
            Kind::PlainRead | Kind::Capable => hint.unwrap_or(request.consistency),
        };
        Wish {
            consistency,
            is_chosen: request.is_consistency_chosen || hint.is_some(),
            kind,
            zone_policy: request.zone_policy,
            route_policy: request.route_policy.or(self.settings.proxy_route_policy),
        }
    }

    /// Calls `with` with the key of a table; `None` when its name cannot be looked up.
    pub(crate) fn with_key<R>(
        &self,
        table: TableRef<'_>,
        with: impl FnOnce(BorrowedKey<'_>) -> R,
    ) -> Option<R> {
        let key = |database: Option<&[u8]>, name: &[u8]| {
            Some(with(BorrowedKey {
                tenant: self.choice.request.tenant.as_str(),
                database: match database {
                    Some(database) => database,
                    None => self.choice.request.database.as_str().as_bytes(),
                },
                table: name,
            }))
        };
        // Hardly any name has a quote in it.
        let plain = table.database.map(|name| name.as_bytes());
        match (plain, table.name.as_bytes()) {
            (None, Some(name)) => key(None, name),
            (Some(Some(database)), Some(name)) => key(Some(database), name),
            _ => with_decoded(table, key),
        }
    }

    /// The key of a table, when its name can be looked up.
    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method alone is not general enough over the key's lifetime"
    )]
    pub(crate) fn key_of(&self, table: TableRef<'_>) -> Option<TableKey> {
        self.with_key(table, |key| key.into_key())?
    }

    pub(crate) fn by_table(&self, statement: &Statement<'_>) -> Decision {
        let by_key = |key: BorrowedKey<'_>| {
            if key.database.is_empty() {
                return self.without_location(RouteReason::NoTable);
            }
            let found = self.source.find(key, |found| match found {
                Found::Table(cached) => self.in_table(statement, &cached),
                Found::Missing(marks) => {
                    let wait = self.wait(self.wish(), marks).map(Elsewhere::Wait);
                    Err(wait.unwrap_or(Elsewhere::For(RouteReason::NoTable)))
                }
                Found::Routine(_) => Err(Elsewhere::For(RouteReason::NoTable)),
                Found::Failed => Err(Elsewhere::For(RouteReason::NoLocation)),
            });
            match found {
                Some(Ok(route)) => Decision::Route(route),
                Some(Err(Elsewhere::NeedServers)) => {
                    Decision::Lookup(TableKey::servers_of(self.choice.request.tenant))
                }
                Some(Err(Elsewhere::Wait(wait))) => Decision::Wait(wait),
                Some(Err(Elsewhere::Nowhere)) => Decision::NoServer(NoServerReason::AllTried),
                Some(Err(Elsewhere::For(
                    reason @ (RouteReason::NoTable | RouteReason::Unsure(_)),
                ))) => with_table(self.without_location(reason), key),
                Some(Err(Elsewhere::For(reason))) => self.without_location(reason),
                None => self.not_found(key),
            }
        };
        let decided = self.with_key(statement.table, by_key);
        decided.unwrap_or_else(|| self.unreadable())
    }

    /// Nothing is known under a key.
    #[cold]
    fn not_found(&self, key: BorrowedKey<'_>) -> Decision {
        match key.into_key() {
            None => self.unreadable(),
            Some(key) if self.choice.request.lookup == LookupPhase::Allowed => {
                Decision::Lookup(key)
            }
            Some(_) => self.without_location(RouteReason::NoLocation),
        }
    }

    /// The statement names a table by bytes that are no name.
    #[cold]
    fn unreadable(&self) -> Decision {
        self.without_location(RouteReason::Unsure(Unsure::Statement))
    }

    /// A route that names what a DDL changes.
    fn with_altered(&self, decision: Decision) -> Decision {
        let request = self.choice.request;
        let ddl = request
            .outline
            .filter(|outline| outline.verb() == Verb::Ddl);
        let (Some(outline), Decision::Route(route)) = (ddl, &decision) else {
            return decision;
        };
        let table = outline.table().and_then(|table| {
            let key = self.key_of(table)?;
            (!key.database.is_empty()).then_some(key)
        });
        let altered = match table {
            Some(key) => Altered::Table(key),
            None => Altered::Tenant(request.tenant.clone()),
        };
        Decision::Route(Route {
            alters: Some(Box::new(altered)),
            ..route.clone()
        })
    }

    /// The route by a known location, or why the location does not help.
    fn in_table(&self, statement: &Statement<'_>, cached: &Cached<'_>) -> Result<Route, Elsewhere> {
        let table = cached.table;
        let wish = self.wish();
        if let Some(wait) = self.wait(wish, cached.marks) {
            return Err(Elsewhere::Wait(wait));
        }
        let chosen = match statement.place(table) {
            Ok(Placement::Leaf(leaf)) => self.in_leaf(wish, table, leaf)?,
            Ok(Placement::MostRows(server)) => {
                let order = self.order(wish, Copies::Plain);
                let weak = wish.consistency == Consistency::Weak;
                if weak || order == Order::ProxyZones {
                    return Err(Elsewhere::For(RouteReason::WeakElsewhere));
                }
                let chosen = Chosen {
                    server,
                    reason: RouteReason::MostRows,
                    tablet: None,
                    is_leader: false,
                    outdated: Outdated::No,
                };
                let usable = self.choice.takes(server).then_some(chosen);
                usable.ok_or(Elsewhere::For(RouteReason::LeaderUnusable))?
            }
            Err(unsure) => return Err(Elsewhere::For(RouteReason::Unsure(unsure))),
        };
        Ok(Route {
            server: chosen.server,
            reason: chosen.reason,
            table: Some(cached.marks.key().clone()),
            tablet: chosen.tablet,
            is_leader: chosen.is_leader,
            refresh: self.claims(cached, chosen.outdated),
            is_probe: false,
            alters: None,
        })
    }

    /// Whether this decision has the entry refreshed.
    pub(crate) fn claims(&self, cached: &Cached<'_>, outdated: Outdated) -> bool {
        self.choice.effects == Effects::Claim && cached.marks.claim_refresh(outdated)
    }

    /// How long to wait for what a refresh brings, when an answer has spoken against an entry. Weak reads
    /// need no leader.
    fn wait(&self, wish: Wish, marks: Marks<'_>) -> Option<Wait> {
        let waits = wish.consistency == Consistency::Strong
            && self.choice.request.lookup == LookupPhase::Allowed
            && self.choice.effects == Effects::Claim;
        if waits {
            marks.worth_waiting_for()
        } else {
            None
        }
    }

    fn in_leaf(&self, wish: Wish, table: &Table, leaf: usize) -> Result<Chosen, Elsewhere> {
        let location = table.locations.get(leaf);
        let location = location.ok_or(Elsewhere::For(RouteReason::NoLocation))?;
        let order = self.order_in(wish, location);
        let leader = location.leader();
        let wants_leader = wish.consistency == Consistency::Strong
            && order != Order::ProxyZones
            && !order.uses_copies();
        if let Some(server) = leader.filter(|&leader| wants_leader && self.choice.takes(leader)) {
            return Ok(Chosen {
                server,
                reason: RouteReason::Leader,
                tablet: Some(location.tablet),
                is_leader: true,
                outdated: Outdated::No,
            });
        }
        let field = self.field(wish, order, &location.replicas);
        match self.pick(&field, None) {
            Picked::Server(pick) => Ok(Chosen {
                server: pick.candidate.server,
                reason: Self::reason(wish, order, leader, &pick),
                tablet: Some(location.tablet),
                is_leader: leader == Some(pick.candidate.server),
                outdated: if leader.is_none() {
                    Outdated::Yes
                } else {
                    Outdated::No
                },
            }),
            Picked::NeedServers => Err(Elsewhere::NeedServers),
            Picked::None => Err(Elsewhere::Nowhere),
            Picked::UnknownTenant => Err(Elsewhere::For(RouteReason::LeaderUnusable)),
        }
    }

    /// The order for a partition with a known location.
    pub(crate) fn order_in(&self, wish: Wish, location: &Location) -> Order {
        let copies = if location.replicas.iter().any(|replica| replica.is_duplicate) {
            Copies::Duplicate
        } else {
            Copies::Plain
        };
        self.order(wish, copies).among_holders()
    }

    fn reason(wish: Wish, order: Order, leader: Option<ServerAddr>, pick: &Pick) -> RouteReason {
        let holds = pick.candidate.holds();
        match (wish.consistency, leader) {
            _ if pick.is_forced => RouteReason::Forced,
            _ if order == Order::ProxyZones => RouteReason::ProxyPrimaryZone,
            _ if order.uses_copies() && holds => RouteReason::DuplicateReplica,
            (Consistency::Weak, _) if holds => RouteReason::WeakReplica,
            (Consistency::Weak, _) => RouteReason::WeakElsewhere,
            (Consistency::Strong, Some(_)) => RouteReason::LeaderUnusable,
            (Consistency::Strong, None) => RouteReason::NoLeader,
        }
    }
}

/// A route that names the table though its location did not help, so that an answer which shows that
/// the table is another one now (it was created or altered since) has it looked up again.
fn with_table(decision: Decision, key: BorrowedKey<'_>) -> Decision {
    match decision {
        Decision::Route(route) if !route.refresh => Decision::Route(Route {
            table: key.into_key(),
            ..route
        }),
        other => other,
    }
}

/// Calls `with` with database and name of a table, doubled quotes in them read as one.
#[cold]
fn with_decoded<R>(
    table: TableRef<'_>,
    with: impl FnOnce(Option<&[u8]>, &[u8]) -> Option<R>,
) -> Option<R> {
    let (mut database, mut name) = ([0; MAX_NAME], [0; MAX_NAME]);
    let database = match table.database {
        Some(name) => {
            let length = name.write_to(&mut database)?;
            Some(database.get(..length)?)
        }
        None => None,
    };
    let length = table.name.write_to(&mut name)?;
    with(database, name.get(..length)?)
}
