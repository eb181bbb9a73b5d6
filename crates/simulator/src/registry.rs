//! The sessions of a cluster, to list and to kill them from any node.

use crate::session::facts::Killed;
use parking_lot::Mutex;
use rusqlite::InterruptHandle;
use std::collections::BTreeMap;
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
pub(crate) struct Registry(Mutex<BTreeMap<u32, Arc<SessionHandle>>>);

impl Registry {
    pub(crate) fn add(&self, session: Arc<SessionHandle>) {
        self.0.lock().insert(session.id, session);
    }

    pub(crate) fn remove(&self, id: u32) {
        self.0.lock().remove(&id);
    }

    pub(crate) fn all(&self) -> Vec<Arc<SessionHandle>> {
        self.0.lock().values().cloned().collect()
    }

    /// The sessions that clients know by `id`; a proxy may have one on several nodes.
    pub(crate) fn find(&self, id: u32) -> Vec<Arc<SessionHandle>> {
        let matches = |session: &&Arc<SessionHandle>| session.visible_id == id || session.id == id;
        self.0.lock().values().filter(matches).cloned().collect()
    }
}
