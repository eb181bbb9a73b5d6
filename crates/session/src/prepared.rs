//! The prepared statements of a client: its own ids, texts and parameter types.
//!
//! A client's id is the proxy's; each server session has an id of its own for the same text and learns
//! the statement when it first runs it.

use bytes::Bytes;
use odp_cluster::ServerAddr;
use odp_protocol::{CommandKind, ParameterType, PrepareOk, StatusFlags};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// MySQL's default of `max_prepared_stmt_count`, here for one client.
const MAX_STATEMENTS: usize = 16_382;

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Prepared {
    /// Its text.
    pub(crate) text: Bytes,
    /// Number of `?`.
    pub(crate) parameters: u16,
    /// The types of the last EXECUTE that declared them; empty before.
    pub(crate) types: Vec<ParameterType>,
    /// The server that holds an open cursor.
    pub(crate) cursor: Option<ServerAddr>,
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

    /// Whether one more may be prepared.
    pub(crate) fn is_full(&self) -> bool {
        self.statements.len() >= MAX_STATEMENTS
    }

    /// Adds the statement that was prepared under [`PreparedStatements::next_id`].
    pub(crate) fn add(&mut self, id: u32, text: Bytes, answer: &PrepareOk) {
        self.last_id = id;
        self.bytes += text.len();
        let statement = Prepared {
            text,
            parameters: answer.parameters,
            types: Vec::new(),
            cursor: None,
        };
        self.statements.insert(id, statement);
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
    pub(crate) fn remove(&mut self, id: u32) {
        if let Some(statement) = self.statements.remove(&id) {
            self.bytes -= statement.text.len();
        }
        self.forget_long_data(id);
    }

    /// What their texts hold, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets what a lost server held: long data and cursors.
    pub(crate) fn forget_server(&mut self, server: ServerAddr) {
        self.long_data.take_if(|data| data.server == server);
        for statement in self.statements.values_mut() {
            statement.cursor.take_if(|holder| *holder == server);
        }
    }
}
