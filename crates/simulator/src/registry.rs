//! The sessions of a cluster, to list and to kill them from any node.

use crate::session::facts::Killed;
use parking_lot::Mutex;
use rusqlite::InterruptHandle;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Instant;

/// A session as others see it.
pub(crate) struct SessionHandle {
    /// The server's own id of the session.
    pub(crate) id: u32,
    /// What clients call it: the proxy's client session id, else the server's.
    pub(crate) visible_id: u32,
    /// When the client connected to its proxy, where there is one, microseconds since 1970.
    pub(crate) client_since_us: Option<u64>,
    pub(crate) proxy_id: u64,
    pub(crate) user: String,
    pub(crate) tenant: String,
    pub(crate) peer: String,
    /// The node that it is on.
    pub(crate) node: i64,
    pub(crate) since: Instant,
    pub(crate) database: Mutex<String>,
    /// The running statement.
    pub(crate) running: Mutex<Option<String>>,
    pub(crate) killed: Killed,
    pub(crate) interrupt: Mutex<Option<InterruptHandle>>,
    pub(crate) stream: TcpStream,
}

impl SessionHandle {
    /// Ends the running statement with 1317.
    pub(crate) fn kill_query(&self) {
        if self.running.lock().is_none() {
            return;
        }
        self.killed.set();
        if let Some(interrupt) = &*self.interrupt.lock() {
            interrupt.interrupt();
        }
    }

    /// Closes the connection, after ending what runs.
    pub(crate) fn kill(&self) {
        self.kill_query();
        // A connection that is gone already is as good as closed.
        self.stream.shutdown(Shutdown::Both).ok();
    }
}

impl fmt::Debug for SessionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionHandle")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// All sessions by server id.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    sessions: Mutex<BTreeMap<u32, Arc<SessionHandle>>>,
    /// Client sessions that were killed and when their clients had connected: their proxies cannot open
    /// further sessions for them (`kill_client_sess_map` of an `OBServer`).
    killed_clients: Mutex<HashMap<u32, u64>>,
}

impl Registry {
    pub(crate) fn add(&self, session: Arc<SessionHandle>) {
        self.sessions.lock().insert(session.id, session);
    }

    pub(crate) fn remove(&self, id: u32) {
        self.sessions.lock().remove(&id);
    }

    pub(crate) fn all(&self) -> Vec<Arc<SessionHandle>> {
        self.sessions.lock().values().cloned().collect()
    }

    /// Kills a session, and remembers its client if it came through a proxy.
    pub(crate) fn kill(&self, session: &SessionHandle) {
        if let Some(since) = session.client_since_us {
            self.killed_clients.lock().insert(session.visible_id, since);
        }
        session.kill();
    }

    /// Whether the client of this proxied session has been killed.
    pub(crate) fn is_killed(&self, session: &SessionHandle) -> bool {
        let killed = self.killed_clients.lock().get(&session.visible_id).copied();
        killed.is_some() && killed == session.client_since_us
    }

    /// The sessions that clients know by `id`; a proxy may have one on several nodes.
    pub(crate) fn find(&self, id: u32) -> Vec<Arc<SessionHandle>> {
        let matches = |session: &&Arc<SessionHandle>| session.visible_id == id || session.id == id;
        self.sessions
            .lock()
            .values()
            .filter(matches)
            .cloned()
            .collect()
    }
}
