//! Whether a server may get a request: asked of the blacklist, with or without taking a probe.

use crate::blacklist::{Admission, Blacklist};
use crate::{Request, RouterLimits};
use odp_cluster::ServerAddr;
use std::cell::Cell;
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
    /// The listed server whose probe was claimed on the way.
    pub(crate) claimed: &'a Cell<Option<ServerAddr>>,
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
    /// How little hope the passes over servers of which every one is listed make do with, in order.
    pub(crate) const DESPAIR: [u8; 3] = [0, 1, 2];

    /// Whether `server` may get the request; claims the probe of a listed server that is due.
    pub(crate) fn takes(&self, server: ServerAddr) -> bool {
        if self.is_excluded(server) {
            return false;
        }
        match self.blacklist.admits(server, self.now) {
            Admission::Yes => true,
            Admission::Probe if self.effects == Effects::None => true,
            Admission::Probe => self.claims_probe(server),
            Admission::No => false,
        }
    }

    fn claims_probe(&self, server: ServerAddr) -> bool {
        let claims = self.blacklist.claim_probe(server, self.limits, self.now);
        if claims && let Some(other) = self.claimed.replace(Some(server)) {
            self.blacklist.give_up_probe(other, self.now);
        }
        claims
    }

    /// Whether `server` comes behind its equals because it is slow. One request of some is not so choosy, so
    /// that it shows when the server is quick again.
    pub(crate) fn is_put_behind(&self, server: ServerAddr) -> bool {
        self.blacklist.is_slow(server, self.now) && !is_trial(self.rotation)
    }

    /// Whether `server` may be used though it is listed, in the pass for as little hope as `despair`.
    pub(crate) fn takes_listed(&self, server: ServerAddr, despair: u8) -> bool {
        let hope = self.blacklist.despair(server);
        !self.is_excluded(server) && hope.is_some_and(|own| own <= despair)
    }

    /// The session's last server, when it may get the request and is none to move away from.
    pub(crate) fn last_server(&self) -> Option<ServerAddr> {
        let last = self.request.last_server?;
        (!self.is_put_behind(last) && self.takes(last)).then_some(last)
    }

    /// Whether the server was tried already.
    pub(crate) fn is_excluded(&self, server: ServerAddr) -> bool {
        self.request.excluded.contains(&server)
    }
}

/// True for one turn of sixteen, in no step with any number of servers.
fn is_trial(rotation: usize) -> bool {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    (rotation as u64).wrapping_mul(GOLDEN) >> 60 == 0
}
