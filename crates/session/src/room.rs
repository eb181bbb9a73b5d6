//! Room for prepared statements in a server session: it holds so many and no more, and the one that was not
//! used for longest is prepared again when it is wanted.

use crate::context::Context;
use crate::exchange::Stage;
use crate::give_back;
use crate::session::Session;
use crate::sync::SyncStep;
use odp_cluster::ServerAddr;
use odp_protocol::ErrPacket;

/// What an `OBServer` says when a session has as many statements as `open_cursors` allows
/// (`OB_ERR_OPEN_CURSORS_EXCEEDED`).
pub(crate) const TOO_MANY_STATEMENTS: u16 = 5930;

impl Session {
    /// Closes statements at `server` until one more has room there. Nobody answers that, so it travels
    /// with the request.
    pub(crate) fn make_room(&mut self, server: ServerAddr, context: &Context) {
        let configured = match context.settings.max_server_statements {
            0 => usize::MAX,
            limit => limit,
        };
        loop {
            let Some(lease) = self.leases.get_mut(server) else {
                return;
            };
            let limit = lease.synced.statements_max.unwrap_or(configured);
            let is_full = lease.synced.prepared.len() >= limit.min(configured);
            if !is_full || !self.close_oldest(server) {
                return;
            }
        }
    }

    /// A server has refused one more statement for having enough: makes room, and remembers how many are
    /// enough. `false` when there is nothing to close, or the error is another one.
    pub(crate) fn makes_room(&mut self, server: ServerAddr, code: u16) -> bool {
        if code != TOO_MANY_STATEMENTS {
            return false;
        }
        if let Some(lease) = self.leases.get_mut(server) {
            lease.synced.statements_max = Some(lease.synced.prepared.len().max(1));
        }
        self.close_oldest(server)
    }

    /// The same for a statement that the proxy itself wanted to prepare: it does so again.
    pub(crate) fn prepares_again(&mut self, error: &ErrPacket) -> bool {
        let Some(exchange) = &self.exchange else {
            return false;
        };
        let Stage::Sync {
            step: step @ SyncStep::Prepare { .. },
            ..
        } = &exchange.stage
        else {
            return false;
        };
        let (server, step) = (exchange.server, step.clone());
        if !self.makes_room(server, error.code) {
            return false;
        }
        if let Some(exchange) = &mut self.exchange {
            exchange.steps.push_front(step);
            exchange.stage = Stage::Ready;
        }
        true
    }

    /// Closes the statement that was not used for longest and that the server holds nothing for.
    fn close_oldest(&mut self, server: ServerAddr) -> bool {
        let statements = &self.state.prepared;
        let Some(lease) = self.leases.get_mut(server) else {
            return false;
        };
        let oldest = lease
            .synced
            .forget_oldest(|id| !statements.holds(id, server));
        if let Some(id) = oldest {
            if let Some(remains) = lease.remains() {
                // It may have been one of those that go from client to client.
                remains.forget(id);
            }
            give_back::close_statement(&mut lease.session, id);
        }
        oldest.is_some()
    }
}
