//! The login in front of MySQL and MariaDB: the server's own greeting and authentication are relayed.
//!
//! The proxy takes no part in it, so that any plugin works. It only clears capability bits that it does
//! not follow, both ways, and watches for the server's OK or ERR. A client has this one server session
//! and no other: nobody else could log in again for it.

use crate::begin::Begun;
use crate::borrow::Origin;
use crate::change_user::UserChange;
use crate::context::Context;
use crate::entrance::observation;
use crate::error::SessionError;
use crate::leases::{Lease, Leases, Synced};
use crate::login::{LoggedIn, connection_login, tell};
use crate::login_variables::LoginVariables;
use crate::planner::no_server;
use crate::prepared::PreparedStatements;
use crate::session::Session;
use crate::session_ids::LiveId;
use crate::settings::RoutingMode;
use crate::state::{SessionState, Transaction};
use crate::variables::Variables;
use bytes::{Bytes, BytesMut};
use odp_cluster::{DatabaseName, ServerAddr, TenantName};
use odp_pool::{PoolError, ServerSession, connect_raw};
use odp_protocol::stream::{Stream, StreamError};
use odp_protocol::{
    CapabilityFlags, FrameHeader, Framing, Greeting, HandshakeResponse, LOGIN_MAX, OkFormat,
    OkPacket, PacketTracker, StatusFlags, finish_frame, start_frame,
};
use odp_routing::{
    Decision, LookupPhase, NoServerReason, Observation, Request, Route, ServerStanding, Standing,
};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// What a server said to a login.
enum Verdict {
    /// Yes; its OK packet.
    Accepted(Bytes),
    /// No; the client has its words.
    Refused,
}

/// Logs a client in at one of the servers.
///
/// On an error the client has been told already.
pub(crate) async fn run(
    client: &mut Stream,
    peer: SocketAddr,
    id: &mut LiveId,
    context: &Context,
) -> Result<LoggedIn, SessionError> {
    let limit = context.settings.login_timeout;
    let late = |_| Err(SessionError::LoginTimeout(limit));
    let mut sequence = None;
    let entering = enter(client, peer, id, context, &mut sequence);
    let result = tokio::time::timeout(limit, entering).await;
    let result = result.unwrap_or_else(late);
    match (&result, sequence) {
        (Ok(_), _) => {}
        (Err(error), Some(sequence)) => tell(client, sequence, error, limit).await,
        (Err(error), None) => turn_away(client, error, limit).await,
    }
    result
}

/// Tells a client that has not been greeted why it does not get in.
async fn turn_away(client: &mut Stream, error: &SessionError, limit: Duration) {
    if let Some(packet) = error.to_client() {
        let start = start_frame(client.outbound());
        packet.put_in_place_of_greeting(client.outbound());
        finish_frame(client.outbound(), start, 0);
        // Nobody is left to tell if this fails.
        tokio::time::timeout(limit, client.flush()).await.ok();
    }
}

/// `next` is the number of the next packet to the client, once it has been greeted.
async fn enter(
    client: &mut Stream,
    peer: SocketAddr,
    id: &mut LiveId,
    context: &Context,
    next: &mut Option<u8>,
) -> Result<LoggedIn, SessionError> {
    let settings = &context.settings;
    if settings.max_clients > 0 && context.ids.live() > settings.max_clients {
        return Err(SessionError::TooManyClients);
    }
    let (addr, mut server, greeting) = reach(id, context).await?;
    let lost = |source| SessionError::Unreachable(PoolError::Broken { addr, source });
    let mut offer = greeting.to_vec();
    Greeting::restrict(&mut offer).map_err(|error| lost(error.into()))?;
    let connection_id = Greeting::parse(&offer).map_or(0, |greeting| greeting.connection_id);
    *next = Some(client.put_packet(0, &offer));
    client.flush().await.map_err(SessionError::client_io)?;

    let (sequence, payload) = client.read_packet(LOGIN_MAX).await?;
    *next = Some(sequence.wrapping_add(1));
    if HandshakeResponse::is_ssl_request(&payload) {
        return Err(SessionError::NoTls);
    }
    let mut payload = BytesMut::from(payload);
    let broken = |error: odp_protocol::ProtocolError| SessionError::Client(error.into());
    let wished = HandshakeResponse::restrict(&mut payload).map_err(broken)?;
    let response = HandshakeResponse::parse(&payload).map_err(broken)?;
    server.put_packet(sequence, &payload);
    server.flush().await.map_err(|error| lost(error.into()))?;
    let verdict = relay_auth(client, &mut server, addr).await?;
    client.flush().await.map_err(SessionError::client_io)?;
    let Verdict::Accepted(ok) = verdict else {
        return Err(SessionError::LoginRefused);
    };
    if wished.contains(CapabilityFlags::CLIENT_COMPRESS) {
        client.compress();
    }
    let ok = OkPacket::parse(&ok, OkFormat::Plain).map_err(|error| lost(error.into()))?;
    let framing = Framing::default();
    let session = ServerSession {
        stream: server,
        addr,
        connection_id,
        visible_id: connection_id,
        framing,
    };
    let mut leases = Leases::default();
    leases.add(Lease {
        session,
        synced: Synced::default(),
        origin: Origin::Own,
    });
    let nothing = LoginVariables::parse(b"").map_err(broken)?;
    let state = SessionState {
        mode: RoutingMode::MySql,
        tenant: TenantName::default(),
        // The server alone knows it: nothing follows the client to another one.
        database: DatabaseName::default(),
        login: connection_login(response, peer, id),
        variables: Variables::new(context.variable_sets.borrow_mut().share(nothing)),
        transaction: Transaction::None,
        prepared: PreparedStatements::default(),
        pin: None,
        pooling: None,
        keeps_last: false,
        leaves_more: false,
        last_server: Some(addr),
        found_rows_at: None,
        row_count_at: None,
        status: ok
            .status
            .difference(StatusFlags::SERVER_SESSION_STATE_CHANGED),
    };
    Ok(LoggedIn { state, leases })
}

/// The healthy server that has the fewest clients of this proxy; where there is none, the one that the
/// router would try.
fn choose(
    id: &mut LiveId,
    failed: &[ServerAddr],
    context: &Context,
) -> Result<Route, NoServerReason> {
    let standings = context.router.router().standings(Instant::now());
    let mut candidates: Vec<ServerAddr> = standings
        .iter()
        .filter(|server| server.standing == Standing::Ok && !failed.contains(&server.addr()))
        .map(ServerStanding::addr)
        .collect();
    while let Some(server) = id.join_server(&candidates) {
        let others = standings.iter().map(ServerStanding::addr);
        let others: Vec<_> = others.filter(|other| *other != server).collect();
        match decide(&others, context) {
            Ok(route) if route.server == server => return Ok(route),
            // The configuration keeps clients away from it.
            _ => candidates.retain(|candidate| *candidate != server),
        }
    }
    let route = decide(failed, context)?;
    id.join_server(&[route.server]);
    Ok(route)
}

fn decide(excluded: &[ServerAddr], context: &Context) -> Result<Route, NoServerReason> {
    let (nobody, nowhere) = (TenantName::default(), DatabaseName::default());
    let request = Request {
        excluded,
        lookup: LookupPhase::Done,
        ..Request::new(&nobody, &nowhere)
    };
    match context.router.decide(&request, Instant::now()) {
        Decision::Route(route) => Ok(route),
        Decision::NoServer(reason) => Err(reason),
        Decision::Lookup(_) | Decision::Wait(_) => Err(NoServerReason::AllTried),
    }
}

/// Connects to a server that can be reached.
async fn reach(
    id: &mut LiveId,
    context: &Context,
) -> Result<(ServerAddr, Stream, Bytes), SessionError> {
    let nobody = TenantName::default();
    let mut failed = Vec::new();
    let mut last_error = None;
    while failed.len() < context.settings.max_attempts {
        let route = match choose(id, &failed, context) {
            Ok(route) => route,
            Err(reason) => {
                return Err(last_error
                    .unwrap_or_else(|| no_server(&nobody, reason, context.router.router())));
            }
        };
        match connect_raw(route.server, &context.settings.connect).await {
            Ok((stream, greeting)) => {
                context.learn(
                    &route,
                    Observation::Answered {
                        partition_hit: None,
                        schema_version: None,
                    },
                );
                return Ok((route.server, stream, greeting));
            }
            Err(error) => {
                context.learn(&route, observation(&error));
                failed.push(route.server);
                last_error = Some(match error {
                    // Its own words, as it says them in place of a greeting.
                    refused @ PoolError::Refused { .. } => SessionError::Refused(refused),
                    error => SessionError::Unreachable(error),
                });
            }
        }
    }
    Err(last_error.unwrap_or(SessionError::ClientGone))
}

/// Passes authentication packets both ways until the server has said OK or ERR, which is not sent on its
/// way yet. Goes on where it was dropped.
async fn relay_auth(
    client: &mut Stream,
    server: &mut Stream,
    addr: ServerAddr,
) -> Result<Verdict, SessionError> {
    let lost = |source| SessionError::Unreachable(PoolError::Broken { addr, source });
    loop {
        client.flush().await.map_err(SessionError::client_io)?;
        let flushed = server.flush().await;
        flushed.map_err(|error| lost(StreamError::Io(error)))?;
        if let Some(packet) = take_answer(client) {
            server.outbound().extend_from_slice(&packet);
            continue;
        }
        tokio::select! {
            packet = server.read_packet(LOGIN_MAX) => {
                let (sequence, payload) = packet.map_err(lost)?;
                client.put_packet(sequence, &payload);
                match payload.first() {
                    Some(0) => return Ok(Verdict::Accepted(payload)),
                    Some(0xFF) => return Ok(Verdict::Refused),
                    _ => {}
                }
            }
            read = client.read_more(), if client.inbound().len() < LOGIN_MAX => match read {
                Ok(0) => return Err(SessionError::ClientGone),
                Ok(_) => {}
                Err(error) => return Err(SessionError::client_io(error)),
            }
        }
    }
}

/// The client's next packet, when it is there. A command that was sent ahead, told by its number 0, stays
/// until its turn comes.
fn take_answer(client: &mut Stream) -> Option<BytesMut> {
    let inbound = client.inbound();
    let is_command = FrameHeader::read(inbound)?.sequence == 0;
    let mut packet = PacketTracker::default();
    let length = packet.advance(inbound);
    (packet.is_done() && !is_command).then(|| client.take(length))
}

impl Session {
    /// `COM_CHANGE_USER` in front of MySQL: the server asks, the client answers. Goes on where it was
    /// dropped.
    pub(crate) async fn relay_change_user(
        &mut self,
        context: &Context,
    ) -> Result<Begun, SessionError> {
        if self.user_change.is_none() {
            let (head, _) = self.take_packet();
            let Some(lease) = self.leases.iter_mut().next() else {
                return Err(SessionError::ClientGone);
            };
            lease.session.stream.outbound().extend_from_slice(&head);
            self.user_change = Some(UserChange::Relayed(lease.session.addr));
        }
        let Some(lease) = self.leases.iter_mut().next() else {
            return Err(SessionError::ClientGone);
        };
        let addr = lease.session.addr;
        let asked = relay_auth(&mut self.client, &mut lease.session.stream, addr);
        let limit = context.settings.login_timeout;
        let late = |_| Err(SessionError::LoginTimeout(limit));
        let settled = tokio::time::timeout(limit, asked).await;
        let settled = settled.unwrap_or_else(late);
        self.user_change = None;
        match settled? {
            Verdict::Accepted(_) => self.state.transaction = Transaction::None,
            // MySQL closes the connection behind a refusal; MariaDB lets the client try again.
            Verdict::Refused => {}
        }
        Ok(Begun::Answered)
    }
}
