//! The login: from the greeting to the OK of the client's first server session.

use crate::answer;
use crate::borrow::Obtained;
use crate::context::Context;
use crate::entrance::{Entrance, first_session};
use crate::error::SessionError;
use crate::known_logins::LoginResult;
use crate::leases::{Lease, Leases};
use crate::pooling::{Pooling, account_name};
use crate::prepared::PreparedStatements;
use crate::server_version;
use crate::session_ids::LiveId;
use crate::settings::RoutingMode;
use crate::state::{SessionState, Transaction};
use crate::variables::Variables;
use odp_cluster::{DatabaseName, LoginName, TenantName};
use odp_pool::ClientLogin;
use odp_protocol::auth::{SALT_LEN, Salt, put_switch_to_native};
use odp_protocol::stream::Stream;
use odp_protocol::{
    CapabilityFlags, Greeting, HandshakeResponse, LOGIN_MAX, NATIVE_PASSWORD, OkPacket,
    SessionChange, StatusFlags, finish_frame, start_frame,
};
use odp_routing::Consistency;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::timeout_at;

/// A client that is in.
#[derive(Debug)]
pub(crate) struct LoggedIn {
    pub(crate) state: SessionState,
    pub(crate) leases: Leases,
}

/// Greets the client, reads its login and lets a server decide on it.
///
/// On an error the client has been told already; [`SessionError::ClientGone`] before a first byte is a
/// load balancer's check and no event.
pub(crate) async fn run(
    client: &mut Stream,
    peer: SocketAddr,
    id: &mut LiveId,
    context: &Context,
) -> Result<LoggedIn, SessionError> {
    let limit = context.settings.login_timeout;
    let deadline = tokio::time::Instant::now() + limit;
    let mut sequence = 0;
    let greeted = timeout_at(deadline, greet(client, peer, id, context, &mut sequence)).await;
    let result = match greeted.unwrap_or(Err(SessionError::LoginTimeout(limit))) {
        Ok((login, name)) => {
            let entering = enter(client, login, &name, id, context, sequence);
            let late = Err(SessionError::SlowLogin(limit));
            timeout_at(deadline, entering).await.unwrap_or(late)
        }
        Err(error) => Err(error),
    };
    if let Err(error) = &result {
        tell(client, sequence, error, limit).await;
    }
    result
}

/// Tells a client why it does not get in, if it can be told.
pub(crate) async fn tell(client: &mut Stream, sequence: u8, error: &SessionError, limit: Duration) {
    if let Some(packet) = error.to_client() {
        answer::put_error(client.outbound(), sequence, &packet);
        // Nobody is left to tell if this fails.
        tokio::time::timeout(limit, client.flush()).await.ok();
    }
}

/// The greeting, the client's answer and, if it speaks another plugin, the switch to the native one.
async fn greet(
    client: &mut Stream,
    peer: SocketAddr,
    id: &LiveId,
    context: &Context,
    sequence: &mut u8,
) -> Result<(ClientLogin, LoginName), SessionError> {
    let salt = random_salt();
    let greeting = Greeting {
        version: server_version::for_greeting(context).await,
        connection_id: id.get().get(),
        capabilities: odp_protocol::capability::offered_to_clients(),
        collation: 46,
        // An OBServer says 0 here, and PyMySQL then believes that autocommit is off already.
        status: StatusFlags::SERVER_STATUS_AUTOCOMMIT,
        salt,
        plugin: NATIVE_PASSWORD.to_owned(),
    };
    let start = start_frame(client.outbound());
    greeting.put(client.outbound());
    finish_frame(client.outbound(), start, 0);
    client.flush().await.map_err(SessionError::client_io)?;

    let (seen, payload) = client.read_packet(LOGIN_MAX).await?;
    *sequence = seen.wrapping_add(1);
    if context.settings.max_clients > 0 && context.ids.live() > context.settings.max_clients {
        return Err(SessionError::TooManyClients);
    }
    if HandshakeResponse::is_ssl_request(&payload) {
        return Err(SessionError::NoTls);
    }
    let mut response =
        HandshakeResponse::parse(&payload).map_err(|error| SessionError::Client(error.into()))?;
    response.capabilities &= greeting.capabilities;
    let native = response.plugin.is_empty() || response.plugin == NATIVE_PASSWORD;
    if !native && !response.auth.is_empty() {
        (response.auth, *sequence) = switch_to_native(client, &salt, *sequence).await?;
    }
    let name = read_name(&response, context)?;
    let login = ClientLogin {
        response,
        proxy_salt: salt,
        session_id: id.get(),
        proxy_connection_id: proxy_connection_id(peer, id),
        peer,
        connected_at_us: now_us(),
    };
    Ok((login, name))
}

/// The login of a client for whom the proxy holds no proof: it cannot be used again.
pub(crate) fn connection_login(
    response: HandshakeResponse,
    peer: SocketAddr,
    id: &LiveId,
) -> ClientLogin {
    ClientLogin {
        response,
        proxy_salt: odp_protocol::auth::CONSTANT_SALT,
        session_id: id.get(),
        proxy_connection_id: proxy_connection_id(peer, id),
        peer,
        connected_at_us: now_us(),
    }
}

/// Asks the client for a native answer; before any server is contacted.
async fn switch_to_native(
    client: &mut Stream,
    salt: &Salt,
    sequence: u8,
) -> Result<(Vec<u8>, u8), SessionError> {
    put_switch(client, salt, sequence);
    client.flush().await.map_err(SessionError::client_io)?;
    let (seen, payload) = client.read_packet(LOGIN_MAX).await?;
    Ok((payload.to_vec(), seen.wrapping_add(1)))
}

/// Writes the question for a native answer.
pub(crate) fn put_switch(client: &mut Stream, salt: &Salt, sequence: u8) {
    let start = start_frame(client.outbound());
    put_switch_to_native(client.outbound(), salt);
    finish_frame(client.outbound(), start, sequence);
}

/// The salt of a greeting.
pub(crate) fn random_salt() -> Salt {
    let mut random = [0; SALT_LEN];
    getrandom::fill(&mut random).expect("the kernel gives random bytes");
    Salt::from_random(random)
}

fn now_us() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// `ipv4 << 32 | port << 16 | sequence` (`OBProxy`); an IPv6 address gives its last four bytes.
fn proxy_connection_id(peer: SocketAddr, id: &LiveId) -> u64 {
    let ip = match peer.ip().to_canonical() {
        std::net::IpAddr::V4(ip) => ip.to_bits(),
        std::net::IpAddr::V6(ip) => u32::try_from(ip.to_bits() & 0xFFFF_FFFF).unwrap_or_default(),
    };
    u64::from(ip) << 32 | u64::from(peer.port()) << 16 | u64::from(id.get().get() & 0xFFFF)
}

/// Reads the user name and refuses what `OBProxy` refuses before any server is asked.
pub(crate) fn read_name(
    response: &HandshakeResponse,
    context: &Context,
) -> Result<LoginName, SessionError> {
    let settings = &context.settings;
    let text = String::from_utf8_lossy(&response.user);
    let name = LoginName::parse(&text, &settings.separators)?;
    let incomplete = name.tenant.is_none() || name.cluster.is_none();
    if settings.require_full_username && incomplete {
        return Err(SessionError::Denied(name));
    }
    let tenant = name.tenant.as_ref().map_or("", TenantName::as_str);
    let inner = name.user.as_str() == "proxyro" && matches!(tenant, "sys" | "");
    if (inner && !settings.allow_proxyro) || tenant == "proxysys" {
        return Err(SessionError::Denied(name));
    }
    match (&name.cluster, &settings.cluster) {
        (Some(asked), Some(ours)) if asked != ours => {
            Err(SessionError::UnknownCluster(asked.to_string()))
        }
        _ => Ok(name),
    }
}

/// Gets the first server session, which decides, and tells the client.
async fn enter(
    client: &mut Stream,
    mut login: ClientLogin,
    name: &LoginName,
    id: &mut LiveId,
    context: &Context,
    sequence: u8,
) -> Result<LoggedIn, SessionError> {
    let tenant = name
        .tenant
        .clone()
        .unwrap_or_else(|| context.settings.default_tenant.clone());
    if !id.join_tenant(&tenant, context.settings.tenant_limits.of(&tenant)) {
        return Err(SessionError::TooManyOfTenant(tenant));
    }
    login.response.user = format!("{}@{}", name.user, tenant).into_bytes();
    let account = account_name(&tenant, name.user.as_str());
    let (entrance, pooling) = first_session(&login, &account, context).await?;
    let answer = match &entrance {
        Entrance::Session(obtained) => obtained.answer.clone(),
        Entrance::Known(..) => None,
    };
    let logged_in = admit(login, tenant, entrance, pooling, context);
    let broken = |error: odp_protocol::ProtocolError| SessionError::Client(error.into());
    let ok = match &answer {
        Some(answer) => answer.packet().map_err(broken)?,
        None => OkPacket {
            status: logged_in.state.status,
            ..OkPacket::default()
        },
    };
    let start = start_frame(client.outbound());
    OkPacket { changes: b"", ..ok }.put(client.outbound(), logged_in.state.ok_format());
    finish_frame(client.outbound(), start, sequence);
    client.flush().await.map_err(SessionError::client_io)?;
    let capabilities = logged_in.state.login.response.capabilities;
    if capabilities.contains(CapabilityFlags::CLIENT_COMPRESS) {
        client.compress();
    }
    Ok(logged_in)
}

/// The session that follows from a server's yes, or from the proxy's own.
pub(crate) fn admit(
    login: ClientLogin,
    tenant: TenantName,
    entrance: Entrance,
    pooling: Option<Pooling>,
    context: &Context,
) -> LoggedIn {
    let LoginResult { variables, status } = entrance.login_result();
    let mut variables = Variables::new(variables);
    if context.settings.read_consistency == Consistency::Weak {
        // As with OBProxy, the session has set the variable: its servers are told with the next request.
        variables.note(SessionChange::System {
            name: b"ob_read_consistency",
            value: b"WEAK",
        });
    }
    let database = login.response.database.as_deref().unwrap_or_default();
    let database = DatabaseName::new(String::from_utf8_lossy(database));
    let state = SessionState {
        mode: RoutingMode::OceanBase,
        login,
        tenant,
        database,
        variables,
        transaction: Transaction::None,
        prepared: PreparedStatements::default(),
        pin: None,
        pooling,
        keeps_last: false,
        leaves_more: false,
        last_server: Some(entrance.server()),
        found_rows_at: None,
        row_count_at: None,
        status,
    };
    let mut leases = Leases::default();
    if let Entrance::Session(obtained) = entrance {
        leases.add(first_lease(*obtained, &state));
    }
    LoggedIn { state, leases }
}

fn first_lease(obtained: Obtained, state: &SessionState) -> Lease {
    let client = state.login.session_id;
    let mut lease = Lease::new(obtained.session, obtained.origin, client);
    if let Some(remains) = lease.remains() {
        lease.synced = remains.synced_for(state);
    }
    // The login has chosen it, if it names one.
    if !state.database.is_empty() {
        lease.synced.database = state.database.clone();
    }
    lease
}

/// Whether a client of these capabilities answers a switch of the plugin.
pub(crate) fn can_switch(capabilities: CapabilityFlags) -> bool {
    capabilities.contains(CapabilityFlags::CLIENT_PLUGIN_AUTH)
}
