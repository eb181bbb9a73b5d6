//! Decides what becomes of a command: pure, from the packet, the session's state and the router.

use crate::attempts::Attempts;
use crate::congestion;
use crate::effects::{self, Effects};
use crate::error::SessionError;
use crate::explain::{Explained, Times};
use crate::holdings::{self, Change};
use crate::parameters::parameters;
use crate::settings::RoutingMode;
use crate::state::{PinReason, SessionState, Transaction};
use crate::stopwatch::Stopwatch;
use odp_cluster::{ServerAddr, TenantName};
use odp_protocol::{Command, CommandKind};
use odp_routing::{
    Decision, Desk, Explanation, NoServerReason, Parameter, ProxyRoutePolicy, Request, Route,
    Router, TableKey, Wait,
};
use odp_sql::{Kill, KillScope, Outline, Uses, Verb, outline, with_connection_id};
use std::time::{Duration, Instant};

/// What becomes of a command.
#[derive(Debug)]
pub(crate) enum Plan {
    /// The proxy deals with it.
    Local(Local),
    /// The location of a table must be fetched first.
    Lookup(TableKey),
    /// The location of a table is being fetched anew, which is worth a short wait.
    Wait(Wait),
    /// A server runs it.
    Forward(Target),
}

/// What the proxy does itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Local {
    /// The client says goodbye.
    Quit,
    /// Nothing is to be done but to say OK.
    Done,
    /// `COM_PING`: OK, when the session still has what it had.
    Ping,
    /// EXPLAIN ROUTE; the location has been waited for this long.
    ExplainRoute(Duration),
    /// SHOW PROXYCONGESTION.
    ShowCongestion,
    /// Hold this BEGIN until a statement decides where it goes.
    HoldBegin,
    /// `COM_STMT_CLOSE`: no answer.
    Close(u32),
    /// `COM_STMT_RESET` of a statement whose cursor is not where the session is bound.
    Reset(u32),
    /// `COM_RESET_CONNECTION`.
    ResetConnection,
    /// `COM_CHANGE_USER`.
    ChangeUser,
    /// `KILL`.
    Kill(Kill),
}

/// A server and what the session must know about the request that goes there.
#[derive(Debug)]
pub(crate) struct Target {
    /// The server.
    pub(crate) server: ServerAddr,
    /// How it was chosen; `None` when the session is bound to it.
    pub(crate) route: Option<Route>,
    /// The prepared statement in the request.
    pub(crate) statement: Option<u32>,
    /// How long the server may be silent; `None` for any time.
    pub(crate) patience: Option<Duration>,
    /// Whether it chooses the current database, so that the old one need not be set first.
    pub(crate) chooses_database: bool,
    /// What success changes in the session.
    pub(crate) effects: Effects,
    /// Whether the rows of its answer begin with ids of sessions.
    pub(crate) lists_sessions: bool,
    /// What it uses.
    pub(crate) uses: Uses,
    /// Set for a plain read, whose time tells how quick the server is.
    pub(crate) stopwatch: Stopwatch,
}

/// Plans `payload`, a command packet of which at least the beginning is there.
pub(crate) fn plan(
    payload: &[u8],
    state: &SessionState,
    router: &Desk,
    attempts: &Attempts,
    now: Instant,
) -> Result<Plan, SessionError> {
    let planner = Planner {
        state,
        router,
        attempts,
        now,
    };
    if state.mode == RoutingMode::MySql {
        return planner.only_server(kind_of(payload));
    }
    if payload.is_empty() {
        return Err(SessionError::UnknownCommand);
    }
    let Ok(command) = Command::parse(payload) else {
        // Too short for its command: any server says so in its own words.
        return planner.route(None, &[]);
    };
    match command {
        Command::Query(text) => planner.query(text),
        Command::Prepare(text) => planner.prepare(text),
        Command::Execute(id) => planner.execute(id, payload),
        Command::Fetch(id) => planner.fetch(id),
        Command::SendLongData(id) => planner.any_server(id),
        Command::Close(id) => Ok(Plan::Local(Local::Close(id))),
        Command::Reset(id) => planner.reset(id),
        Command::Other(CommandKind::Quit) => Ok(Plan::Local(Local::Quit)),
        Command::Other(CommandKind::Ping) => Ok(Plan::Local(Local::Ping)),
        Command::Other(CommandKind::ResetConnection) => Ok(Plan::Local(Local::ResetConnection)),
        Command::Other(CommandKind::ChangeUser) => Ok(Plan::Local(Local::ChangeUser)),
        Command::Other(CommandKind::ProcessInfo) => Ok(match planner.route(None, &[])? {
            Plan::Forward(target) => Plan::Forward(Target {
                lists_sessions: true,
                ..target
            }),
            other => other,
        }),
        Command::Other(CommandKind::SetOption) => planner.set_option(payload),
        Command::Other(kind) if is_unknown(kind) => Err(SessionError::UnknownCommand),
        Command::Other(kind) => match unsupported(kind) {
            Some(what) => Err(SessionError::Unsupported(what)),
            None => planner.route(None, &[]),
        },
        Command::ProcessKill(id) => Ok(Plan::Local(Local::Kill(Kill {
            scope: KillScope::Connection,
            id,
        }))),
        Command::InitDb(_) => Ok(match planner.route(None, &[])? {
            Plan::Forward(target) => Plan::Forward(Target {
                chooses_database: true,
                ..target
            }),
            other => other,
        }),
    }
}

/// The kind of a command packet; a server takes an empty one for the first of them.
pub(crate) fn kind_of(payload: &[u8]) -> CommandKind {
    CommandKind::from_byte(payload.first().copied().unwrap_or_default())
}

/// Plans `COM_PING` for a session that has lost its server session: a server must say whether it lives.
pub(crate) fn plan_ping(
    state: &SessionState,
    router: &Desk,
    attempts: &Attempts,
    now: Instant,
) -> Result<Plan, SessionError> {
    let planner = Planner {
        state,
        router,
        attempts,
        now,
    };
    planner.route(None, &[])
}

/// Commands that no session over several servers can carry: they belong to one server.
fn unsupported(kind: CommandKind) -> Option<&'static str> {
    match kind {
        CommandKind::BinlogDump | CommandKind::BinlogDumpGtid => Some("COM_BINLOG_DUMP"),
        CommandKind::RegisterSlave => Some("COM_REGISTER_SLAVE"),
        CommandKind::TableDump => Some("COM_TABLE_DUMP"),
        CommandKind::Shutdown => Some("COM_SHUTDOWN through a proxy"),
        _ => None,
    }
}

/// Commands that no server takes from a client.
fn is_unknown(kind: CommandKind) -> bool {
    matches!(
        kind,
        CommandKind::Sleep
            | CommandKind::Connect
            | CommandKind::ConnectOut
            | CommandKind::DelayedInsert
            | CommandKind::Time
            | CommandKind::Daemon
            | CommandKind::Unknown(_)
    )
}

struct Planner<'a> {
    state: &'a SessionState,
    router: &'a Desk,
    attempts: &'a Attempts,
    now: Instant,
}

impl Planner<'_> {
    /// In front of MySQL everything goes to the client's one server session, as it is.
    fn only_server(&self, kind: CommandKind) -> Result<Plan, SessionError> {
        match (kind, self.state.last_server) {
            (CommandKind::Quit, _) => Ok(Plan::Local(Local::Quit)),
            (CommandKind::ChangeUser, _) => Ok(Plan::Local(Local::ChangeUser)),
            (_, Some(server)) => {
                let mut target = self.target(server, None, None, Uses::NONE);
                target.patience = None;
                // Nobody reads it here.
                target.effects.may_commit = true;
                Ok(Plan::Forward(target))
            }
            (_, None) => Err(SessionError::ClientGone),
        }
    }

    fn query(&self, text: &[u8]) -> Result<Plan, SessionError> {
        let outline = outline(text, self.state.variables.known().dialect);
        if outline.is_explain_route() {
            let explanation = self.explain(&outline);
            return Ok(match explanation.decision {
                Decision::Lookup(key) => Plan::Lookup(key),
                Decision::Wait(wait) => Plan::Wait(wait),
                _ => Plan::Local(Local::ExplainRoute(self.attempts.waited)),
            });
        }
        if outline.congestion().is_some() && congestion::may_ask(self.state) {
            return Ok(Plan::Local(Local::ShowCongestion));
        }
        if outline.verb() == Verb::Begin
            && self.state.pin.is_none()
            && !matches!(self.state.transaction, Transaction::Open(_))
            && can_be_held(text, &outline)
        {
            return Ok(Plan::Local(Local::HoldBegin));
        }
        if outline.verb() == Verb::Kill
            && let Some(kill) = self.kill(text, &outline)
        {
            return Ok(Plan::Local(Local::Kill(kill)));
        }
        let plan = self.route(Some(&outline), &[])?;
        Ok(self.with_effects(plan, text, &outline))
    }

    /// What KILL ends, by its number or by `CONNECTION_ID()`: a server would end what it has of the client,
    /// which is less than its session.
    fn kill(&self, text: &[u8], read: &Outline<'_>) -> Option<Kill> {
        read.kill().or_else(|| {
            let dialect = self.state.variables.known().dialect;
            let text = with_connection_id(text, dialect, self.state.login.session_id.get())?;
            outline(&text, dialect).kill()
        })
    }

    fn prepare(&self, text: &[u8]) -> Result<Plan, SessionError> {
        let outline = outline(text, self.state.variables.known().dialect);
        let plan = self.route(Some(&outline), &[])?;
        Ok(Self::with_statement(plan, self.state.prepared.next_id()))
    }

    /// What the text of a statement that runs now leaves in a server session that others get. With
    /// transaction pooling, a SELECT that counts rows for `FOUND_ROWS()` keeps its server session.
    fn with_effects(&self, plan: Plan, text: &[u8], outline: &Outline<'_>) -> Plan {
        const COUNTS: &[u8] = b"sql_calc_found_rows";
        let Plan::Forward(mut target) = plan else {
            return plan;
        };
        if holdings::is_concerned(&target.effects, target.uses, self.state.pin.is_some()) {
            let dialect = self.state.variables.known().dialect;
            target.effects.held = Change::read(text, dialect, &self.state.database).map(Box::new);
            if target.effects.held.is_some() {
                target.effects.unseen = None;
            }
        }
        if self.state.pooling.is_none() {
            return Plan::Forward(target);
        }
        if target.effects.unseen.is_none() && effects::names_sequence(text) {
            target.effects.unseen = Some(PinReason::Sequence);
        }
        if self.state.shares_by_transaction()
            && outline.verb() == Verb::Select
            && effects::names(text, COUNTS)
        {
            target.effects.pins.insert(PinReason::LastStatement);
        }
        Plan::Forward(target)
    }

    fn with_statement(plan: Plan, id: u32) -> Plan {
        match plan {
            Plan::Forward(target) => Plan::Forward(Target {
                statement: Some(id),
                ..target
            }),
            other => other,
        }
    }

    fn execute(&self, id: u32, payload: &[u8]) -> Result<Plan, SessionError> {
        let Some(statement) = self.state.prepared.get(id) else {
            return self.any_server(id);
        };
        let outline = outline(&statement.text, self.state.variables.known().dialect);
        let plan = match outline.table() {
            // A packet that cannot be read is for the server to refuse.
            Some(_) if statement.parameters > 0 => {
                let parameters = parameters(statement, payload).unwrap_or_default();
                self.route(Some(&outline), &parameters)?
            }
            _ => self.route(Some(&outline), &[])?,
        };
        let plan = self.with_effects(plan, &statement.text, &outline);
        Ok(Self::with_statement(plan, id))
    }

    /// To where the session is bound, or to any server: one that is asked for a statement that the client
    /// does not have says so in its own words.
    fn any_server(&self, id: u32) -> Result<Plan, SessionError> {
        Ok(Self::with_statement(self.route(None, &[])?, id))
    }

    /// A cursor is where it was opened. Without one, any server says so in its own words.
    fn fetch(&self, id: u32) -> Result<Plan, SessionError> {
        let cursor = self.state.prepared.get(id).and_then(|known| known.cursor);
        let plan = match cursor {
            Some(server) => self.bound(server),
            None => self.route(None, &[])?,
        };
        Ok(Self::with_statement(plan, id))
    }

    /// Only what one server holds for a statement needs to be reset there. Where the session is bound, that
    /// server answers, which knows its own state best; a cursor elsewhere is closed with its statement there.
    fn reset(&self, id: u32) -> Result<Plan, SessionError> {
        let Some(statement) = self.state.prepared.get(id) else {
            return self.any_server(id);
        };
        let holder = self.state.prepared.long_data_of(id).or(statement.cursor);
        let bound = self.binding(Uses::NONE);
        if let (Some(holder), Some(bound)) = (holder, bound)
            && holder != bound
        {
            return Ok(Plan::Local(Local::Reset(id)));
        }
        let holder = holder.or(bound);
        Ok(holder.map_or(Plan::Local(Local::Done), |server| {
            Self::with_statement(self.bound(server), id)
        }))
    }

    /// Where the session is bound to go, if it is.
    fn binding(&self, uses: Uses) -> Option<ServerAddr> {
        if let Some(pin) = &self.state.pin {
            return Some(pin.server);
        }
        if let Transaction::Open(server) = self.state.transaction {
            return Some(server);
        }
        if let Some(server) = self.state.prepared.long_data_at() {
            return Some(server);
        }
        let last = self.state.last_server;
        if uses.contains(Uses::DIAGNOSTICS) || uses.contains(Uses::TRACE) {
            last
        } else if uses.contains(Uses::ROW_COUNT) {
            // A PREPARE leaves it alone, though it is what SHOW WARNINGS is about.
            self.state.row_count_at.or(last)
        } else if uses.contains(Uses::FOUND_ROWS) {
            // As does every statement without rows.
            self.state.found_rows_at.or(last)
        } else {
            None
        }
    }

    /// Whether a statement asks about the one before it, and the server session that ran that is somebody
    /// else's by now.
    fn asks_strangers(&self, uses: Uses) -> bool {
        let state = self.state;
        let asked = [
            (Uses::FOUND_ROWS, state.found_rows_at),
            (Uses::ROW_COUNT, state.row_count_at),
            (Uses::TRACE, state.row_count_at),
        ];
        state.shares_by_transaction()
            && asked
                .iter()
                .any(|(what, at)| uses.contains(*what) && (at.is_none() || state.may_move()))
    }

    /// A server session that takes one statement at a time is kept: the others take several.
    fn set_option(&self, payload: &[u8]) -> Result<Plan, SessionError> {
        /// `MYSQL_OPTION_MULTI_STATEMENTS_OFF` (MySQL manual, `COM_SET_OPTION`).
        const OFF: &[u8] = &[1, 0];
        let mut plan = self.route(None, &[])?;
        if let Plan::Forward(target) = &mut plan
            && payload.get(1..) == Some(OFF)
        {
            target.effects.pins.insert(PinReason::MultiStatements);
        }
        Ok(plan)
    }

    /// A command without a statement, for the server that holds what it is about.
    fn bound(&self, server: ServerAddr) -> Plan {
        Plan::Forward(self.target(server, None, None, Uses::NONE))
    }

    /// A statement's `uses` are [`Outline::uses`], which are read once.
    fn target(
        &self,
        server: ServerAddr,
        route: Option<Route>,
        outline: Option<&Outline<'_>>,
        uses: Uses,
    ) -> Target {
        let effects = outline.map_or_else(Effects::default, |outline| Effects::of(outline, uses));
        Target {
            server,
            route,
            statement: None,
            patience: self.patience(outline),
            chooses_database: outline.is_some_and(|outline| outline.verb() == Verb::Use),
            lists_sessions: uses.contains(Uses::PROCESSLIST) && !effects.are_several,
            effects,
            uses,
            stopwatch: match outline {
                Some(outline) if is_plain_read(outline) => Stopwatch::Set,
                _ => Stopwatch::Off,
            },
        }
    }

    /// How long a server may be silent: `ob_query_timeout` or the hint. DDL and routines may take any
    /// time, as with `OBProxy`.
    fn patience(&self, outline: Option<&Outline<'_>>) -> Option<Duration> {
        let verb = outline.map(Outline::verb);
        if let Some(Verb::Ddl | Verb::Maintain | Verb::Call | Verb::LoadData) = verb {
            return None;
        }
        let hint = outline
            .and_then(Outline::query_timeout_us)
            .map(Duration::from_micros);
        Some(hint.unwrap_or(self.state.variables.known().query_timeout))
    }

    /// The text of a user variable, when it holds one that is not empty.
    fn user_text(&self, name: &str) -> Option<&str> {
        let text = self.state.variables.user_text(name)?;
        (!text.is_empty()).then_some(text)
    }

    fn route(
        &self,
        outline: Option<&Outline<'_>>,
        parameters: &[Parameter<'_>],
    ) -> Result<Plan, SessionError> {
        let uses = outline.map_or(Uses::NONE, Outline::uses);
        if let Some(server) = self.binding(uses) {
            if self.asks_strangers(uses) {
                return Err(SessionError::Unsupported(
                    "FOUND_ROWS(), ROW_COUNT() or SHOW TRACE about a statement of another transaction with \
                     pool_mode = transaction",
                ));
            }
            let target = self.target(server, None, outline, uses);
            return Ok(Plan::Forward(target));
        }
        let request = self.request(outline, parameters);
        match self.router.decide(&request, self.now) {
            Decision::Route(route) => {
                let target = self.target(route.server, Some(route), outline, uses);
                Ok(Plan::Forward(target))
            }
            Decision::Lookup(key) => Ok(Plan::Lookup(key)),
            Decision::Wait(wait) => Ok(Plan::Wait(wait)),
            Decision::NoServer(reason) => {
                let router = self.router.router();
                Err(no_server(&self.state.tenant, reason, router))
            }
        }
    }

    /// What the router is asked.
    fn request<'r>(
        &'r self,
        outline: Option<&'r Outline<'r>>,
        parameters: &'r [Parameter<'r>],
    ) -> Request<'r> {
        let known = self.state.variables.known();
        Request {
            outline,
            parameters,
            collation: known.collation,
            time_zone: known.time_zone,
            client: known.client,
            backslash: known.dialect.backslash,
            consistency: known.consistency,
            is_consistency_chosen: known.is_consistency_chosen,
            zone_policy: known.zone_policy,
            route_policy: self
                .user_text("proxy_route_policy")
                .and_then(ProxyRoutePolicy::read),
            idc: self.user_text("proxy_idc_name"),
            last_server: self.state.last_server,
            excluded: &self.attempts.failed,
            lookup: self.attempts.lookup,
            ..Request::new(&self.state.tenant, &self.state.database)
        }
    }

    fn explain(&self, outline: &Outline<'_>) -> Explanation {
        let request = self.request(Some(outline), &[]);
        self.router.explain(&request, self.now)
    }
}

/// Explains where the statement in `text` goes, for EXPLAIN ROUTE. Its location has been waited for
/// already, for `waited`.
pub(crate) fn explain(
    text: &[u8],
    state: &SessionState,
    router: &Desk,
    waited: Duration,
) -> Explained {
    let started = Instant::now();
    let outline = outline(text, state.variables.known().dialect);
    let read = Instant::now();
    let attempts = Attempts::looked_up();
    let planner = Planner {
        state,
        router,
        attempts: &attempts,
        now: read,
    };
    let explanation = planner.explain(&outline);
    Explained {
        explanation,
        bound_to: planner.binding(outline.uses()),
        verb: format!("{:?}", outline.verb()),
        times: Times {
            outline: read - started,
            lookup: waited,
            decision: read.elapsed(),
        },
    }
}

/// The error for a decision without a server.
pub(crate) fn no_server(
    tenant: &TenantName,
    reason: NoServerReason,
    router: &Router,
) -> SessionError {
    if reason == NoServerReason::NoCluster
        && let Some(foreign) = router.foreign()
    {
        return SessionError::WrongCluster(foreign);
    }
    SessionError::NoServer {
        tenant: tenant.to_string(),
        reason,
    }
}

/// A SELECT from a table, without locks.
fn is_plain_read(outline: &Outline<'_>) -> bool {
    outline.verb() == Verb::Select
        && outline.table().is_some()
        && !outline.is_for_update()
        && !outline.is_explain()
}

/// A consistent snapshot begins where and when the client says so; any other BEGIN can wait.
fn can_be_held(text: &[u8], outline: &Outline<'_>) -> bool {
    const SNAPSHOT: &[u8] = b"snapshot";
    !effects::names(text, SNAPSHOT) && !outline.is_multi_statement()
}
