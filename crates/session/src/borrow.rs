//! Where a client's server sessions come from: the pool, or a login of its own.

use crate::context::Context;
use crate::known_logins::LoginResult;
use crate::login::random_salt;
use crate::login_variables::LoginVariables;
use crate::pooling::{Pooling, may_be_pooled};
use crate::remains::Remains;
use crate::session_ids::LiveId;
use bytes::Bytes;
use odp_cluster::{DatabaseName, ServerAddr};
use odp_pool::{
    Ahead, ClientLogin, Lent, Loan, LoginAnswer, Need, OpenSlot, Parked, PoolError, ServerSession,
    Sighting,
};
use odp_protocol::StatusFlags;
use odp_protocol::auth::native_response;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

/// The variables that a login sets by the client's packet, and `COM_RESET_CONNECTION` to the tenant's
/// global values instead. Collation behind character set, which would overwrite it.
const OF_HANDSHAKE: [&str; 4] = [
    "character_set_client",
    "character_set_results",
    "collation_connection",
    "wait_timeout",
];

/// What the proxy knows of a server session that clients share.
#[derive(Debug)]
pub struct Left {
    /// What its login answered.
    pub(crate) login: Arc<LoginVariables>,
    /// The status flags of that answer.
    pub(crate) status: StatusFlags,
    /// Sets again what a reset does not.
    pub(crate) restore: Bytes,
    /// The id that it was opened with, which no client has.
    pub(crate) id: LiveId,
    /// Whether its current database was never chosen.
    pub(crate) is_bare: bool,
    /// Its current database, when the server was seen to let this account choose it.
    chosen: Option<(DatabaseName, Sighting)>,
    /// What its clients have left in it since it was last reset.
    pub(crate) remains: Remains,
    /// Whether it may outlive its client.
    pub(crate) may_be_pooled: bool,
}

/// The pools of server sessions, shared by the workers.
pub type ServerPools = odp_pool::Pools<Left>;

/// What ties a server session to the pool it came from.
#[derive(Debug)]
pub(crate) struct Borrowed {
    pub(crate) loan: Loan<Left>,
    pub(crate) left: Left,
}

/// Where a server session comes from, and so where it goes.
#[derive(Debug)]
pub(crate) enum Origin {
    /// It was logged in for its client and ends with it.
    Own,
    /// It goes back to its pool.
    Pool(Box<Borrowed>),
    /// It came from a pool of another process, with this id, and ends with its client.
    Adopted(LiveId),
}

impl Origin {
    /// The id of a server session that clients share.
    pub(crate) fn own_id(&self) -> Option<&LiveId> {
        match self {
            Self::Own => None,
            Self::Pool(borrowed) => Some(&borrowed.left.id),
            Self::Adopted(id) => Some(id),
        }
    }
}

/// A server session that a client has just got.
#[derive(Debug)]
pub(crate) struct Obtained {
    pub(crate) session: ServerSession,
    /// The variables of its login.
    pub(crate) login: Arc<LoginVariables>,
    /// The status flags of a login.
    pub(crate) status: StatusFlags,
    /// The answer to its login, when there was one just now.
    pub(crate) answer: Option<LoginAnswer>,
    pub(crate) origin: Origin,
}

/// What a client needs a server session for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Its login: the database that it names is chosen, as a login does.
    Login,
    /// A further session for a client that has a current database or none.
    Further {
        /// Whether it has one.
        has_database: bool,
    },
}

impl Obtained {
    /// What its login brought, and the database that it was seen to choose, when a login that others make
    /// would bring the same.
    pub(crate) fn login_result(&self) -> Option<(LoginResult, Option<&(DatabaseName, Sighting)>)> {
        let Origin::Pool(borrowed) = &self.origin else {
            return None;
        };
        let result = LoginResult {
            variables: Arc::clone(&self.login),
            status: self.status,
        };
        let left = &borrowed.left;
        left.may_be_pooled.then_some((result, left.chosen.as_ref()))
    }

    /// Counts a login that was saved.
    fn note_reuse(&self, purpose: Purpose) {
        if purpose == Purpose::Login
            && let Origin::Pool(borrowed) = &self.origin
        {
            let counters = borrowed.loan.counters();
            counters.saved_logins.fetch_add(1, Relaxed);
        }
    }
}

impl Left {
    fn new(login: Arc<LoginVariables>, status: StatusFlags, id: LiveId, is_bare: bool) -> Self {
        Self {
            restore: login.set_statement(&OF_HANDSHAKE),
            may_be_pooled: may_be_pooled(&login),
            login,
            status,
            id,
            is_bare,
            chosen: None,
            remains: Remains::default(),
        }
    }

    /// Whether this database is the current one already, and that is as good as asking.
    fn has_chosen(&self, name: &[u8], context: &Context) -> bool {
        let Some((chosen, sighting)) = &self.chosen else {
            return false;
        };
        let is_it = chosen.as_str().as_bytes() == name;
        is_it && context.credentials.believes(*sighting, Instant::now())
    }

    /// Takes in the current database that the client leaves; empty when it has chosen none.
    pub(crate) fn note_database(&mut self, name: &DatabaseName) {
        self.is_bare &= name.is_empty();
        self.chosen.take_if(|(chosen, _)| chosen != name);
    }
}

/// Gets a session at this server for a client.
///
/// # Errors
/// [`PoolError::Refused`] with the server's words when it does not take the login or the database.
pub(crate) async fn obtain(
    addr: ServerAddr,
    login: &ClientLogin,
    pooling: Option<&Pooling>,
    purpose: Purpose,
    context: &Context,
) -> Result<Obtained, PoolError> {
    let Some(pooling) = pooling else {
        let _turn = context.pools.admission(addr).await?;
        let (session, answer) = Box::pin(log_in(addr, login, purpose, context)).await?;
        let (login, status) = read_answer(addr, &answer, context)?;
        return Ok(Obtained {
            session,
            login,
            status,
            answer: Some(answer),
            origin: Origin::Own,
        });
    };
    let key = pooling.key(addr);
    let database = match purpose {
        Purpose::Login => login.response.database.as_deref(),
        Purpose::Further { .. } => None,
    };
    let has_database = match purpose {
        Purpose::Login => database.is_some(),
        Purpose::Further { has_database } => has_database,
    };
    let need = Need {
        thread: context.thread,
        is_bare: !has_database,
        mode: pooling.mode,
    };
    context
        .pools
        .note_template(&key, pooling.mode, || template(login, pooling));
    loop {
        match context.pools.lend(&key, need).await? {
            Lent::Open(slot) => {
                // Boxed: a session that is there needs no room for a login.
                return Box::pin(open(slot, addr, login, purpose, context)).await;
            }
            Lent::Idle(parked, loan) => {
                if let Some(obtained) = take_up(parked, loan, database, context).await? {
                    obtained.note_reuse(purpose);
                    return Ok(obtained);
                }
            }
        }
    }
}

/// The login that the proxy makes by itself for this identity: over a salt of its own, so that what the
/// client sent is used for the client alone.
fn template(login: &ClientLogin, pooling: &Pooling) -> ClientLogin {
    let salt = random_salt();
    let mut own = ClientLogin {
        proxy_salt: salt,
        ..login.clone()
    };
    if let Some(secret) = &pooling.secret {
        own.response.auth = native_response(secret.reveal(), &salt).to_vec();
    }
    own.response.database = None;
    own
}

/// Makes a session from the pool the client's; `None` when it broke over that.
async fn take_up(
    parked: Parked<Left>,
    mut loan: Loan<Left>,
    database: Option<&[u8]>,
    context: &Context,
) -> Result<Option<Obtained>, PoolError> {
    let Parked {
        mut session,
        notes: mut left,
    } = parked;
    left.login = context.variable_sets.borrow_mut().adopt(left.login);
    if let Some(name) = database.filter(|name| !left.has_chosen(name, context)) {
        // The server checks existence and rights, and reads the rights in it anew.
        let name = String::from_utf8_lossy(name);
        let limit = context.settings.connect.login_timeout;
        let sighting = context.credentials.sighting(Instant::now());
        left.chosen = None;
        match session.choose_database(&name, limit).await {
            Ok(()) => {
                left.is_bare = false;
                left.chosen = Some((DatabaseName::new(name), sighting));
            }
            Err(refusal @ PoolError::Refused { .. }) => {
                let is_bare = left.is_bare;
                let notes = left;
                loan.give_back(Parked { session, notes }, is_bare);
                return Err(refusal);
            }
            Err(_) => {
                loan.is_dead();
                return Ok(None);
            }
        }
    }
    Ok(Some(Obtained {
        session,
        login: Arc::clone(&left.login),
        status: left.status,
        answer: None,
        origin: Origin::Pool(Box::new(Borrowed { loan, left })),
    }))
}

/// Logs in with an id of the session's own, for it may outlive the client.
async fn open(
    slot: OpenSlot<Left>,
    addr: ServerAddr,
    login: &ClientLogin,
    purpose: Purpose,
    context: &Context,
) -> Result<Obtained, PoolError> {
    let _turn = context.pools.admission(addr).await?;
    let id = context.ids.allocate_for_server();
    let login = ClientLogin {
        session_id: id.get(),
        ..login.clone()
    };
    let sighting = context.credentials.sighting(Instant::now());
    let (session, answer) = log_in(addr, &login, purpose, context).await?;
    let loan = slot.opened();
    let (variables, status) = read_answer(addr, &answer, context)?;
    let named = login.response.database.as_deref();
    let named = named.filter(|_| purpose == Purpose::Login);
    let mut left = Left::new(Arc::clone(&variables), status, id, named.is_none());
    let chosen = named.map(|name| DatabaseName::new(String::from_utf8_lossy(name)));
    left.chosen = chosen.map(|name| (name, sighting));
    Ok(Obtained {
        session,
        login: variables,
        status,
        answer: Some(answer),
        origin: Origin::Pool(Box::new(Borrowed { loan, left })),
    })
}

/// Opens a session before anybody asks, with the password that a client has proved.
///
/// # Errors
/// When the server does not take the login.
pub(crate) async fn open_ahead(ahead: Ahead<Left>, context: &Context) -> Result<(), PoolError> {
    let Ahead { key, login, slot } = ahead;
    let purpose = Purpose::Further {
        has_database: false,
    };
    let obtained = open(slot, key.server, &login, purpose, context).await?;
    if let Origin::Pool(borrowed) = obtained.origin
        && borrowed.left.may_be_pooled
    {
        let Borrowed { loan, left } = *borrowed;
        loan.counters().opened_ahead.fetch_add(1, Relaxed);
        let (is_bare, session, notes) = (left.is_bare, obtained.session, left);
        loan.give_back(Parked { session, notes }, is_bare);
    }
    Ok(())
}

async fn log_in(
    addr: ServerAddr,
    login: &ClientLogin,
    purpose: Purpose,
    context: &Context,
) -> Result<(ServerSession, LoginAnswer), PoolError> {
    let (identity, options) = (&context.settings.identity, &context.settings.connect);
    match purpose {
        Purpose::Login => ServerSession::open_first(addr, login, identity, options).await,
        Purpose::Further { .. } => {
            ServerSession::open_further(addr, login, identity, options).await
        }
    }
}

fn read_answer(
    addr: ServerAddr,
    answer: &LoginAnswer,
    context: &Context,
) -> Result<(Arc<LoginVariables>, StatusFlags), PoolError> {
    let broken = |source: odp_protocol::ProtocolError| PoolError::Broken {
        addr,
        source: source.into(),
    };
    let ok = answer.packet().map_err(broken)?;
    let set = LoginVariables::parse(ok.changes).map_err(broken)?;
    let mut status = ok.status;
    status.remove(StatusFlags::SERVER_SESSION_STATE_CHANGED);
    Ok((context.variable_sets.borrow_mut().share(set), status))
}
