//! What lets a client in: the login of a server session, or what such a login is known to bring.

use crate::attempts::Attempts;
use crate::borrow::{self, Obtained, Purpose};
use crate::context::Context;
use crate::error::SessionError;
use crate::known_logins::LoginResult;
use crate::planner::no_server;
use crate::pooling::{self, Pooling, Verdict};
use crate::watch::Watch;
use odp_cluster::{DatabaseName, ServerAddr, TenantName};
use odp_pool::{AccountName, ClientLogin, PoolError, PoolKey, PoolMode, Retry, Sighting, Unproven};
use odp_routing::{Decision, LookupPhase, Observation, Request, Route};
use std::sync::Arc;
use std::time::Instant;

/// What lets a client in.
#[derive(Debug)]
pub(crate) enum Entrance {
    /// A server session, which it has now.
    Session(Box<Obtained>),
    /// What a login at this server would bring: the client has no server session yet.
    Known(ServerAddr, LoginResult),
}

impl Entrance {
    /// What the login brought.
    pub(crate) fn login_result(&self) -> LoginResult {
        match self {
            Self::Session(obtained) => LoginResult {
                variables: Arc::clone(&obtained.login),
                status: obtained.status,
            },
            Self::Known(_, result) => result.clone(),
        }
    }

    /// The server that it was, or would be, at.
    pub(crate) fn server(&self) -> ServerAddr {
        match self {
            Self::Session(obtained) => obtained.session.addr,
            Self::Known(server, _) => *server,
        }
    }
}

/// Tries servers of the tenant until there is a session on one, or one refuses the login. None is needed
/// where what it would answer is known.
pub(crate) async fn first_session(
    login: &ClientLogin,
    account: &AccountName,
    context: &Context,
) -> Result<(Entrance, Option<Pooling>), SessionError> {
    let verdict = pooling::identify(login, account, context);
    let pooling = match &verdict {
        Verdict::Proven(pooling) => Some(pooling),
        Verdict::Unproven(_) | Verdict::Unknown => None,
    };
    match try_servers(login, &account.tenant, pooling, context).await {
        Err(error) if pooling.is_some() && is_of_database(&error) => {
            // A session that is lent may remember older rights, and refuses in another order: only a login
            // of the client's own is answered as without a pool. The account is as it was.
            let entrance = try_servers(login, &account.tenant, None, context).await?;
            Ok((entrance, None))
        }
        Ok(entrance) => {
            if let Verdict::Unproven(Unproven::Password) = verdict {
                // The server knows a newer password than the proxy.
                context.credentials.doubt(account);
            }
            Ok((
                entrance,
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
) -> Result<Entrance, SessionError> {
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
        let key = pooling.and_then(|it| it.shared_key(route.server));
        if let Some(result) = key
            .as_ref()
            .and_then(|key| known_login(key, login, context))
        {
            return Ok(Entrance::Known(route.server, result));
        }
        let seen = context.credentials.sighting(Instant::now());
        let obtained = borrow::obtain(route.server, login, pooling, Purpose::Login, context);
        let watch = Watch::new(context, route.server, login.session_id.get());
        match watch.while_reachable(obtained).await {
            Ok(obtained) => {
                note_login(
                    &route,
                    &obtained,
                    key.as_ref().map(|key| (key, seen)),
                    context,
                );
                return Ok(Entrance::Session(Box::new(obtained)));
            }
            Err(error @ PoolError::Exhausted { .. }) => {
                return Err(SessionError::Unreachable(error));
            }
            Err(error) if error.retry() == Retry::Never => {
                return Err(SessionError::Refused(error));
            }
            Err(error) => {
                context.learn(&route, observation(&error));
                let error = match error {
                    PoolError::Refused { .. } => SessionError::Refused(error),
                    _ => SessionError::Unreachable(error),
                };
                if !attempts.goes_on_elsewhere(route.server, context.max_attempts()) {
                    return Err(error);
                }
                attempts.keep(error);
            }
        }
    }
}

/// What this login would bring at a server, where that need not be asked.
fn known_login(key: &PoolKey, login: &ClientLogin, context: &Context) -> Option<LoginResult> {
    let now = Instant::now();
    let believes = |sighting| context.credentials.believes(sighting, now);
    let database = login.response.database.as_deref();
    let known = context.known_logins.borrow();
    let result = known.find(key, database, believes)?;
    context.pools.note_saved_login(key, PoolMode::Transaction);
    Some(result)
}

/// Takes in what follows from a login for others; `shared` says whose sessions it is among, and when it began.
fn note_login(
    route: &Route,
    obtained: &Obtained,
    shared: Option<(&PoolKey, Sighting)>,
    context: &Context,
) {
    if let Some(answer) = &obtained.answer {
        let answered = Observation::Answered {
            partition_hit: None,
            schema_version: None,
        };
        context.learn(route, answered);
        context.server_version.learn(&answer.version);
    }
    if let (Some((key, seen)), Some((result, chosen))) = (shared, obtained.login_result()) {
        let mut known = context.known_logins.borrow_mut();
        known.note(key, result, seen, chosen);
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

/// Whether a server refuses the database that a login names: no right to it, or there is none.
fn is_of_database(error: &SessionError) -> bool {
    const OF_DATABASE: [u16; 2] = [1044, 1049];
    matches!(error, SessionError::Refused(PoolError::Refused { error, .. }) if OF_DATABASE.contains(&error.code))
}
