//! The prepared statements of a client: its own ids, texts and parameter types.
//!
//! A client's id is the proxy's; each server session has an id of its own for the same text and learns
//! the statement when it first runs it.

use bytes::Bytes;
use odp_cluster::{DatabaseName, ServerAddr};
use odp_protocol::{CommandKind, ParameterType, PrepareOk, StatusFlags};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Prepared {
    /// Its text.
    pub(crate) text: Bytes,
    /// What the text meant where it was prepared.
    pub(crate) context: StatementContext,
    /// Number of `?`.
    pub(crate) parameters: u16,
    /// The types of the last EXECUTE that declared them; empty before.
    pub(crate) types: Vec<ParameterType>,
    /// The server that holds an open cursor.
    pub(crate) cursor: Option<ServerAddr>,
}

/// What decides what a text means besides itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub(crate) struct StatementContext {
    /// The current database.
    pub(crate) database: DatabaseName,
    /// The variables by which a text is read, where they are not the login's.
    pub(crate) settings: Vec<(SmolStr, Bytes)>,
}

impl Prepared {
    /// A statement that has not run yet.
    pub(crate) fn new(text: Bytes, parameters: u16, context: StatementContext) -> Self {
        Self {
            text,
            context,
            parameters,
            types: Vec::new(),
            cursor: None,
        }
    }
}

/// Parameters that were sent ahead of an EXECUTE. All lie on one server, because they tie the client to
/// it: it cannot begin a transaction elsewhere in which the EXECUTE would have to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct LongData {
    server: ServerAddr,
    /// The statements that have some.
    statements: BTreeSet<u32>,
}

/// The statements of one client.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct PreparedStatements {
    last_id: u32,
    /// Bytes of all texts.
    bytes: usize,
    statements: BTreeMap<u32, Prepared>,
    long_data: Option<LongData>,
}

impl PreparedStatements {
    /// The id that the next PREPARE gets; below 2³¹, because higher ids are cursors of routines.
    pub(crate) fn next_id(&self) -> u32 {
        let next = self.last_id.wrapping_add(1) & 0x7FFF_FFFF;
        next.max(1)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.statements.len()
    }

    /// Whether `server` holds long data or a cursor for the statement.
    pub(crate) fn holds(&self, id: u32, server: ServerAddr) -> bool {
        let cursor = self.get(id).and_then(|statement| statement.cursor);
        cursor == Some(server) || self.long_data_of(id) == Some(server)
    }

    /// Adds the statement that was prepared under [`PreparedStatements::next_id`].
    pub(crate) fn add(
        &mut self,
        id: u32,
        text: Bytes,
        context: StatementContext,
        answer: &PrepareOk,
    ) {
        self.last_id = id;
        self.bytes += text.len();
        let statement = Prepared::new(text, answer.parameters, context);
        self.statements.insert(id, statement);
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Prepared)> {
        self.statements
            .iter()
            .map(|(id, statement)| (*id, statement))
    }

    /// Whether a server holds long data or a cursor for one of them.
    pub(crate) fn hold_something(&self) -> bool {
        self.long_data.is_some() || self.statements.values().any(|it| it.cursor.is_some())
    }

    /// The statement with this id.
    pub(crate) fn get(&self, id: u32) -> Option<&Prepared> {
        self.statements.get(&id)
    }

    /// The statement with this id, to change.
    pub(crate) fn get_mut(&mut self, id: u32) -> Option<&mut Prepared> {
        self.statements.get_mut(&id)
    }

    /// Takes in that a command on a statement ran at `server`.
    pub(crate) fn ran(
        &mut self,
        id: u32,
        kind: CommandKind,
        server: ServerAddr,
        status: StatusFlags,
    ) {
        let Some(statement) = self.statements.get_mut(&id) else {
            return;
        };
        match kind {
            CommandKind::StmtSendLongData => {
                let fresh = || LongData {
                    server,
                    statements: BTreeSet::new(),
                };
                self.long_data
                    .get_or_insert_with(fresh)
                    .statements
                    .insert(id);
            }
            CommandKind::StmtExecute => {
                let open = status.contains(StatusFlags::SERVER_STATUS_CURSOR_EXISTS);
                statement.cursor = open.then_some(server);
                self.forget_long_data(id);
            }
            CommandKind::StmtReset => {
                statement.cursor = None;
                self.forget_long_data(id);
            }
            _ => {}
        }
    }

    /// The server that holds parameters sent ahead, of any statement.
    pub(crate) fn long_data_at(&self) -> Option<ServerAddr> {
        self.long_data.as_ref().map(|data| data.server)
    }

    /// The server that holds parameters sent ahead for this statement.
    pub(crate) fn long_data_of(&self, id: u32) -> Option<ServerAddr> {
        let data = self.long_data.as_ref()?;
        data.statements.contains(&id).then_some(data.server)
    }

    fn forget_long_data(&mut self, id: u32) {
        if let Some(data) = &mut self.long_data {
            data.statements.remove(&id);
            self.long_data.take_if(|data| data.statements.is_empty());
        }
    }

    /// Forgets a statement.
    pub(crate) fn remove(&mut self, id: u32) -> Option<Prepared> {
        self.forget_long_data(id);
        let statement = self.statements.remove(&id)?;
        self.bytes -= statement.text.len();
        Some(statement)
    }

    /// What their texts hold, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets the cursor of a statement; answers the server that has it.
    pub(crate) fn forget_cursor(&mut self, id: u32) -> Option<ServerAddr> {
        self.statements.get_mut(&id)?.cursor.take()
    }

    /// Forgets what a lost server held: long data and cursors.
    pub(crate) fn forget_server(&mut self, server: ServerAddr) {
        self.long_data.take_if(|data| data.server == server);
        for statement in self.statements.values_mut() {
            statement.cursor.take_if(|holder| *holder == server);
        }
    }
}
