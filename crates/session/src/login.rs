//! The login: from the greeting to the OK of the client's first server session.

use crate::answer;
use crate::attempts::Attempts;
use crate::borrow::{self, Obtained, Purpose};
use crate::context::Context;
use crate::error::SessionError;
use crate::leases::{Lease, Leases};
use crate::planner::no_server;
use crate::pooling::{self, Pooling, Verdict, account_name};
use crate::prepared::PreparedStatements;
use crate::server_version;
use crate::session_ids::LiveId;
use crate::settings::RoutingMode;
use crate::state::{SessionState, Transaction};
use crate::variables::Variables;
use crate::watch::Watch;
use odp_cluster::{DatabaseName, LoginName, TenantName};
use odp_pool::{AccountName, ClientLogin, PoolError, Retry, Unproven};
use odp_protocol::auth::{SALT_LEN, Salt, put_switch_to_native};
use odp_protocol::stream::Stream;
use odp_protocol::{
    CapabilityFlags, Greeting, HandshakeResponse, LOGIN_MAX, NATIVE_PASSWORD, OkPacket,
    SessionChange, StatusFlags, finish_frame, start_frame,
};
use odp_routing::{Consistency, Decision, LookupPhase, Observation, Request};
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::time::timeout_at;

/// Whether a server refuses the database that a login names: no right to it, or there is none.
fn is_of_database(error: &SessionError) -> bool {
    const OF_DATABASE: [u16; 2] = [1044, 1049];
    matches!(error, SessionError::Refused(PoolError::Refused { error, .. }) if OF_DATABASE.contains(&error.code))
}

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
    let (obtained, pooling) = first_session(&login, &account, context).await?;
    let answer = obtained.answer.clone();
    let logged_in = admit(login, tenant, obtained, pooling, context);
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
    obtained: Obtained,
    pooling: Option<Pooling>,
    context: &Context,
) -> LoggedIn {
    let mut variables = Variables::new(obtained.login);
    if context.settings.read_consistency == Consistency::Weak {
        // As with OBProxy, the session has set the variable: its servers are told with the next request.
        variables.note(SessionChange::System {
            name: b"ob_read_consistency",
            value: b"WEAK",
        });
    }
    let database = login.response.database.as_deref().unwrap_or_default();
    let database = DatabaseName::new(String::from_utf8_lossy(database));
    let mut leases = Leases::default();
    let addr = obtained.session.addr;
    let mut lease = Lease::new(obtained.session, obtained.origin, login.session_id);
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
        last_server: Some(addr),
        found_rows_at: None,
        row_count_at: None,
        status: obtained.status,
    };
    if let Some(remains) = lease.remains() {
        lease.synced = remains.synced_for(&state);
    }
    // The login has chosen it, if it names one.
    if !state.database.is_empty() {
        lease.synced.database = state.database.clone();
    }
    leases.add(lease);
    LoggedIn { state, leases }
}

/// Tries servers of the tenant until there is a session on one, or one refuses the login.
pub(crate) async fn first_session(
    login: &ClientLogin,
    account: &AccountName,
    context: &Context,
) -> Result<(Obtained, Option<Pooling>), SessionError> {
    let verdict = pooling::identify(login, account, context);
    let pooling = match &verdict {
        Verdict::Proven(pooling) => Some(pooling),
        Verdict::Unproven(_) | Verdict::Unknown => None,
    };
    match try_servers(login, &account.tenant, pooling, context).await {
        Err(error) if pooling.is_some() && is_of_database(&error) => {
            // A session that is lent may remember older rights, and refuses in another order: only a login
            // of the client's own is answered as without a pool. The account is as it was.
            let obtained = try_servers(login, &account.tenant, None, context).await?;
            Ok((obtained, None))
        }
        Ok(obtained) => {
            if let Verdict::Unproven(Unproven::Password) = verdict {
                // The server knows a newer password than the proxy.
                context.credentials.doubt(account);
            }
            Ok((
                obtained,
                match verdict {
                    Verdict::Proven(pooling) => Some(pooling),
                    Verdict::Unproven(_) | Verdict::Unknown => None,
                },
            ))
        }
        Err(error) => {
            if let (Some(pooling), SessionError::Refused(PoolError::Refused { .. })) =
                (pooling, &error)
            {
                // What the proxy believes of the account is wrong: it is read anew, and nobody is lent a
                // session until then.
                context.credentials.doubt(account);
                context
                    .pools
                    .retire_idle(|key| key.identity == pooling.identity);
            }
            Err(error)
        }
    }
}

async fn try_servers(
    login: &ClientLogin,
    tenant: &TenantName,
    pooling: Option<&Pooling>,
    context: &Context,
) -> Result<Obtained, SessionError> {
    let mut attempts = Attempts::default();
    let nowhere = DatabaseName::default();
    loop {
        let request = Request {
            excluded: &attempts.failed,
            lookup: attempts.lookup,
            ..Request::new(tenant, &nowhere)
        };
        let route = match context.router.decide(&request, Instant::now()) {
            Decision::Route(route) => route,
            Decision::Lookup(key) => {
                context.lookup.lookup(key).await;
                attempts.lookup = LookupPhase::Done;
                continue;
            }
            Decision::Wait(wait) => {
                attempts.lookup = LookupPhase::Done;
                context.wait(wait).await;
                continue;
            }
            Decision::NoServer(reason) => {
                let pause =
                    attempts.another_round(no_server(tenant, reason, context.router.router()))?;
                tokio::time::sleep(pause).await;
                continue;
            }
        };
        let obtained = borrow::obtain(route.server, login, pooling, Purpose::Login, context);
        let watch = Watch::new(context, route.server, login.session_id.get());
        match watch.while_reachable(obtained).await {
            Ok(obtained) => {
                if let Some(answer) = &obtained.answer {
                    let answered = Observation::Answered {
                        partition_hit: None,
                        schema_version: None,
                    };
                    context.learn(&route, answered);
                    context.server_version.learn(&answer.version);
                }
                return Ok(obtained);
            }
            Err(error @ PoolError::Exhausted { .. }) => {
                return Err(SessionError::Unreachable(error));
            }
            Err(error) if error.retry() == Retry::Never => {
                return Err(SessionError::Refused(error));
            }
            Err(error) => {
                context.learn(&route, observation(&error));
                let refused = matches!(error, PoolError::Refused { .. });
                let why = if refused {
                    SessionError::Refused
                } else {
                    SessionError::Unreachable
                };
                let error = why(error);
                if !attempts.goes_on_elsewhere(route.server, context.max_attempts()) {
                    return Err(error);
                }
                attempts.keep(error);
            }
        }
    }
}

/// What a failed connection says about its server.
pub(crate) fn observation(error: &PoolError) -> Observation {
    match error {
        PoolError::Refused { error, .. } => Observation::ServerError(error.code),
        PoolError::Timeout { .. } => Observation::TimedOut,
        _ => Observation::ConnectFailed,
    }
}

/// Whether a client of these capabilities answers a switch of the plugin.
pub(crate) fn can_switch(capabilities: CapabilityFlags) -> bool {
    capabilities.contains(CapabilityFlags::CLIENT_PLUGIN_AUTH)
}
