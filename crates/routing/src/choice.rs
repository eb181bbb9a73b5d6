//! Chooses among servers: the leader, a replica, the last server, any server of the tenant.

use crate::blacklist::{Admission, Blacklist};
use crate::{Request, RouterLimits};
use odp_cluster::ServerAddr;
use std::time::Instant;

/// What a choice is made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choice<'a> {
    pub(crate) blacklist: &'a Blacklist,
    pub(crate) limits: &'a RouterLimits,
    pub(crate) request: &'a Request<'a>,
    /// Where to begin in a list of equals, so that requests spread.
    pub(crate) rotation: usize,
    pub(crate) now: Instant,
}

impl Choice<'_> {
    /// Whether `server` may get the request; claims the probe of a listed server that is due.
    pub(crate) fn takes(&self, server: ServerAddr) -> bool {
        if self.is_excluded(server) {
            return false;
        }
        match self.blacklist.admits(server, self.now) {
            Admission::Yes => true,
            Admission::Probe => self.blacklist.claim_probe(server, self.limits, self.now),
            Admission::No => false,
        }
    }

    /// The session's last server, when it may get the request.
    pub(crate) fn last_server(&self) -> Option<ServerAddr> {
        self.request.last_server.filter(|&last| self.takes(last))
    }

    /// The first usable server of a list, beginning at the rotation.
    pub(crate) fn any(
        &self,
        servers: impl ExactSizeIterator<Item = ServerAddr> + Clone,
    ) -> Option<ServerAddr> {
        self.rotated(servers).find(|&server| self.takes(server))
    }

    /// The first server of a list that has not been tried yet, listed or not.
    pub(crate) fn forced(
        &self,
        servers: impl ExactSizeIterator<Item = ServerAddr> + Clone,
    ) -> Option<ServerAddr> {
        self.rotated(servers)
            .find(|&server| !self.is_excluded(server))
    }

    fn rotated(
        &self,
        servers: impl ExactSizeIterator<Item = ServerAddr> + Clone,
    ) -> impl Iterator<Item = ServerAddr> {
        let start = self.rotation.checked_rem(servers.len()).unwrap_or(0);
        let count = servers.len();
        servers.clone().chain(servers).skip(start).take(count)
    }

    fn is_excluded(&self, server: ServerAddr) -> bool {
        self.request.excluded.contains(&server)
    }
}
