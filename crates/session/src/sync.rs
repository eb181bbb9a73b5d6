//! What a server session must be told before it may run a client's next request.

use crate::leases::Synced;
use crate::state::{SessionState, Transaction};
use bytes::{Bytes, BytesMut};
use odp_cluster::DatabaseName;
use odp_protocol::{CommandKind, put_packet};
use odp_sql::Uses;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// One step: a command of the proxy's own, whose answer the client does not see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum SyncStep {
    /// The current database.
    Database(DatabaseName),
    /// Variables, up to a version.
    Variables {
        /// The SET statement.
        sql: Bytes,
        /// The version that the server session has afterwards.
        version: u64,
    },
    /// A query of one row, which makes `FOUND_ROWS()` and `ROW_COUNT()` what they are behind a login: a
    /// reset leaves them alone.
    OneRow,
    /// User variables that cannot be set together with the others.
    UserVariables(Bytes),
    /// The BEGIN that was held back.
    Begin(Bytes),
    /// A prepared statement that the server session does not know.
    Prepare {
        /// The client's id.
        statement: u32,
        /// The text.
        text: Bytes,
        /// Whether it is read as where the client prepared it.
        is_as_prepared: bool,
    },
}

impl SyncStep {
    /// The step's command.
    pub(crate) fn kind(&self) -> CommandKind {
        match self {
            Self::Database(_) => CommandKind::InitDb,
            Self::Variables { .. } | Self::UserVariables(_) | Self::OneRow | Self::Begin(_) => {
                CommandKind::Query
            }
            Self::Prepare { .. } => CommandKind::StmtPrepare,
        }
    }

    /// Writes the step's packet.
    pub(crate) fn put(&self, out: &mut BytesMut) {
        let argument = match self {
            Self::Database(name) => name.as_str().as_bytes(),
            Self::Variables { sql, .. } => sql,
            Self::OneRow => b"SELECT 1",
            Self::UserVariables(text) | Self::Begin(text) | Self::Prepare { text, .. } => text,
        };
        put_packet(out, 0, &[&[self.kind().byte()], argument].concat());
    }
}

/// Adds what a request needs that `uses` the counts of a statement when the client has run none: before
/// the BEGIN that it has sent, which counts like any other.
pub(crate) fn put_fresh_counts(steps: &mut VecDeque<SyncStep>, state: &SessionState, uses: Uses) {
    let found = uses.contains(Uses::FOUND_ROWS) && state.found_rows_at.is_none();
    let counted = uses.contains(Uses::ROW_COUNT) && state.row_count_at.is_none();
    if state.pooling.is_some() && (found || counted) {
        let begin = steps.iter().position(|it| matches!(it, SyncStep::Begin(_)));
        steps.insert(begin.unwrap_or(steps.len()), SyncStep::OneRow);
    }
}

/// The steps before a request of `kind`, in the order of `OBProxy` (database, variables, BEGIN,
/// PREPARE): variables behind the database, because changing the database changes character sets.
pub(crate) fn steps(
    state: &SessionState,
    synced: &Synced,
    kind: CommandKind,
    statement: Option<u32>,
) -> VecDeque<SyncStep> {
    let mut steps = VecDeque::new();
    if synced.database != state.database && !state.database.is_empty() {
        steps.push_back(SyncStep::Database(state.database.clone()));
    }
    let (variables, version) = (&state.variables, state.variables.version());
    let (seen, corrections) = (synced.variables, &synced.corrections);
    if let Some(sql) = variables.user_statement(seen, corrections, &synced.strangers) {
        steps.push_back(SyncStep::UserVariables(sql));
    }
    if let Some(sql) = variables.sync_statement(seen, corrections, &synced.strangers) {
        steps.push_back(SyncStep::Variables { sql, version });
    }
    // Nobody answers to long data, so that nobody would say that the transaction is open.
    if let Transaction::Held(text) = &state.transaction
        && kind != CommandKind::StmtSendLongData
    {
        steps.push_back(SyncStep::Begin(text.clone()));
    }
    if let Some(id) = statement
        && !synced.prepared.contains_key(&id)
        && let Some(prepared) = state.prepared.get(id)
    {
        // Names in it are those of the database in which the client prepared it.
        let database = &prepared.context.database;
        let is_elsewhere = *database != state.database && !database.is_empty();
        if is_elsewhere {
            steps.push_back(SyncStep::Database(database.clone()));
        }
        steps.push_back(SyncStep::Prepare {
            statement: id,
            text: prepared.text.clone(),
            is_as_prepared: prepared.context.settings == state.variables.reading(),
        });
        if is_elsewhere && !state.database.is_empty() {
            steps.push_back(SyncStep::Database(state.database.clone()));
        }
    }
    steps
}
