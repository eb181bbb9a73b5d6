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

/// Greets and checks a login; none when it was refused or the client left.
pub(super) fn login(
    node: Arc<Node>,
    id: u32,
    stream: TcpStream,
    peer: SocketAddr,
) -> Result<Option<Session>, SimulatorError> {
    let handle_stream = stream.try_clone()?;
    stream.set_read_timeout(Some(LOGIN_TIMEOUT))?;
    let mut wire = Wire::new(stream, Arc::clone(&node.conditions));
    let mut random = [0; SALT_LEN];
    getrandom::fill(&mut random).map_err(|error| std::io::Error::other(error.to_string()))?;
    let salt = Salt::from_random(random);
    wire.packet(|out| greeting(id, salt).put(out))?;
    wire.flush()?;
    let Some(packet) = wire.read()? else {
        return Ok(None);
    };
    let response = HandshakeResponse::parse(&packet)?;
    // A proxy asks the sys tenant for the state of the cluster: that is none of a script's logins.
    let scripted = Some(ErrorsOn::Logins)
        .filter(|_| !response.user.ends_with(b"@sys"))
        .and_then(|logins| node.conditions.next_error(logins));
    let checked = match scripted {
        Some(error) => Err(error),
        None => check(&node.shared, &response, &salt, &mut wire, peer)?,
    };
    let accepted = match checked {
        Ok(accepted) => accepted,
        Err(error) => {
            wire.packet(|out| put_error(out, &error))?;
            if is_proxy(&response.attributes) {
                wire.packet(|out| odp_protocol::OkPacket::default().put(out, OkFormat::Plain))?;
            }
            wire.flush()?;
            return Ok(None);
        }
    };
    handle_stream.set_read_timeout(None)?;
    let mut session = build(node, id, wire, handle_stream, peer, &response, accepted)?;
    if session.node.shared.registry.is_killed(&session.handle) {
        session.put_failure(&SqlError::new(4401, "kill client session"))?;
        session.wire.flush()?;
        return Ok(None);
    }
    let database = response
        .database
        .map(|name| String::from_utf8_lossy(&name).into_owned());
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

fn greeting(id: u32, salt: Salt) -> Greeting {
    Greeting {
        version: "5.7.25".to_owned(),
        connection_id: id,
        capabilities: CapabilityFlags::from_bits_retain(OFFERED),
        collation: 46,
        status: StatusFlags::SERVER_STATUS_AUTOCOMMIT,
        salt,
        plugin: NATIVE_PASSWORD.to_owned(),
    }
}

fn text(attributes: &Attributes, key: &str) -> Option<String> {
    attributes
        .get(key)
        .map(|value| String::from_utf8_lossy(value).into_owned())
}

/// Whether the client says that it is a proxy.
fn is_proxy(attributes: &Attributes) -> bool {
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
    shared: &Shared,
    response: &HandshakeResponse,
    own_salt: &Salt,
    wire: &mut Wire,
    peer: SocketAddr,
) -> Result<Checked, SimulatorError> {
    let proxy = is_proxy(&response.attributes);
    for (key, own) in [
        ("__cluster_name", &shared.cluster),
        ("__cluster_id", &shared.cluster_id),
    ] {
        if text(&response.attributes, key).is_some_and(|named| proxy && named != *own) {
            let message = format!("cluster name does not match to '{}'", shared.cluster);
            return Ok(Err(SqlError::new(4666, message)));
        }
    }
    let salt = client_salt(&response.attributes, own_salt);
    let native = response.plugin.is_empty() || response.plugin == NATIVE_PASSWORD;
    let mut proof = response.auth.clone();
    if !native && !proof.is_empty() {
        wire.packet(|out| auth::put_switch_to_native(out, &salt))?;
        wire.flush()?;
        proof = wire.read()?.unwrap_or_default();
    }
    let host = text(&response.attributes, "__client_ip").unwrap_or_else(|| peer.ip().to_string());
    let verified = verify(shared, &response.user, &proof, &salt, &host)?;
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
    node: Arc<Node>,
    id: u32,
    wire: Wire,
    stream: TcpStream,
    peer: SocketAddr,
    response: &HandshakeResponse,
    accepted: Accepted,
) -> Result<Session, SimulatorError> {
    let attributes = &response.attributes;
    let number = |key: &str| text(attributes, key).and_then(|value| value.parse::<u64>().ok());
    let client_id = number("__client_session_id").and_then(|id| u32::try_from(id).ok());
    let visible_id = client_id.filter(|_| accepted.proxy).unwrap_or(id);
    let mut variables = Variables::new(node.shared.catalogue.globals(&accepted.who.tenant)?);
    let asked = number("__proxy_capability_flag").unwrap_or(0);
    variables.set("ob_capability_flag", &(asked & GRANTED).to_string());
    let killed = Killed::default();
    let facts = Facts {
        visible_id,
        account: accepted.who.account.name.clone(),
        account_id: accepted.who.account.id,
        tenant: accepted.who.tenant.clone(),
        tenant_id: accepted.who.tenant_id,
        found_rows: 1,
        client_host: text(attributes, "__client_ip").unwrap_or_else(|| peer.ip().to_string()),
        variables,
        killed: killed.clone(),
        clock: node.conditions.clock.clone(),
        ..Facts::default()
    };
    let handle = SessionHandle {
        identity: SessionIdentity {
            id,
            visible_id,
            client_since_us: number("__client_connect_time").filter(|_| accepted.proxy),
            proxy_id: number("__proxy_connection_id").unwrap_or(0),
            user: accepted.who.account.name.user,
            tenant: accepted.who.tenant,
            peer: peer.to_string(),
        },
        node: node.id,
        since: Instant::now(),
        database: Mutex::default(),
        running: Mutex::default(),
        killed,
        interrupt: Mutex::default(),
        writing: AtomicBool::new(false),
        stream,
    };
    let tracks = accepted.proxy
        || response
            .capabilities
            .contains(CapabilityFlags::CLIENT_SESSION_TRACK);
    Ok(Session {
        node,
        wire,
        facts: Arc::new(Mutex::new(facts)),
        handle: Arc::new(handle),
        proxy: accepted.proxy,
        format: if tracks {
            OkFormat::Tracked
        } else {
            OkFormat::Plain
        },
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
