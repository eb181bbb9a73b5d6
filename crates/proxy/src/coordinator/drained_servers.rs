//! The servers that the operator has taken out, kept over restarts, crashes and reboots.

use super::state_dir::StateDir;
use crate::notice::Notice;
use odp_admin::{ServerCommand, ServerRefusal};
use odp_restart::Handle;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::Mutex;

/// The set; one change is made at a time, so that disk and data plane see the same order.
#[derive(Debug)]
pub(crate) struct DrainedServers {
    servers: Mutex<BTreeSet<SocketAddr>>,
    state: Option<Arc<StateDir>>,
}

impl DrainedServers {
    /// The set that was kept.
    pub(crate) fn open(state: Option<Arc<StateDir>>) -> Self {
        let kept = state.as_ref().map(|state| state.drained());
        Self {
            servers: Mutex::new(kept.unwrap_or_default()),
            state,
        }
    }

    /// What a data plane is told of it at the start.
    pub(crate) fn notice(&mut self) -> Vec<u8> {
        notice(self.servers.get_mut())
    }

    /// Takes a server out or lets it back. `known` is the cluster as the data plane told it; none
    /// before it has.
    ///
    /// # Errors
    /// When there is no such server, or the change cannot be kept; nothing has changed then.
    pub(crate) async fn change(
        &self,
        addr: SocketAddr,
        command: ServerCommand,
        known: Option<&[SocketAddr]>,
        handle: &Handle,
    ) -> Result<(), ServerRefusal> {
        let mut servers = self.servers.lock().await;
        // A server that has left the cluster meanwhile can still be struck off.
        if !servers.contains(&addr) {
            let unheard = "the data plane has not told the servers of the cluster yet";
            let known = known.ok_or_else(|| ServerRefusal::Unavailable(unheard.to_owned()))?;
            if !known.contains(&addr) {
                return Err(ServerRefusal::Unknown);
            }
        }
        let mut wanted = servers.clone();
        match command {
            ServerCommand::Drain => wanted.insert(addr),
            ServerCommand::Undrain => wanted.remove(&addr),
        };
        if wanted != *servers {
            self.keep(wanted.clone()).await.map_err(|error| {
                let reason = format!("the wish cannot be kept in state_dir: {error}");
                ServerRefusal::Unavailable(reason)
            })?;
            tracing::info!(server = %addr, ?command, "the operator's wish");
            *servers = wanted;
        }
        handle.notice(notice(&servers)).await;
        Ok(())
    }

    /// A slow disk must not hold up the coordinator's thread.
    async fn keep(&self, servers: BTreeSet<SocketAddr>) -> std::io::Result<()> {
        let Some(state) = self.state.as_ref().map(Arc::clone) else {
            return Ok(());
        };
        let written = tokio::task::spawn_blocking(move || state.keep_drained(&servers)).await;
        written.map_err(std::io::Error::other)?
    }
}

fn notice(servers: &BTreeSet<SocketAddr>) -> Vec<u8> {
    let drained = servers.iter().copied().collect();
    Notice { drained }.to_bytes()
}
