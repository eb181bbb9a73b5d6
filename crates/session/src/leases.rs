//! The server sessions that a client holds: at most one a server.

use crate::borrow::Origin;
use crate::give_back;
use crate::login_variables::LoginVariables;
use crate::prepared::Prepared;
use crate::remains::Remains;
use crate::session_ids::Place;
use crate::state::SessionState;
use crate::sync::SyncStep;
use bytes::Bytes;
use odp_cluster::{ClientSessionId, DatabaseName, ServerAddr};
use odp_pool::ServerSession;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::{HashMap, VecDeque};

/// How far a server session has followed its client; plain data.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Synced {
    /// The version of the variables that it has.
    pub(crate) variables: u64,
    /// Variables that its login set to other values than the client's own login.
    pub(crate) corrections: Vec<SmolStr>,
    /// User variables that another client has left in it.
    pub(crate) strangers: Vec<SmolStr>,
    /// Its current database.
    pub(crate) database: DatabaseName,
    /// The statements it knows, by the client's ids.
    pub(crate) prepared: HashMap<u32, ServerStatement>,
    /// How many of them its server takes, once that has refused one more.
    pub(crate) statements_max: Option<usize>,
    /// Counts the uses of statements.
    pub(crate) uses: u64,
}

/// A prepared statement on one server session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ServerStatement {
    /// The server's id.
    pub(crate) id: u32,
    /// Whether this server session has seen the parameter types.
    pub(crate) has_types: bool,
    /// Whether its text was read here as where the client prepared it.
    pub(crate) is_as_prepared: bool,
    /// When it was used last, by the server session's own count.
    pub(crate) used: u64,
}

/// A server session on loan to a client.
#[derive(Debug)]
pub(crate) struct Lease {
    /// The connection.
    pub(crate) session: ServerSession,
    /// How far it has followed.
    pub(crate) synced: Synced,
    /// Where it comes from.
    pub(crate) origin: Origin,
}

/// All server sessions of a client.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    leases: Vec<Lease>,
}

impl Synced {
    /// A server session of a client that it has not seen yet: `login` is what its login answered, and
    /// `remains` what the clients before have left there.
    pub(crate) fn at_login(
        state: &SessionState,
        login: &LoginVariables,
        remains: Option<&mut Remains>,
    ) -> Self {
        let mut synced = remains.map_or_else(Self::default, |it| it.synced_for(state));
        synced
            .corrections
            .extend(state.variables.corrections(login));
        synced
    }

    /// Takes in that a statement of the client's has just been prepared: `known` to the server.
    pub(crate) fn learn_statement(&mut self, id: u32, known: ServerStatement) {
        self.prepared.insert(id, known);
        self.use_statement(id);
    }

    /// Notes that the request at hand is about this statement of the client's.
    pub(crate) fn use_statement(&mut self, id: u32) {
        self.uses += 1;
        if let Some(known) = self.prepared.get_mut(&id) {
            known.used = self.uses;
        }
    }

    /// Forgets the statement that was not used for longest, of those that `may_go`; answers the server's
    /// id of it, to be closed there.
    pub(crate) fn forget_oldest(&mut self, may_go: impl Fn(u32) -> bool) -> Option<u32> {
        let candidates = self.prepared.iter().filter(|(id, _)| may_go(**id));
        let oldest = candidates.min_by_key(|(_, known)| known.used);
        let id = oldest.map(|(id, _)| *id)?;
        self.prepared.remove(&id).map(|known| known.id)
    }
}

impl ServerStatement {
    /// A statement that the server knows by this id, and has not run for the client yet.
    pub(crate) fn new(id: u32, is_as_prepared: bool) -> Self {
        Self {
            id,
            has_types: false,
            is_as_prepared,
            used: 0,
        }
    }
}

impl Lease {
    /// A session that `client` has just got.
    pub(crate) fn new(session: ServerSession, origin: Origin, client: ClientSessionId) -> Self {
        if let Some(id) = origin.own_id() {
            id.lend_to(client);
        }
        Self {
            session,
            synced: Synced::default(),
            origin,
        }
    }

    /// What the clients before have left in it.
    pub(crate) fn remains(&mut self) -> Option<&mut Remains> {
        match &mut self.origin {
            Origin::Pool(borrowed) => Some(&mut borrowed.left.remains),
            Origin::Own | Origin::Adopted(_) => None,
        }
    }

    /// Makes room for the statements that are about to be prepared, where clients share the session:
    /// that of the client's own PREPARE and those of `steps`.
    pub(crate) fn make_room(
        &mut self,
        state: &SessionState,
        text: Option<&Bytes>,
        steps: &VecDeque<SyncStep>,
    ) {
        let Origin::Pool(borrowed) = &mut self.origin else {
            return;
        };
        let new = text.map(|text| Prepared::new(text.clone(), 0, state.statement_context()));
        let known = steps.iter().filter_map(|step| match step {
            SyncStep::Prepare { statement, .. } => state.prepared.get(*statement),
            _ => None,
        });
        for statement in new.as_ref().into_iter().chain(known) {
            for id in borrowed.left.remains.make_room(statement, &self.synced) {
                give_back::close_statement(&mut self.session, id);
            }
        }
    }

    /// Keeps the server's statement of one that the client closes, where others may have use for it;
    /// answers what is to be closed there.
    pub(crate) fn keep_statement(
        &mut self,
        statement: &Prepared,
        known: ServerStatement,
    ) -> Vec<u32> {
        match &mut self.origin {
            Origin::Pool(borrowed) => borrowed.left.remains.keep(statement, known, &self.synced),
            Origin::Own | Origin::Adopted(_) => vec![known.id],
        }
    }

    /// Whether others may have it after its client.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self.origin, Origin::Pool(_))
    }

    /// Where it is, for those who want to kill what it does.
    pub(crate) fn place(&self) -> Place {
        Place {
            server: self.session.addr,
            visible_id: self.session.visible_id,
        }
    }
}

impl Leases {
    /// The lease of this server.
    pub(crate) fn get_mut(&mut self, server: ServerAddr) -> Option<&mut Lease> {
        self.leases
            .iter_mut()
            .find(|lease| lease.session.addr == server)
    }

    /// Whether there is a lease of this server whose connection still stands, as far as can be told
    /// without waiting. One that does not is dropped.
    pub(crate) fn has_live(&mut self, server: ServerAddr) -> bool {
        let Some(at) = self
            .leases
            .iter()
            .position(|lease| lease.session.addr == server)
        else {
            return false;
        };
        let stirred = self
            .leases
            .get_mut(at)
            .is_none_or(|lease| lease.session.stream.has_stirred());
        if stirred {
            self.leases.swap_remove(at);
        }
        !stirred
    }

    /// Adds a lease.
    pub(crate) fn add(&mut self, lease: Lease) {
        self.leases.push(lease);
    }

    /// Takes the lease of this server out.
    pub(crate) fn take(&mut self, server: ServerAddr) -> Option<Lease> {
        let is_there = |lease: &Lease| lease.session.addr == server;
        let at = self.leases.iter().position(is_there)?;
        Some(self.leases.swap_remove(at))
    }

    /// Closes the server session at this server.
    pub(crate) fn remove(&mut self, server: ServerAddr) {
        self.leases.retain(|lease| lease.session.addr != server);
    }

    /// Closes all but the one at this server.
    pub(crate) fn keep_only(&mut self, server: ServerAddr) {
        self.leases.retain(|lease| lease.session.addr == server);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.leases.len()
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.leases.is_empty()
    }

    /// Each of them.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Lease> {
        self.leases.iter_mut()
    }

    /// Takes them out, to be handed on.
    pub(crate) fn take_all(&mut self) -> Vec<Lease> {
        std::mem::take(&mut self.leases)
    }

    /// The same, for the last time.
    pub(crate) fn into_vec(self) -> Vec<Lease> {
        self.leases
    }
}
