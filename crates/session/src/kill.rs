//! KILL, and the end of statements that nobody waits for any more.
//!
//! Both go over a short connection of their own: the server session that is meant is busy, and the one
//! that asks may be in the middle of a transaction.

use crate::context::Context;
use crate::error::SessionError;
use crate::leases::Lease;
use crate::planner::no_server;
use crate::session::Session;
use crate::settings::{RoutingMode, Settings};
use odp_cluster::{ClientSessionId, DatabaseName, ServerAddr};
use odp_pool::{AccountName, ClientLogin, MetaConnection, MetaLogin, PoolError, ServerSession};
use odp_routing::{Decision, LookupPhase, Request};
use odp_sql::{Kill, KillScope};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

/// MySQL's code for an id that no session has.
const UNKNOWN_THREAD: u16 = 1094;

/// How much a client may send ahead of what it waits for, in bytes, before it is no longer watched for
/// going away.
const AHEAD_MAX: usize = 64 << 10;

/// How many servers are asked for a session that this proxy does not know.
const SERVERS_MAX: usize = 32;

/// The connections of a worker that kill: so many at once and no more.
#[derive(Debug)]
pub struct Kills {
    tasks: TaskTracker,
    permits: Arc<Semaphore>,
}

impl Kills {
    /// How many there may be at once.
    pub const AT_ONCE: usize = 16;

    /// Without any yet; those that outlive their session are tracked by `tasks`.
    #[must_use]
    pub fn new(tasks: TaskTracker) -> Self {
        Self {
            tasks,
            permits: Arc::new(Semaphore::new(Self::AT_ONCE)),
        }
    }

    /// Waits for a turn.
    pub(crate) async fn turn(&self) -> Result<OwnedSemaphorePermit, AcquireError> {
        Arc::clone(&self.permits).acquire_owned().await
    }

    /// Does `work` beside the session when it is not too much; says whether it is done.
    fn beside(&self, work: impl Future<Output = ()> + 'static) -> bool {
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
            return false;
        };
        self.tasks.spawn_local(async {
            work.await;
            drop(permit);
        });
        true
    }
}

impl Default for Kills {
    /// Tracked by nobody else.
    fn default() -> Self {
        Self::new(TaskTracker::new())
    }
}

/// A statement that nobody waits for any more. Its server session is kept until it is dead, so that
/// nobody else can have its id.
struct Forsaken {
    lease: Lease,
    as_whom: Identity,
    settings: Arc<Settings>,
}

/// Who kills.
enum Identity {
    /// The client itself, under another id.
    Client(Box<ClientLogin>),
    /// The proxy's own account.
    Proxy(MetaLogin),
}

impl Session {
    /// `KILL` by number.
    ///
    /// A session of this proxy is looked up where it runs, by the id that it has there. Any other is for
    /// the servers to find; those that know only their own are asked one after the other.
    pub(crate) async fn kill(&mut self, kill: Kill, context: &Context) -> Result<(), SessionError> {
        let id = ClientSessionId::from(kill.id);
        if id == self.id.get() {
            return Err(match kill.scope {
                KillScope::Query => SessionError::Interrupted,
                KillScope::Connection => SessionError::KilledItself,
            });
        }
        let _turn = self.unless_gone(context.kills.turn()).await?;
        let own_id = context.ids.allocate();
        let login = ClientLogin {
            session_id: own_id.get(),
            ..self.state.login.clone()
        };
        let ends_session = kill.scope == KillScope::Connection;
        if ends_session {
            context.ids.doom(id, true);
        }
        // Held until the victim knows: what it leaves meanwhile goes to nobody.
        let aim = context.ids.aim_at(id);
        let killed = match &aim {
            Some(aim) => {
                let there = Kill {
                    id: aim.place.visible_id,
                    ..kill
                };
                kill_at(aim.place.server, &login, there, &context.settings)
                    .await
                    .map_err(told)
            }
            None => match context.ids.account_of(id) {
                Some(account) => self.check_right_to_kill(&account, kill),
                None => self.kill_somewhere(&login, kill, context).await,
            },
        };
        match &killed {
            Ok(()) if ends_session => context.ids.kill(id),
            Err(_) if ends_session => context.ids.doom(id, false),
            _ => {}
        }
        killed
    }

    /// Whether this client may kill one of `account` that has no server session at the moment, so that no
    /// server can be asked: with `OceanBase`, its own account's, and with `SUPER` those of its tenant, or of
    /// all tenants as one of `sys`.
    fn check_right_to_kill(&self, account: &AccountName, kill: Kill) -> Result<(), SessionError> {
        const SYS: &str = "sys";
        let tenant = &self.state.tenant;
        if account.tenant != *tenant && tenant.as_str() != SYS {
            return Err(SessionError::NoSuchSession(kill.id));
        }
        let pooling = self.state.pooling.as_ref();
        if *account == self.state.account() || pooling.is_some_and(|own| own.identity.may_kill()) {
            return Ok(());
        }
        Err(SessionError::NotToBeKilled(kill.id))
    }

    /// Waits for something that is of no use any more when the client leaves.
    async fn unless_gone<T>(&mut self, wait: impl Future<Output = T>) -> Result<T, SessionError> {
        let mut wait = std::pin::pin!(wait);
        loop {
            tokio::select! {
                biased;
                done = &mut wait => return Ok(done),
                read = self.client.read_more(), if self.client.inbound().len() < AHEAD_MAX => {
                    match read {
                        Ok(0) => return Err(SessionError::ClientGone),
                        Ok(_) => {}
                        Err(error) => return Err(SessionError::client_io(error)),
                    }
                }
            }
        }
    }

    async fn kill_somewhere(
        &self,
        login: &ClientLogin,
        kill: Kill,
        context: &Context,
    ) -> Result<(), SessionError> {
        let nowhere = DatabaseName::default();
        let mut tried: Vec<ServerAddr> = Vec::new();
        let mut unknown = None;
        while tried.len() < SERVERS_MAX {
            let request = Request {
                excluded: &tried,
                lookup: LookupPhase::Done,
                ..Request::new(&self.state.tenant, &nowhere)
            };
            let server = match context.router.decide(&request, Instant::now()) {
                Decision::Route(route) if !tried.contains(&route.server) => route.server,
                Decision::NoServer(reason) if tried.is_empty() => {
                    return Err(no_server(
                        &self.state.tenant,
                        reason,
                        context.router.router(),
                    ));
                }
                _ => break,
            };
            match kill_at(server, login, kill, &context.settings).await {
                Err(PoolError::Refused { addr, error }) if error.code == UNKNOWN_THREAD => {
                    unknown = Some(PoolError::Refused { addr, error });
                }
                Err(refused @ PoolError::Refused { .. }) => return Err(told(refused)),
                Err(unreachable) => {
                    unknown.get_or_insert(unreachable);
                }
                Ok(()) => return Ok(()),
            }
            tried.push(server);
        }
        unknown.map_or(Ok(()), |error| Err(told(error)))
    }

    /// Ends what a server still does for this session, which does not wait for it any more: closing the
    /// connection is not enough for servers that look at it only when they write.
    pub(crate) fn forsake(&mut self, server: ServerAddr, context: &Context) {
        let Some(lease) = self.leases.take(server) else {
            return;
        };
        let counters = &context.counters;
        let as_whom = match (self.state.mode, &context.settings.meta_login) {
            (RoutingMode::OceanBase, _) => Identity::Client(Box::new(self.state.login.clone())),
            (RoutingMode::MySql, Some(login)) => Identity::Proxy(login.clone()),
            // Nobody can log in there; the end of the connection must do.
            (RoutingMode::MySql, None) => return,
        };
        let forsaken = Forsaken {
            lease,
            as_whom,
            settings: Arc::clone(&context.settings),
        };
        let own_id = context.ids.allocate();
        let ended = context.kills.beside(async move {
            let (session, id) = (own_id.get(), forsaken.lease.session.visible_id);
            if let Err(error) = forsaken.end(session).await {
                tracing::info!(id, %server, %error, "a forsaken statement could not be killed");
            }
        });
        let counter = if ended {
            &counters.killed_statements
        } else {
            &counters.forsaken_statements
        };
        counter.fetch_add(1, Relaxed);
    }
}

impl Forsaken {
    async fn end(self, session_id: ClientSessionId) -> Result<(), PoolError> {
        let session = &self.lease.session;
        let kill = Kill {
            scope: KillScope::Query,
            id: session.visible_id,
        };
        match self.as_whom {
            Identity::Client(login) => {
                let login = ClientLogin {
                    session_id,
                    ..*login
                };
                kill_at(session.addr, &login, kill, &self.settings).await
            }
            Identity::Proxy(login) => {
                let mut connection = MetaConnection::open(session.addr, &login).await?;
                let limit = self.settings.connect.login_timeout;
                connection.query(&statement(kill), limit).await.map(drop)
            }
        }
    }
}

async fn kill_at(
    server: ServerAddr,
    login: &ClientLogin,
    kill: Kill,
    settings: &Settings,
) -> Result<(), PoolError> {
    let opening = ServerSession::open_further(server, login, &settings.identity, &settings.connect);
    let (mut session, _) = opening.await?;
    let limit = settings.connect.login_timeout;
    session.run(&statement(kill), limit).await
}

fn statement(kill: Kill) -> String {
    match kill.scope {
        KillScope::Query => format!("KILL QUERY {}", kill.id),
        KillScope::Connection => format!("KILL {}", kill.id),
    }
}

fn told(error: PoolError) -> SessionError {
    match error {
        refused @ PoolError::Refused { .. } => SessionError::Refused(refused),
        unreachable => SessionError::Unreachable(unreachable),
    }
}
