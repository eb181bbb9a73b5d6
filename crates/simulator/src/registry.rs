//! The sessions of a cluster, to list and to kill them from any node.

use crate::session::facts::Killed;
use parking_lot::Mutex;
use rusqlite::InterruptHandle;
use serde::{Deserialize, Serialize};
use socket2::SockRef;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Whose session it is, from its login on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SessionIdentity {
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
}

/// A session as others see it.
pub(crate) struct SessionHandle {
    pub(crate) identity: SessionIdentity,
    /// The node that it is on.
    pub(crate) node: i64,
    pub(crate) since: Instant,
    pub(crate) database: Mutex<String>,
    /// The running statement.
    pub(crate) running: Mutex<Option<String>>,
    pub(crate) killed: Killed,
    pub(crate) interrupt: Mutex<Option<InterruptHandle>>,
    /// Somebody has killed it: what runs ends with 5066 instead of 1317.
    pub(crate) doomed: AtomicBool,
    /// It holds the turn to write.
    pub(crate) writing: AtomicBool,
    pub(crate) stream: TcpStream,
    /// The connection to the real engine, where that runs the session's SQL.
    pub(crate) engine: Option<TcpStream>,
}

/// A session as other nodes see it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SessionRow {
    pub(crate) identity: SessionIdentity,
    /// Seconds since it began.
    pub(crate) seconds: u64,
    pub(crate) database: String,
    pub(crate) running: Option<String>,
}

impl SessionHandle {
    fn row(&self) -> SessionRow {
        SessionRow {
            identity: self.identity.clone(),
            seconds: self.since.elapsed().as_secs(),
            database: self.database.lock().clone(),
            running: self.running.lock().clone(),
        }
    }

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

    /// Ends the session at the real engine, where it has one.
    fn leave_engine(&self) {
        if let Some(engine) = &self.engine {
            // One that is gone already is as good as closed.
            engine.shutdown(Shutdown::Both).ok();
        }
    }

    /// Closes the connection, after ending what runs.
    pub(crate) fn kill(&self) {
        self.kill_query();
        self.leave_engine();
        // A connection that is gone already is as good as closed.
        self.stream.shutdown(Shutdown::Both).ok();
    }

    /// Ends what runs, with an answer that says so, and then the session. One that is at rest is closed
    /// without a word.
    fn end(&self) {
        self.doomed.store(true, Ordering::Relaxed);
        self.kill_query();
        self.leave_engine();
        // The session reads the end of its connection next. One that is gone already is as good as closed.
        self.stream.shutdown(Shutdown::Read).ok();
    }

    /// Resets the connection: the peer gets an RST and no goodbye.
    pub(crate) fn reset(&self) {
        self.kill_query();
        self.leave_engine();
        // A connection that is gone already is as good as reset. The end of reading sends nothing, but
        // lets the session end, and without lingering its end is an RST.
        SockRef::from(&self.stream)
            .set_linger(Some(Duration::ZERO))
            .ok();
        self.stream.shutdown(Shutdown::Read).ok();
    }
}

impl fmt::Debug for SessionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionHandle")
            .field("identity", &self.identity)
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
        self.sessions.lock().insert(session.identity.id, session);
    }

    pub(crate) fn remove(&self, id: u32) {
        self.sessions.lock().remove(&id);
    }

    pub(crate) fn all(&self) -> Vec<Arc<SessionHandle>> {
        self.sessions.lock().values().cloned().collect()
    }

    /// The sessions as other nodes see them.
    pub(crate) fn rows(&self) -> Vec<SessionRow> {
        self.all().iter().map(|session| session.row()).collect()
    }

    /// Ends the running statements of the sessions with these server ids, where they are here.
    pub(crate) fn kill_queries(&self, ids: &[u32]) {
        for session in self.all() {
            if ids.contains(&session.identity.id) {
                session.kill_query();
            }
        }
    }

    /// Ends these sessions, where they are here, and remembers their clients if they came through a
    /// proxy.
    pub(crate) fn kill(&self, rows: &[SessionRow]) {
        for row in rows {
            if let Some(since) = row.identity.client_since_us {
                self.killed_clients
                    .lock()
                    .insert(row.identity.visible_id, since);
            }
        }
        for session in self.all() {
            if rows
                .iter()
                .any(|row| row.identity.id == session.identity.id)
            {
                session.end();
            }
        }
    }

    /// Whether the client of this proxied session has been killed.
    pub(crate) fn is_killed(&self, session: &SessionHandle) -> bool {
        let client = &session.identity;
        let killed = self.killed_clients.lock().get(&client.visible_id).copied();
        killed.is_some() && killed == client.client_since_us
    }
}
