//! Whether a server may get a request: asked of the blacklist, with or without taking a probe.

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
    pub(crate) effects: Effects,
}

/// Whether a decision is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effects {
    /// It is: probes and refreshes are claimed for it.
    Claim,
    /// It is only looked at.
    None,
}

impl Choice<'_> {
    /// Whether `server` may get the request; claims the probe of a listed server that is due.
    pub(crate) fn takes(&self, server: ServerAddr) -> bool {
        if self.is_excluded(server) {
            return false;
        }
        match self.blacklist.admits(server, self.now) {
            Admission::Yes => true,
            Admission::Probe if self.effects == Effects::None => true,
            Admission::Probe => self.blacklist.claim_probe(server, self.limits, self.now),
            Admission::No => false,
        }
    }

    /// The session's last server, when it may get the request.
    pub(crate) fn last_server(&self) -> Option<ServerAddr> {
        self.request.last_server.filter(|&last| self.takes(last))
    }

    /// Whether the server was tried already.
    pub(crate) fn is_excluded(&self, server: ServerAddr) -> bool {
        self.request.excluded.contains(&server)
    }
}
