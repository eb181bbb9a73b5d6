//! Everything that is true of a session between two requests, as plain data.

use crate::answer::Rewrite;
use crate::effects::Effects;
use crate::exchange::Reply;
use crate::holdings::Holdings;
use crate::pooling::{Pooling, account_name};
use crate::prepared::{PreparedStatements, StatementContext};
use crate::settings::RoutingMode;
use crate::variables::Variables;
use bytes::Bytes;
use odp_cluster::{DatabaseName, ServerAddr, TenantName};
use odp_pool::{AccountName, ClientLogin, PoolMode};
use odp_protocol::{
    CapabilityFlags, CommandKind, OkFormat, ProtocolError, SessionChange, StatusFlags,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Whether a transaction is open, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Transaction {
    /// None is.
    None,
    /// The client has sent this BEGIN; it goes to the server that the next statement chooses.
    Held(Bytes),
    /// On this server, until the end.
    Open(ServerAddr),
}

/// Why all of a session's statements go to one server session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PinReason {
    /// `SET TRANSACTION` holds for the next transaction on that server.
    TransactionCharacteristics,
    /// A temporary table lives there.
    TemporaryTable,
    /// A statement was prepared there by text.
    TextPrepared,
    /// Locks are held there (`GET_LOCK`, `LOCK TABLES`).
    Locks,
    /// A role was chosen there.
    Role,
    /// Several statements in one text were forbidden there (`COM_SET_OPTION`).
    MultiStatements,
    /// An XA transaction was begun there. Only with transaction pooling.
    Xa,
    /// A sequence has given its number there. Only with transaction pooling.
    Sequence,
    /// Statements ran there that are not seen here: those of a routine. Only with transaction pooling.
    Unseen,
    /// The next statement may ask about the last one: it had an error or warnings, or counted the rows
    /// beyond its LIMIT. Only with transaction pooling, until the next statement.
    LastStatement,
}

impl PinReason {
    /// All of them, in the order of their gauges.
    pub const ALL: [Self; 10] = [
        Self::TransactionCharacteristics,
        Self::TemporaryTable,
        Self::TextPrepared,
        Self::Locks,
        Self::Role,
        Self::MultiStatements,
        Self::Xa,
        Self::Sequence,
        Self::Unseen,
        Self::LastStatement,
    ];

    /// Its name in status and metrics.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::TransactionCharacteristics => "transaction_characteristics",
            Self::TemporaryTable => "temporary_table",
            Self::TextPrepared => "text_prepared",
            Self::Locks => "locks",
            Self::Role => "role",
            Self::MultiStatements => "multi_statements",
            Self::Xa => "xa",
            Self::Sequence => "sequence",
            Self::Unseen => "unseen",
            Self::LastStatement => "last_statement",
        }
    }
}

/// A tie to one server session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pin {
    /// Where.
    pub(crate) server: ServerAddr,
    /// Why: it ends with the last reason.
    pub(crate) reasons: BTreeSet<PinReason>,
    /// What is held there.
    pub(crate) holdings: Holdings,
}

impl Pin {
    /// The reason that is told of it: the first in their order.
    pub(crate) fn reason(&self) -> Option<PinReason> {
        self.reasons.first().copied()
    }

    /// Whether what is held there outlives a reset of the server session, or may.
    pub(crate) fn outlives_reset(&self) -> bool {
        let outlives = [PinReason::TemporaryTable, PinReason::MultiStatements];
        outlives.iter().any(|reason| self.reasons.contains(reason))
    }
}

/// The state of a session.
#[derive(Debug, Clone)]
pub(crate) struct SessionState {
    /// What is behind the proxy.
    pub(crate) mode: RoutingMode,
    /// How the client logged in; good for further server sessions.
    pub(crate) login: ClientLogin,
    /// Its tenant.
    pub(crate) tenant: TenantName,
    /// Its current database; empty for none.
    pub(crate) database: DatabaseName,
    /// Its variables.
    pub(crate) variables: Variables,
    /// Its transaction.
    pub(crate) transaction: Transaction,
    /// Its prepared statements.
    pub(crate) prepared: PreparedStatements,
    /// What ties it to one server session.
    pub(crate) pin: Option<Pin>,
    /// How its server sessions are pooled; `None` when they are its own.
    pub(crate) pooling: Option<Pooling>,
    /// Whether the next statement may ask about the last one.
    pub(crate) keeps_last: bool,
    /// Whether its server sessions may hold what is not known here, and must be reset before others get
    /// them.
    pub(crate) leaves_more: bool,
    /// The server that ran its last statement.
    pub(crate) last_server: Option<ServerAddr>,
    /// The server whose `FOUND_ROWS()` is the session's; `None` before the first rows.
    pub(crate) found_rows_at: Option<ServerAddr>,
    /// The server whose `ROW_COUNT()` is the session's.
    pub(crate) row_count_at: Option<ServerAddr>,
    /// The status flags that it saw last.
    pub(crate) status: StatusFlags,
}

/// Flags that tell of one answer and not of the session.
const OF_ONE_ANSWER: StatusFlags = StatusFlags::SERVER_STATUS_CURSOR_EXISTS
    .union(StatusFlags::SERVER_STATUS_LAST_ROW_SENT)
    .union(StatusFlags::SERVER_MORE_RESULTS_EXISTS);

/// What a reply said besides changes of state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Observed {
    /// Whether the server led the partition; it says so only when it did not.
    pub(crate) partition_hit: bool,
    /// The newest schema that the server knows, when it reported one.
    pub(crate) schema_version: Option<i64>,
    /// Whether the current database changed.
    pub(crate) changed_database: bool,
}

impl SessionState {
    /// Whose session it is.
    pub(crate) fn account(&self) -> AccountName {
        let user = String::from_utf8_lossy(&self.login.response.user);
        let tenant = format!("@{}", self.tenant);
        account_name(&self.tenant, user.strip_suffix(&tenant).unwrap_or(&user))
    }

    /// What becomes of a server's control packets on their way to the client.
    pub(crate) fn rewrite(&self) -> Rewrite {
        match self.mode {
            RoutingMode::OceanBase => Rewrite::For(self.ok_format()),
            RoutingMode::MySql => Rewrite::Nothing,
        }
    }

    /// How OK packets for this client end.
    pub(crate) fn ok_format(&self) -> OkFormat {
        let capabilities = self.login.response.capabilities;
        if capabilities.contains(CapabilityFlags::CLIENT_SESSION_TRACK) {
            OkFormat::Tracked
        } else {
            OkFormat::Plain
        }
    }

    /// What decides what a text means that is prepared now.
    pub(crate) fn statement_context(&self) -> StatementContext {
        StatementContext {
            database: self.database.clone(),
            settings: self.variables.reading(),
        }
    }

    /// Whether nothing ties the client to the server sessions that it has.
    pub(crate) fn may_move(&self) -> bool {
        let is_open = matches!(self.transaction, Transaction::Open(_));
        !is_open && self.pin.is_none() && !self.keeps_last && !self.prepared.hold_something()
    }

    /// Whether the client leaves nothing behind in a server session without prepared statements.
    pub(crate) fn is_clean(&self) -> bool {
        self.may_move() && !self.leaves_more && self.variables.difference().is_empty()
    }

    /// Whether its server sessions go to others at the end of a transaction.
    pub(crate) fn shares_by_transaction(&self) -> bool {
        let mode = self.pooling.as_ref().map(|pooling| pooling.mode);
        mode == Some(PoolMode::Transaction)
    }

    /// Whether a transaction is open or announced.
    pub(crate) fn in_transaction(&self) -> bool {
        self.transaction != Transaction::None
    }

    /// What it keeps for its client, in bytes: as much as the client makes it.
    pub(crate) fn bytes(&self) -> usize {
        self.prepared.bytes() + self.variables.bytes()
    }

    /// Takes in what a server's reply to a request of `kind` changed.
    ///
    /// # Errors
    /// When the reply's changes cannot be read; the server session is of no more use then.
    pub(crate) fn apply(
        &mut self,
        reply: &Reply,
        kind: CommandKind,
        server: ServerAddr,
    ) -> Result<Observed, ProtocolError> {
        let mut observed = Observed {
            partition_hit: true,
            schema_version: None,
            changed_database: false,
        };
        for block in &reply.changes {
            SessionChange::parse_all(block, |change| match change {
                SessionChange::Schema(name) => {
                    self.database = DatabaseName::new(String::from_utf8_lossy(name));
                    observed.changed_database = true;
                }
                SessionChange::System {
                    name: b"ob_proxy_partition_hit",
                    value,
                } => {
                    observed.partition_hit = is_on(value);
                }
                SessionChange::System {
                    name: b"ob_last_schema_version",
                    value,
                } => {
                    observed.schema_version = std::str::from_utf8(value)
                        .ok()
                        .and_then(|text| text.parse().ok());
                }
                SessionChange::System {
                    name: b"ob_proxy_set_trx_executed",
                    value,
                } => {
                    self.set_pin(server, PinReason::TransactionCharacteristics, is_on(value));
                }
                SessionChange::System {
                    name: b"_ob_proxy_session_temporary_table_used",
                    value,
                } => self.note_temporary_tables(server, is_on(value)),
                change => self.variables.note(change),
            })?;
        }
        self.tie(reply, server);
        let effects = &reply.effects;
        self.last_server = Some(server);
        if reply.error.is_some() || !matches!(kind, CommandKind::StmtPrepare) {
            self.row_count_at = Some(server);
        }
        if effects.counts_rows && (reply.error.is_none() || effects.are_several) {
            self.found_rows_at = Some(server);
        }
        self.keeps_last = reply.error.is_some()
            || reply.warnings > 0
            || effects.pins.contains(&PinReason::LastStatement);
        if matches!(kind, CommandKind::StmtSendLongData | CommandKind::StmtClose) {
            // Nobody answered, so nothing is known to have changed.
            return Ok(observed);
        }
        if matches!(self.transaction, Transaction::Open(at) if at != server) {
            // A cursor's server knows nothing of a transaction that was begun elsewhere since.
            return Ok(observed);
        }
        self.status = reply.status.difference(OF_ONE_ANSWER);
        self.transaction = if reply.status.contains(StatusFlags::SERVER_STATUS_IN_TRANS) {
            Transaction::Open(server)
        } else {
            Transaction::None
        };
        Ok(observed)
    }

    /// A server says whether there are temporary tables, and knows better than what was read of statements.
    fn note_temporary_tables(&mut self, server: ServerAddr, are_there: bool) {
        self.set_pin(server, PinReason::TemporaryTable, are_there);
        let Some(pin) = &mut self.pin else {
            return;
        };
        if are_there {
            pin.holdings.lose_sight(PinReason::TemporaryTable);
        } else {
            pin.holdings.clear(PinReason::TemporaryTable);
        }
    }

    /// Takes in what a request leaves in the server session that ran it.
    fn tie(&mut self, reply: &Reply, server: ServerAddr) {
        let effects = &reply.effects;
        // A pin too many costs a route, one too few a lock.
        if reply.error.is_none() || effects.are_several {
            let lasting = |reason: &&PinReason| **reason != PinReason::LastStatement;
            for reason in effects.pins.iter().filter(lasting) {
                self.set_pin(server, *reason, true);
            }
            self.hold(effects);
        }
        if let Some(reason) = effects.unseen {
            // Even when there was an error: what ran before that stands.
            self.leaves_more = true;
            if self.shares_by_transaction() {
                self.set_pin(server, reason, true);
            }
        }
    }

    /// Takes in what a request that ran holds in the server session, and ends the tie to it when nothing is
    /// held any more.
    fn hold(&mut self, effects: &Effects) {
        let Some(pin) = &mut self.pin else {
            return;
        };
        let change = effects.held.clone().filter(|_| !effects.are_several);
        for reason in &effects.pins {
            if !change.as_ref().is_some_and(|it| it.explains(*reason)) {
                pin.holdings.lose_sight(*reason);
            }
        }
        match change {
            Some(change) => pin.holdings.note(*change),
            None if effects.changes_accounts && pin.holdings.has_tables() => {
                // A table may have another name now.
                pin.holdings.lose_sight(PinReason::TemporaryTable);
            }
            None => return,
        }
        if !self.leaves_more {
            for reason in pin.holdings.over() {
                pin.reasons.remove(&reason);
            }
            self.pin.take_if(|pin| pin.reasons.is_empty());
        }
    }

    fn set_pin(&mut self, server: ServerAddr, reason: PinReason, on: bool) {
        if on {
            let fresh = || Pin {
                server,
                reasons: BTreeSet::new(),
                holdings: Holdings::default(),
            };
            self.pin.get_or_insert_with(fresh).reasons.insert(reason);
        } else if let Some(pin) = &mut self.pin {
            pin.reasons.remove(&reason);
            self.pin.take_if(|pin| pin.reasons.is_empty());
        }
    }

    /// Forgets a BEGIN that no server has kept; says whether there was one.
    pub(crate) fn drop_held_transaction(&mut self) -> bool {
        let held = matches!(self.transaction, Transaction::Held(_));
        if held {
            self.transaction = Transaction::None;
            self.status.remove(StatusFlags::SERVER_STATUS_IN_TRANS);
        }
        held
    }

    /// Forgets what was held by a server session that is gone; says whether a transaction was.
    pub(crate) fn forget_server(&mut self, server: ServerAddr) -> bool {
        let lost = self.transaction == Transaction::Open(server);
        if lost {
            self.transaction = Transaction::None;
            self.status.remove(StatusFlags::SERVER_STATUS_IN_TRANS);
        }
        self.pin.take_if(|pin| pin.server == server);
        self.found_rows_at.take_if(|at| *at == server);
        self.row_count_at.take_if(|at| *at == server);
        self.prepared.forget_server(server);
        lost
    }

    /// Back to what it was at login, but for the database (`COM_RESET_CONNECTION`).
    pub(crate) fn reset(&mut self) {
        self.variables.reset();
        self.transaction = Transaction::None;
        self.prepared = PreparedStatements::default();
        self.pin = None;
        self.found_rows_at = None;
        self.row_count_at = None;
        self.keeps_last = false;
        self.leaves_more = false;
        // What an OBServer answers to the command.
        self.status =
            StatusFlags::SERVER_STATUS_AUTOCOMMIT | StatusFlags::SERVER_STATUS_NO_INDEX_USED;
    }
}

/// `ON` or a number other than 0: servers write booleans either way.
fn is_on(value: &[u8]) -> bool {
    value.eq_ignore_ascii_case(b"ON") || value == b"1" || value.eq_ignore_ascii_case(b"true")
}
