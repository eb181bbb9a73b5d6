//! A command that would have to be held as a whole and is too large for that: it is let pass, and its client
//! is told.

use crate::answer;
use crate::error::SessionError;
use crate::session::Session;
use odp_protocol::PacketTracker;
use serde::{Deserialize, Serialize};

/// A command that is let pass, as plain data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Oversize {
    /// What of it has come.
    packet: PacketTracker,
    /// What the session would hold with it, in bytes.
    held: usize,
    /// What it may hold.
    limit: usize,
}

impl Oversize {
    /// A command of which nothing has been let pass.
    pub(crate) fn new(held: usize, limit: usize) -> Self {
        Self {
            packet: PacketTracker::default(),
            held,
            limit,
        }
    }
}

impl Session {
    /// Drops what has come of a command that is too large; says whether it has just ended, so that its
    /// answer is to be sent.
    pub(crate) fn let_pass(&mut self) -> bool {
        let Some(oversize) = &mut self.oversize else {
            return false;
        };
        let count = oversize.packet.advance(self.client.inbound());
        self.client.consume(count);
        if !oversize.packet.is_done() {
            return false;
        }
        let sequence = oversize.packet.next_sequence();
        let (held, limit) = (oversize.held, oversize.limit);
        self.oversize = None;
        self.client.shed();
        if let Some(packet) = (SessionError::TooMuchMemory { held, limit }).to_client() {
            answer::put_error(self.client.outbound(), sequence, &packet);
        }
        true
    }
}
