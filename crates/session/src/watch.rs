//! Watches over waits on a server: tells discovery about them, and ends those that nobody will answer.
//!
//! A wait that is short costs nothing here. One that is not asks the kernel about its connection now and
//! then, reports what it finds, and looks up what discovery makes of the server.

use crate::context::Context;
use odp_cluster::ServerAddr;
use odp_pool::PoolError;
use odp_protocol::stream::Stream;
use odp_routing::{Detected, Evidence, Sign};
use std::time::{Duration, Instant as StdInstant};
use tokio::time::{Instant, sleep};

/// How long a wait is nobody's business.
pub(crate) const FIRST_LOOK: Duration = Duration::from_millis(200);
/// How long something may stay without acknowledgement, repeated by the kernel, until the connection
/// counts as stuck.
const STUCK_AFTER: Duration = Duration::from_millis(300);
/// The longest time between two looks.
const SELDOM: Duration = Duration::from_millis(500);

/// Why a wait on a server is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// Probes say that the server is dead.
    Dead,
    /// Nothing sent over this connection arrives, and there is no other way to the server.
    Stuck,
}

impl Lost {
    /// In words, behind "the server".
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Dead => "it does not answer probes",
            Self::Stuck => "what is sent to it does not arrive",
        }
    }
}

/// The eye on one connection to a server.
#[derive(Clone, Copy)]
pub(crate) struct Watch<'a> {
    context: &'a Context,
    server: ServerAddr,
    connection: u32,
}

impl<'a> Watch<'a> {
    /// An eye on the connection to `server` of the client with the id `connection`.
    pub(crate) fn new(context: &'a Context, server: ServerAddr, connection: u32) -> Self {
        Self {
            context,
            server,
            connection,
        }
    }

    /// Looks after a wait of `waited` on `stream`.
    pub(crate) fn look(&self, stream: &Stream, waited: Duration) -> Option<Lost> {
        let is_stuck = waited >= STUCK_AFTER && is_unacknowledged(stream);
        let now = StdInstant::now();
        let sign = if is_stuck {
            Sign::Stuck {
                connection: self.connection,
                since: now.checked_sub(waited).unwrap_or(now),
            }
        } else {
            Sign::Waiting
        };
        self.report(sign);
        match self.context.router.router().vital(self.server) {
            Detected::Dead => Some(Lost::Dead),
            Detected::Unreachable if is_stuck => Some(Lost::Stuck),
            Detected::Unreachable | Detected::Alive => None,
        }
    }

    /// Opens a connection, but does not go on when there is no way to the server any more: a login
    /// changes nothing, so it can be made elsewhere.
    pub(crate) async fn while_reachable<T>(
        &self,
        opening: impl Future<Output = Result<T, PoolError>>,
    ) -> Result<T, PoolError> {
        let started = Instant::now();
        let was_reachable = self.vital() == Detected::Alive;
        let lost = async {
            loop {
                sleep(next_look(started.elapsed())).await;
                self.report(Sign::Waiting);
                if was_reachable && self.vital() != Detected::Alive {
                    return;
                }
            }
        };
        tokio::select! {
            biased;
            opened = opening => opened,
            () = lost => Err(PoolError::Timeout {
                addr: self.server,
                step: "the login, and does not answer probes either,",
                limit_ms: started.elapsed().as_millis(),
            }),
        }
    }

    fn vital(&self) -> Detected {
        self.context.router.router().vital(self.server)
    }

    fn report(&self, sign: Sign) {
        self.context.lookup.report(Evidence {
            server: self.server,
            sign,
        });
    }
}

/// How long after `waited` the next look is: soon at first, when it can still save a client time.
pub(crate) fn next_look(waited: Duration) -> Duration {
    if waited < FIRST_LOOK {
        FIRST_LOOK.saturating_sub(waited)
    } else {
        (waited / 8).clamp(Duration::from_millis(55), SELDOM)
    }
}

/// Whether the kernel has sent something a second time and heard nothing.
fn is_unacknowledged(stream: &Stream) -> bool {
    let info = stream
        .socket()
        .and_then(|socket| odp_sys::tcp_info(socket).ok());
    info.is_some_and(|info| info.retransmits > 0 && info.unacknowledged_segments > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_grow_rare() {
        let mut waited = Duration::ZERO;
        let mut looks = Vec::new();
        while waited < Duration::from_secs(10) {
            waited += next_look(waited);
            looks.push(waited.as_millis());
        }
        assert_eq!(looks[..4], [200, 255, 310, 365]);
        assert!(looks.len() < 45, "{looks:?}");
    }
}
