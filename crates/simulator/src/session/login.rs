//! Greeting and login, checked as an OBServer checks them.

use crate::catalogue::Account;
use crate::error::{SimulatorError, SqlError};
use crate::fault::ErrorsOn;
use crate::node::{Node, Shared};
use crate::registry::{SessionHandle, SessionIdentity};
use crate::session::facts::{Facts, Killed};
use crate::session::reply::put_error;
use crate::session::wire::Wire;
use crate::session::{Encoding, Session};
use crate::variables::Variables;
use odp_protocol::auth::{self, CONSTANT_SALT, SALT_LEN, Salt};
use odp_protocol::{
    Attributes, CapabilityFlags, Greeting, HandshakeResponse, NATIVE_PASSWORD, OkFormat,
    StatusFlags,
};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// How long a connection may take to log in.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(10);

/// What the greeting offers: a real server's set, with multi-statements for direct clients.
const OFFERED: u32 = 0x009F_F7DF;

/// The capability bits that a real engine grants to a proxy without OceanBase's own framing: it keeps
/// `READ_STALE_FEEDBACK`, `SAFE_WEAK_READ` and all that needs the framing for itself.
const GRANTED: u64 = 3_672_647;

/// A connection on its way to becoming a session.
pub(crate) struct Caller {
    pub(crate) node: Arc<Node>,
    /// The id that the greeting told.
    pub(crate) id: u32,
    pub(crate) wire: Wire,
    /// The connection again, for those who end it from outside.
    pub(crate) stream: TcpStream,
    pub(crate) peer: SocketAddr,
}

impl Caller {
    pub(crate) fn new(
        node: Arc<Node>,
        id: u32,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> Result<Self, SimulatorError> {
        stream.set_nodelay(true)?;
        let own = stream.try_clone()?;
        Ok(Self {
            id,
            wire: Wire::new(stream, Arc::clone(&node.conditions)),
            stream: own,
            peer,
            node,
        })
    }

    /// Greets and reads the answer; none when the client left.
    pub(crate) fn greet(
        &mut self,
        greeting: &Greeting,
    ) -> Result<Option<HandshakeResponse>, SimulatorError> {
        self.stream.set_read_timeout(Some(LOGIN_TIMEOUT))?;
        self.wire.packet(|out| greeting.put(out))?;
        self.wire.flush()?;
        let packet = self.wire.read()?;
        let parsed = packet.map(|packet| HandshakeResponse::parse(&packet));
        Ok(parsed.transpose()?)
    }

    /// The error that a script has for this login. A proxy asks the sys tenant for the state of the
    /// cluster: that is none of a script's logins.
    pub(crate) fn scripted(&self, user: &[u8]) -> Option<SqlError> {
        Some(ErrorsOn::Logins)
            .filter(|_| !user.ends_with(b"@sys"))
            .and_then(|logins| self.node.conditions.next_error(logins))
    }

    /// 4666 for a proxy that takes the cluster for another one.
    pub(crate) fn check_cluster(&self, attributes: &Attributes) -> Result<(), SqlError> {
        let shared = &self.node.shared;
        let named = [
            ("__cluster_name", &shared.cluster),
            ("__cluster_id", &shared.cluster_id),
        ];
        let other = named.into_iter().any(|(key, own)| {
            is_proxy(attributes) && text(attributes, key).is_some_and(|named| named != *own)
        });
        if other {
            let message = format!("cluster name does not match to '{}'", shared.cluster);
            return Err(SqlError::new(4666, message));
        }
        Ok(())
    }

    /// Refuses the login.
    pub(crate) fn refuse(
        &mut self,
        attributes: &Attributes,
        error: &SqlError,
    ) -> Result<(), SimulatorError> {
        self.wire.packet(|out| put_error(out, error))?;
        if is_proxy(attributes) {
            self.wire
                .packet(|out| odp_protocol::OkPacket::default().put(out, OkFormat::Plain))?;
        }
        Ok(self.wire.flush()?)
    }

    /// What others see of the session that this becomes.
    pub(crate) fn handle(
        &self,
        attributes: &Attributes,
        user: &str,
        tenant: &str,
    ) -> Result<SessionHandle, SimulatorError> {
        let proxy = is_proxy(attributes);
        let number = |key: &str| text(attributes, key).and_then(|value| value.parse::<u64>().ok());
        let client_id = number("__client_session_id").and_then(|id| u32::try_from(id).ok());
        Ok(SessionHandle {
            identity: SessionIdentity {
                id: self.id,
                visible_id: client_id.filter(|_| proxy).unwrap_or(self.id),
                client_since_us: number("__client_connect_time").filter(|_| proxy),
                proxy_id: number("__proxy_connection_id").unwrap_or(0),
                user: user.to_owned(),
                tenant: tenant.to_owned(),
                peer: self.peer.to_string(),
            },
            node: self.node.id,
            since: Instant::now(),
            database: Mutex::default(),
            running: Mutex::default(),
            killed: Killed::default(),
            interrupt: Mutex::default(),
            doomed: AtomicBool::new(false),
            writing: AtomicBool::new(false),
            stream: self.stream.try_clone()?,
            engine: None,
        })
    }
}

/// Who has logged in.
pub(super) struct Verified {
    pub(super) account: Account,
    pub(super) tenant: String,
    pub(super) tenant_id: i64,
}

/// Who has logged in, how.
struct Accepted {
    who: Verified,
    salt: Salt,
    proxy: bool,
}

/// Checks a login; none when it was refused or the client left.
pub(super) fn login(
    mut caller: Caller,
    salt: Salt,
    response: &HandshakeResponse,
) -> Result<Option<Session>, SimulatorError> {
    let checked = match caller.scripted(&response.user) {
        Some(error) => Err(error),
        None => check(&mut caller, response, &salt)?,
    };
    let accepted = match checked {
        Ok(accepted) => accepted,
        Err(error) => {
            caller.refuse(&response.attributes, &error)?;
            return Ok(None);
        }
    };
    caller.stream.set_read_timeout(None)?;
    let mut session = build(caller, response, accepted)?;
    if session.node.shared.registry.is_killed(&session.handle) {
        session.put_failure(&SqlError::new(4401, "kill client session"))?;
        session.wire.flush()?;
        return Ok(None);
    }
    let database = response.database.as_deref().map(String::from_utf8_lossy);
    if let Some(name) = database.filter(|name| !name.is_empty())
        && let Err(error) = session.use_database(&name)
    {
        session.put_failure(&error)?;
        session.wire.flush()?;
        return Ok(None);
    }
    session.put_login_ok()?;
    Ok(Some(session))
}

/// The greeting of session `id`, with a salt of its own.
pub(super) fn greeting(id: u32) -> Result<Greeting, SimulatorError> {
    let mut random = [0; SALT_LEN];
    getrandom::fill(&mut random).map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(Greeting {
        version: "5.7.25".to_owned(),
        connection_id: id,
        capabilities: CapabilityFlags::from_bits_retain(OFFERED),
        collation: 46,
        status: StatusFlags::SERVER_STATUS_AUTOCOMMIT,
        salt: Salt::from_random(random),
        plugin: NATIVE_PASSWORD.to_owned(),
    })
}

fn text(attributes: &Attributes, key: &str) -> Option<String> {
    attributes
        .get(key)
        .map(|value| String::from_utf8_lossy(value).into_owned())
}

/// Whether the client says that it is a proxy.
pub(crate) fn is_proxy(attributes: &Attributes) -> bool {
    attributes.get("__mysql_client_type") == Some(b"__ob_proxy")
}

/// The salt that the client answered: behind a proxy, the proxy's.
fn client_salt(attributes: &Attributes, own: &Salt) -> Salt {
    if !is_proxy(attributes) {
        return *own;
    }
    let scramble = attributes.get("__proxy_scramble").and_then(Salt::from_wire);
    scramble
        .and_then(|scramble| Salt::from_wire(&scramble.xor(own)))
        .unwrap_or(CONSTANT_SALT)
}

type Checked = Result<Accepted, SqlError>;

fn check(
    caller: &mut Caller,
    response: &HandshakeResponse,
    own_salt: &Salt,
) -> Result<Checked, SimulatorError> {
    let proxy = is_proxy(&response.attributes);
    if let Err(error) = caller.check_cluster(&response.attributes) {
        return Ok(Err(error));
    }
    let salt = client_salt(&response.attributes, own_salt);
    let native = response.plugin.is_empty() || response.plugin == NATIVE_PASSWORD;
    let mut proof = response.auth.clone();
    if !native && !proof.is_empty() {
        caller
            .wire
            .packet(|out| auth::put_switch_to_native(out, &salt))?;
        caller.wire.flush()?;
        proof = caller.wire.read()?.unwrap_or_default();
    }
    let host = text(&response.attributes, "__client_ip");
    let host = host.unwrap_or_else(|| caller.peer.ip().to_string());
    let verified = verify(&caller.node.shared, &response.user, &proof, &salt, &host)?;
    Ok(verified.map(|who| Accepted { who, salt, proxy }))
}

/// Checks `user@tenant` and the proof of the password: the first account counts that lets the host in and
/// has this password; a locked one ends the search.
pub(super) fn verify(
    shared: &Shared,
    name: &[u8],
    proof: &[u8],
    salt: &Salt,
    host: &str,
) -> Result<Result<Verified, SqlError>, SimulatorError> {
    let name = String::from_utf8_lossy(name).into_owned();
    let (user, tenant) = name.split_once('@').unwrap_or((&name, "sys"));
    let user = user.trim_matches('\'');
    let denied = || {
        let using = if proof.is_empty() { "NO" } else { "YES" };
        let text = format!("Access denied for user '{user}'@'{host}' (using password: {using})");
        SqlError::new(1045, text)
    };
    let Some((tenant, tenant_id)) = shared.catalogue.tenant(tenant)? else {
        return Ok(Err(denied()));
    };
    for account in shared.catalogue.accounts(tenant_id, user, host)? {
        if account.is_locked {
            return Ok(Err(SqlError::new(3118, "User locked")));
        }
        let proved = match &account.stage2 {
            None => proof.is_empty(),
            Some(stage2) => auth::verifies(proof, salt, stage2),
        };
        if proved {
            return Ok(Ok(Verified {
                account,
                tenant,
                tenant_id,
            }));
        }
    }
    Ok(Err(denied()))
}

fn build(
    caller: Caller,
    response: &HandshakeResponse,
    accepted: Accepted,
) -> Result<Session, SimulatorError> {
    let attributes = &response.attributes;
    let handle = caller.handle(
        attributes,
        &accepted.who.account.name.user,
        &accepted.who.tenant,
    )?;
    let Caller {
        node, wire, peer, ..
    } = caller;
    let mut variables = Variables::new(node.shared.catalogue.globals(&accepted.who.tenant)?);
    let asked = granted(attributes);
    variables.set("ob_capability_flag", &asked.to_string());
    let facts = Facts {
        visible_id: handle.identity.visible_id,
        account: accepted.who.account.name,
        account_id: accepted.who.account.id,
        tenant: accepted.who.tenant,
        tenant_id: accepted.who.tenant_id,
        found_rows: 1,
        row_count: -1,
        client_host: text(attributes, "__client_ip").unwrap_or_else(|| peer.ip().to_string()),
        variables,
        killed: handle.killed.clone(),
        clock: node.conditions.clock.clone(),
        ..Facts::default()
    };
    Ok(Session {
        node,
        wire,
        facts: Arc::new(Mutex::new(facts)),
        handle: Arc::new(handle),
        proxy: accepted.proxy,
        format: ok_format(response),
        capabilities: response.capabilities,
        salt: accepted.salt,
        engine: None,
        turn: None,
        in_transaction: false,
        prepared: HashMap::new(),
        next_prepared: 1,
        named: HashMap::new(),
        more_results: false,
        encoding: Encoding::Text,
        missed: false,
        database_changed: false,
        warnings: Vec::new(),
    })
}

/// The capability bits that a proxy asks for and gets; 0 for another client.
pub(crate) fn granted(attributes: &Attributes) -> u64 {
    let asked = text(attributes, "__proxy_capability_flag").and_then(|value| value.parse().ok());
    asked.unwrap_or(0) & GRANTED
}

/// How OK packets end in this session.
pub(crate) fn ok_format(response: &HandshakeResponse) -> OkFormat {
    let tracks = CapabilityFlags::CLIENT_SESSION_TRACK;
    if is_proxy(&response.attributes) || response.capabilities.contains(tracks) {
        OkFormat::Tracked
    } else {
        OkFormat::Plain
    }
}
