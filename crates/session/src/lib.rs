//! One client connection from login to goodbye.
//!
//! ```text
//! login::run → loop {
//!     next_command            idle: drain and timeouts act here
//!     begin                   planner::plan (pure), a live server session, sync::steps (pure)
//!     relay::exchange         sync steps, request, answer; passed on, never assembled
//!     state.apply             variables, database, transaction
//!     router.learn            the one place that judges servers and locations
//! }
//! ```
//!
//! All state is plain data in [`Session`]; futures hold nothing else and may be dropped at any wait.

mod alarm;
mod answer;
mod attempts;
mod begin;
mod borrow;
mod change_user;
mod collation;
mod conclude;
mod congestion;
mod context;
mod counters;
mod effects;
mod entrance;
mod error;
mod exchange;
mod explain;
mod give_back;
mod holdings;
mod idle;
mod kill;
mod kind;
mod known;
mod known_logins;
mod leases;
mod lifecycle;
mod login;
mod login_variables;
mod oversize;
mod parameters;
mod planner;
mod pooling;
mod prepared;
mod record;
mod recover;
mod relay;
mod relayed_login;
mod remains;
mod result_set;
mod retry;
mod room;
mod server_version;
mod session;
mod session_ids;
mod settings;
mod state;
mod stopwatch;
mod sync;
mod tenant_limits;
mod tend;
mod user_variable;
mod variables;
mod watch;

pub use borrow::{Left, ServerPools};
pub use context::{Context, Lookup};
pub use counters::{Counters, Counts, Gauge};
pub use error::{Fate, SessionError, Side};
pub use kill::Kills;
pub use known_logins::KnownLogins;
pub use lifecycle::Lifecycle;
pub use login_variables::VariableSets;
pub use record::{Amid, RestoreError, SessionRecord, Transports};
pub use server_version::ServerVersion;
pub use session::{Session, SessionEnd};
pub use session_ids::{Aim, LiveId, Place, SessionIds};
pub use settings::{PoolOverride, RoutingMode, Settings};
pub use state::PinReason;
pub use tenant_limits::TenantLimits;
pub use tend::tend;
pub use watch::Lost;

use odp_protocol::stream::{Stream, StreamError};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;
use tokio::net::TcpStream;

/// Serves one client from its connection to its end, and writes one line when it ends that says why.
///
/// A connection that closes before it sends a byte (a load balancer's check) leaves no trace.
pub async fn serve(stream: TcpStream, peer: SocketAddr, context: Rc<Context>) {
    if let Some(mut session) = log_in(stream, peer, &context).await {
        run(&mut session, peer, &context).await;
    }
}

/// Greets a client and lets it log in: the session that follows, to be [`Session::run`]. `None` when it
/// does not get in; it has been told, and the log as well.
pub async fn log_in(stream: TcpStream, peer: SocketAddr, context: &Context) -> Option<Session> {
    if let Err(error) = context.settings.client_keepalive.apply(&stream) {
        tracing::debug!(%peer, %error, "the client's socket options could not be set");
    }
    let mut client = Stream::plain(stream);
    let mut id = context.ids.allocate();
    // Boxed, so that a session does not hold the room that its login needed for as long as it lives.
    let entered = match context.settings.mode {
        RoutingMode::OceanBase => Box::pin(login::run(&mut client, peer, &mut id, context)).await,
        RoutingMode::MySql => {
            Box::pin(relayed_login::run(&mut client, peer, &mut id, context)).await
        }
    };
    match entered {
        Ok(login::LoggedIn { state, leases }) => {
            context.counters.logins.fetch_add(1, Relaxed);
            return Some(Session {
                client,
                id,
                state,
                leases,
                exchange: None,
                user_change: None,
                oversize: None,
                kind: kind::Kind::default(),
            });
        }
        // A check that closes without reading the greeting resets the connection.
        Err(SessionError::ClientGone | SessionError::Client(StreamError::Io(_)))
            if client.inbound().is_empty() => {}
        Err(error) => {
            context.counters.failed_logins.fetch_add(1, Relaxed);
            tracing::info!(session = %id.get(), %peer, side = ?error.side(), %error, "login failed");
        }
    }
    None
}

async fn run(session: &mut Session, peer: SocketAddr, context: &Context) {
    let mut clients = Gauge::new(&context.counters.clients);
    clients.set(1);
    let started = Instant::now();
    let end = session.run(context).await;
    match &end {
        Ok(SessionEnd::Drained) => session.kind.drained(&context.counters),
        Err(SessionError::ShuttingDown) => session.kind.cut(&context.counters),
        _ => {}
    }
    let user = String::from_utf8_lossy(&session.state.login.response.user);
    let id = session.id.get();
    let seconds = started.elapsed().as_secs();
    match end {
        Ok(end) => tracing::info!(session = %id, %peer, %user, seconds, ?end, "session ended"),
        Err(error) => {
            tracing::info!(session = %id, %peer, %user, seconds, side = ?error.side(), %error, "session ended");
        }
    }
}
