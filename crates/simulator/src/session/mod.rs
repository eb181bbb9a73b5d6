//! One session on a node, from greeting to goodbye.

mod accounts;
pub(crate) mod bindings;
mod commands;
mod data;
mod define;
mod explain;
pub(crate) mod facts;
pub(crate) mod login;
mod prepared;
mod reading;
mod remove;
pub(crate) mod reply;
mod reshape;
mod setting;
mod shape;
mod statement;
mod transaction;
pub(crate) mod wire;

pub(crate) use data::{TenantSchema, is_system};

use crate::engine::Engine;
use crate::engine::write_queue::WriteTurn;
use crate::error::{SimulatorError, SqlError};
use crate::fault::ErrorsOn;
use crate::node::{Node, Shared};
use crate::registry::SessionHandle;
use crate::results::OutColumn;
use facts::Facts;
use login::Caller;
use odp_protocol::auth::Salt;
use odp_protocol::{CapabilityFlags, HandshakeResponse, OkFormat};
use parking_lot::Mutex;
use prepared::Prepared;
use rusqlite::types::Value;
use std::collections::HashMap;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use wire::Wire;

/// What a statement answers.
#[derive(Debug)]
pub(crate) enum Answer {
    /// An OK packet.
    Ok(Summary),
    /// A result set that is written as a whole.
    Table(Vec<OutColumn>, Vec<Vec<Value>>),
    /// A result set that has been written already.
    Streamed,
}

/// The contents of an OK packet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Summary {
    pub(crate) affected: u64,
    pub(crate) insert_id: u64,
    pub(crate) info: String,
}

/// How result sets are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Text,
    Binary,
}

/// A session that has logged in.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, not a state"
)]
pub(crate) struct Session {
    pub(crate) node: Arc<Node>,
    pub(crate) wire: Wire,
    pub(crate) facts: Arc<Mutex<Facts>>,
    pub(crate) handle: Arc<SessionHandle>,
    /// The connection is in proxy mode: extra OK packets, variables in one record.
    pub(crate) proxy: bool,
    pub(crate) format: OkFormat,
    pub(crate) capabilities: CapabilityFlags,
    /// What password responses are computed over.
    pub(crate) salt: Salt,
    /// Opened by the first statement that needs data; must close before the turn is given up.
    pub(crate) engine: Option<Engine>,
    /// Held while a transaction has written.
    pub(crate) turn: Option<WriteTurn>,
    /// BEGIN was said, or a statement ran with autocommit off.
    pub(crate) in_transaction: bool,
    pub(crate) prepared: HashMap<u32, Prepared>,
    pub(crate) next_prepared: u32,
    /// Statements of a text PREPARE.
    pub(crate) named: HashMap<String, String>,
    /// Another result follows in this response.
    pub(crate) more_results: bool,
    pub(crate) encoding: Encoding,
    /// The running statement missed its partition's leader.
    pub(crate) missed: bool,
    /// The current database has changed since the last OK.
    pub(crate) database_changed: bool,
    pub(crate) warnings: Vec<(u16, String)>,
}

impl Session {
    /// Serves a connection until the client or the node ends it.
    pub(crate) fn serve(
        node: Arc<Node>,
        id: u32,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> Result<(), SimulatorError> {
        let started = Instant::now();
        let mut caller = Caller::new(node, id, stream, peer)?;
        let greeting = login::greeting(id)?;
        let Some(response) = caller.greet(&greeting)? else {
            return Ok(());
        };
        Self::serve_greeted(caller, greeting.salt, &response, started)
    }

    /// Serves a connection that has been greeted with `salt` and has answered.
    pub(crate) fn serve_greeted(
        caller: Caller,
        salt: Salt,
        response: &HandshakeResponse,
        started: Instant,
    ) -> Result<(), SimulatorError> {
        let Some(mut session) = login::login(caller, salt, response)? else {
            return Ok(());
        };
        let _registered = Registered::new(&session.node, &session.handle);
        session.answer(started)?;
        session.commands()
    }

    fn commands(&mut self) -> Result<(), SimulatorError> {
        while let Some(packet) = self.wire.read()? {
            let started = Instant::now();
            // What comes behind the end of reading can be read all the same.
            if self.handle.doomed.load(Ordering::Relaxed) || !self.command(&packet)? {
                return Ok(());
            }
            if self.turn.is_some() && self.node.is_fenced() {
                return Ok(());
            }
            self.answer(started)?;
        }
        Ok(())
    }

    /// Sends what was written, later by as much as the server is slow.
    fn answer(&mut self, started: Instant) -> Result<(), SimulatorError> {
        self.node.conditions.linger(started.elapsed());
        Ok(self.wire.flush()?)
    }

    /// Lets the next writer have its turn.
    pub(crate) fn end_turn(&mut self) {
        self.handle.writing.store(false, Ordering::Relaxed);
        self.turn = None;
    }

    /// The error that a script has for this statement. Those of the sys tenant run: a proxy asks there
    /// for the state of the cluster.
    pub(crate) fn scripted(&self) -> Result<(), SqlError> {
        if self.handle.identity.tenant.eq_ignore_ascii_case("sys") {
            return Ok(());
        }
        match self.node.conditions.next_error(ErrorsOn::Statements) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// The current database, empty for none.
    pub(crate) fn database(&self) -> String {
        self.facts.lock().database.clone()
    }

    /// The session's tenant.
    pub(crate) fn tenant(&self) -> String {
        self.facts.lock().tenant.clone()
    }

    /// The engine, opened at the first use.
    pub(crate) fn engine(&mut self) -> Result<&mut Engine, SqlError> {
        let engine = if let Some(engine) = self.engine.take() {
            engine
        } else {
            let catalogue = Arc::clone(&self.node.shared.catalogue);
            let opened = Engine::open(catalogue, &self.tenant(), &self.facts)
                .map_err(|error| internal(&error))?;
            *self.handle.interrupt.lock() = Some(opened.interrupt_handle());
            opened
        };
        Ok(self.engine.insert(engine))
    }

    /// Makes a database current.
    pub(crate) fn use_database(&mut self, name: &str) -> Result<(), SqlError> {
        let name = name.to_ascii_lowercase();
        let known = ["oceanbase", "information_schema", "mysql"].contains(&name.as_str());
        let tenant = self.tenant();
        let exists = self.node.shared.catalogue.has_database(&tenant, &name);
        if !known && !exists.map_err(|error| internal(&error))? {
            return Err(SqlError::no_database(&name));
        }
        self.check_entry(&name)?;
        let mut facts = self.facts.lock();
        facts.database.clone_from(&name);
        for variable in ["character_set_database", "collation_database"] {
            let value = facts.variables.get(variable).unwrap_or_default();
            facts.variables.announce(variable, &value);
        }
        drop(facts);
        *self.handle.database.lock() = name;
        self.database_changed = true;
        Ok(())
    }
}

/// A failure of the simulator itself, as a client sees it.
pub(crate) fn internal(error: &SimulatorError) -> SqlError {
    match error {
        SimulatorError::Statement(error) => error.clone(),
        other => SqlError::new(4016, format!("Internal error: {other}")),
    }
}

/// An entry in the registry, gone with the session, however it ends.
pub(crate) struct Registered {
    shared: Arc<Shared>,
    id: u32,
}

impl Registered {
    pub(crate) fn new(node: &Node, handle: &Arc<SessionHandle>) -> Self {
        let shared = Arc::clone(&node.shared);
        shared.registry.add(Arc::clone(handle));
        Self {
            shared,
            id: handle.identity.id,
        }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.shared.registry.remove(self.id);
    }
}
