//! One session on a node whose SQL the engine runs: commands go there, answers come back.

use super::statement::{Prepared, Purpose, Statement, statements};
use super::wire::EngineWire;
use super::{SeekDb, account};
use crate::error::{SimulatorError, SqlError};
use crate::fault::ErrorsOn;
use crate::node::{Node, Placement};
use crate::placement::placement;
use crate::registry::SessionHandle;
use crate::session::login::{Caller, granted, is_proxy, ok_format};
use crate::session::reply::put_error;
use crate::session::wire::Wire;
use crate::session::{Registered, Session};
use bytes::BytesMut;
use odp_protocol::{
    Attributes, CapabilityFlags, ChangeUser, Command, CommandKind, Framing, Greeting, HEADER_LEN,
    HandshakeResponse, OkFormat, OkPacket, StatusFlags,
};
use rusqlite::types::Value;
use std::collections::HashMap;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Instant;

/// The bit of the proxy's capabilities that asks for an extra OK behind `COM_STATISTICS`.
const EXTRA_OK_FOR_STATISTICS: u64 = 1 << 9;

/// A session that has logged in at the engine.
pub(super) struct Relayed {
    pub(super) node: Arc<Node>,
    pub(super) client: Wire,
    pub(super) engine: EngineWire,
    pub(super) handle: Arc<SessionHandle>,
    pub(super) framing: Framing,
    pub(super) format: OkFormat,
    capabilities: CapabilityFlags,
    /// The current database, in lower case; empty for none.
    pub(super) database: String,
    /// The session asks for weak reads.
    pub(super) weak: bool,
    /// The status of the last OK.
    pub(super) status: StatusFlags,
    pub(super) prepared: HashMap<u32, Prepared>,
    /// The running statement missed its partition's leader.
    pub(super) missed: bool,
    /// The running statement changes the schema, by its words or by what the engine says.
    pub(super) defines: bool,
}

/// Serves a connection until the client, the engine or the node ends it.
pub(crate) fn serve(
    engine: &SeekDb,
    node: Arc<Node>,
    stream: TcpStream,
    peer: SocketAddr,
) -> Result<(), SimulatorError> {
    let started = Instant::now();
    let mut wire = EngineWire::connect(engine.addr())?;
    let (_, frame) = wire.packet()?;
    let greeting = Greeting::parse(frame.get(HEADER_LEN..).unwrap_or_default())?;
    let mut caller = Caller::new(node, greeting.connection_id, stream, peer)?;
    let Some(response) = caller.greet(&greeting)? else {
        return Ok(());
    };
    let (user, tenant) = account::split(&response.user);
    if account::asks_for_metadata(&user, &tenant) {
        return Session::serve_greeted(caller, greeting.salt, &response, started);
    }
    if let Err(error) = admit(&caller, &response, &user, &tenant)? {
        return caller.refuse(&response.attributes, &error);
    }
    let Some(mut session) = login(caller, wire, response, &user, &tenant)? else {
        return Ok(());
    };
    let _registered = Registered::new(&session.node, &session.handle);
    session.deliver(started)?;
    session.commands()
}

/// What a cluster looks at before its engine does.
fn admit(
    caller: &Caller,
    response: &HandshakeResponse,
    user: &str,
    tenant: &str,
) -> Result<Result<(), SqlError>, SimulatorError> {
    if let Some(error) = caller.scripted(&response.user) {
        return Ok(Err(error));
    }
    if let Err(error) = caller.check_cluster(&response.attributes) {
        return Ok(Err(error));
    }
    if caller.node.shared.catalogue.tenant(tenant)?.is_none() {
        let using = if response.auth.is_empty() {
            "NO"
        } else {
            "YES"
        };
        let host = caller.peer.ip();
        let text = format!("Access denied for user '{user}'@'{host}' (using password: {using})");
        return Ok(Err(SqlError::new(1045, text)));
    }
    Ok(Ok(()))
}

/// Hands the login to the engine; none when that refuses.
fn login(
    caller: Caller,
    mut engine: EngineWire,
    mut response: HandshakeResponse,
    user: &str,
    tenant: &str,
) -> Result<Option<Relayed>, SimulatorError> {
    let mut handle = caller.handle(&response.attributes, user, tenant)?;
    handle.engine = Some(engine.stream.try_clone()?);
    engine.wait_with(&caller.stream)?;
    let proxy = is_proxy(&response.attributes);
    let bits = granted(&response.attributes);
    response.user = user.as_bytes().to_vec();
    response.attributes = for_engine(&response.attributes, bits);
    let mut packet = BytesMut::new();
    response.put(&mut packet);
    engine.forward(&caller.wire, &packet)?;
    let database = response.database.as_deref().map(String::from_utf8_lossy);
    let mut session = Relayed {
        client: caller.wire,
        engine,
        handle: Arc::new(handle),
        framing: Framing {
            extra_ok: proxy,
            extra_ok_for_statistics: proxy && bits & EXTRA_OK_FOR_STATISTICS != 0,
            deprecate_eof: false,
        },
        format: ok_format(&response),
        capabilities: response.capabilities,
        database: database
            .map(|name| name.to_ascii_lowercase())
            .unwrap_or_default(),
        weak: false,
        status: StatusFlags::SERVER_STATUS_AUTOCOMMIT,
        prepared: HashMap::new(),
        missed: false,
        defines: false,
        node: caller.node,
    };
    // A login is answered like a change of user.
    let accepted = session.relay(CommandKind::ChangeUser)?;
    if !accepted {
        session.client.flush()?;
        return Ok(None);
    }
    session.handle.stream.set_read_timeout(None)?;
    Ok(Some(session))
}

/// The attributes without what names the cluster, which is another one than the engine's, and with the
/// capabilities that the node follows.
fn for_engine(attributes: &Attributes, bits: u64) -> Attributes {
    let mut kept = Attributes::default();
    for attribute in attributes.iter() {
        match attribute.key.as_str() {
            "__cluster_name" | "__cluster_id" => {}
            "__proxy_capability_flag" => kept.push(&attribute.key, bits.to_string()),
            key => kept.push(key, attribute.value.clone()),
        }
    }
    kept
}

impl Relayed {
    fn commands(&mut self) -> Result<(), SimulatorError> {
        while let Some(packet) = self.client.read()? {
            let started = Instant::now();
            (self.missed, self.defines) = (false, false);
            if !self.command(packet)? {
                return Ok(());
            }
            if self.status.contains(StatusFlags::SERVER_STATUS_IN_TRANS) && self.node.is_fenced() {
                return Ok(());
            }
            self.deliver(started)?;
        }
        Ok(())
    }

    /// Sends what was written, later by as much as the server is slow.
    fn deliver(&mut self, started: Instant) -> Result<(), SimulatorError> {
        self.node.conditions.linger(started.elapsed());
        Ok(self.client.flush()?)
    }

    /// Has the engine answer one command; false ends the session.
    fn command(&mut self, mut packet: Vec<u8>) -> Result<bool, SimulatorError> {
        let mut uses = None;
        let mut preparing = None;
        let kind = CommandKind::from_byte(packet.first().copied().unwrap_or(0));
        match Command::parse(&packet)? {
            Command::Query(sql) => {
                let statements = self.read(sql);
                for statement in &statements {
                    if let Err(error) = self.begin(statement, &[]) {
                        self.fail(&error)?;
                        return Ok(true);
                    }
                }
                uses = statements
                    .into_iter()
                    .rev()
                    .find_map(|statement| statement.uses);
            }
            Command::InitDb(name) => {
                uses = Some(String::from_utf8_lossy(name).to_ascii_lowercase());
            }
            Command::Prepare(sql) => preparing = self.read(sql).into_iter().next(),
            Command::Execute(id) => {
                if let Some(mut prepared) = self.prepared.remove(&id) {
                    // The engine will say what is wrong with them.
                    let values = prepared.bindings.values(&packet).unwrap_or_default();
                    prepared.bindings.clear();
                    let begun = self.begin(&prepared.statement, &values);
                    self.prepared.insert(id, prepared);
                    if let Err(error) = begun {
                        self.fail(&error)?;
                        return Ok(true);
                    }
                }
            }
            Command::SendLongData(id) => {
                if let Some(prepared) = self.prepared.get_mut(&id) {
                    prepared.bindings.send_ahead(&packet);
                }
            }
            Command::Close(id) => {
                self.prepared.remove(&id);
            }
            Command::Reset(id) => {
                if let Some(prepared) = self.prepared.get_mut(&id) {
                    prepared.bindings.clear();
                }
            }
            Command::Other(CommandKind::ChangeUser) => packet = self.change_user(&packet)?,
            Command::Other(CommandKind::ResetConnection) => self.prepared.clear(),
            Command::Fetch(_) | Command::ProcessKill(_) | Command::Other(_) => {}
        }
        self.engine.forward(&self.client, &packet)?;
        if kind == CommandKind::Quit {
            return Ok(false);
        }
        let done = match preparing {
            Some(statement) => self.relay_prepare(statement)?,
            None => self.relay(kind)?,
        };
        if let Some(name) = uses.filter(|_| done) {
            self.database = name;
        }
        // A server ends a connection whose change of user has failed.
        Ok(done || kind != CommandKind::ChangeUser)
    }

    fn read(&self, sql: &[u8]) -> Vec<Statement> {
        let shared = &self.node.shared;
        statements(
            sql,
            &self.database,
            &shared.catalogue,
            &self.handle.identity.tenant,
        )
    }

    /// Counts a statement that is about to run, and tells the error that a script has for it.
    fn begin(&mut self, statement: &Statement, values: &[Value]) -> Result<(), SqlError> {
        if statement.purpose != Purpose::Settle
            && !self.handle.identity.tenant.eq_ignore_ascii_case("sys")
            && let Some(error) = self.node.conditions.next_error(ErrorsOn::Statements)
        {
            return Err(error);
        }
        self.node.count_statement();
        self.defines |= statement.purpose == Purpose::Define;
        let weak = match statement.purpose {
            Purpose::Read { weak } => weak || self.weak,
            _ => false,
        };
        let placed = placement(
            &self.node.shared.catalogue,
            &self.handle.identity.tenant,
            self.node.id,
            &statement.touches,
            values,
        );
        // The engine will judge a table that the catalogue does not know.
        let placed = match placed {
            Ok(Placement::Miss) if weak => Placement::Unknown,
            Ok(placement) => placement,
            Err(_) => Placement::Unknown,
        };
        self.missed |= placed == Placement::Miss;
        self.node.count(placed);
        Ok(())
    }

    /// An error of the node's own, with the OK that a proxy gets behind it.
    fn fail(&mut self, error: &SqlError) -> Result<(), SimulatorError> {
        self.client.packet(|out| put_error(out, error))?;
        if self.framing.extra_ok {
            let (status, format) = (self.status, self.format);
            let ok = OkPacket {
                status: status | StatusFlags::SERVER_STATUS_NO_INDEX_USED,
                ..OkPacket::default()
            };
            self.client.packet(|out| ok.put(out, format))?;
        }
        Ok(())
    }

    fn change_user(&mut self, packet: &[u8]) -> Result<Vec<u8>, SimulatorError> {
        let mut change = ChangeUser::parse(packet, self.capabilities)?;
        let (user, _) = account::split(&change.user);
        change.user = user.into_bytes();
        let bits = granted(&change.attributes);
        change.attributes = for_engine(&change.attributes, bits);
        self.prepared.clear();
        self.database = String::from_utf8_lossy(&change.database).to_ascii_lowercase();
        let mut out = BytesMut::new();
        change.put(&mut out);
        Ok(out.to_vec())
    }
}
