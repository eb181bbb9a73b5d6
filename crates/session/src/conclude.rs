//! What comes of an exchange: its reply taken in, or the client told why there is none.

use crate::answer;
use crate::attempts::Attempts;
use crate::context::Context;
use crate::error::SessionError;
use crate::exchange::{Exchange, Stage};
use crate::leases::{ServerStatement, Synced};
use crate::session::{Carried, Session};
use crate::settings::RoutingMode;
use crate::stopwatch::Stopwatch;
use crate::sync::SyncStep;
use odp_cluster::ServerAddr;
use odp_protocol::{ErrPacket, PrepareOk};
use odp_routing::Observation;
use std::sync::atomic::Ordering::Relaxed;

impl Session {
    /// The answer is over: the state, the router and the counters take it in.
    ///
    /// # Errors
    /// [`SessionError::Killed`] when it says so; the client has read it.
    pub(crate) fn conclude(
        &mut self,
        context: &Context,
        attempts: &mut Attempts,
    ) -> Result<Carried, SessionError> {
        let Some(exchange) = self.exchange.take() else {
            return Ok(Carried::On);
        };
        if let Some(refusal) = &exchange.reply.refusal {
            if self.makes_room(exchange.server, refusal.code) {
                return Ok(Carried::Again);
            }
            if self.moves(&exchange, refusal, context, attempts) {
                return Ok(Carried::Again);
            }
            let sequence = exchange.request.body.next_sequence();
            answer::put_error(self.client.outbound(), sequence, &refusal.clone().into());
        }
        self.client.consume(exchange.request.kept);
        let server = exchange.server;
        let counters = &context.counters;
        counters.requests.fetch_add(1, Relaxed);
        let applied = self.state.apply(&exchange.reply, exchange.kind, server);
        let observation = match (&applied, exchange.reply.error) {
            (_, Some(code)) => {
                counters.failed_requests.fetch_add(1, Relaxed);
                Observation::ServerError(code)
            }
            (Ok(observed), None) => {
                let hit = observed.partition_hit;
                counters
                    .partition_misses
                    .fetch_add(u64::from(!hit), Relaxed);
                Observation::Answered {
                    partition_hit: Some(hit),
                    schema_version: observed.schema_version,
                }
            }
            (Err(_), None) => Observation::ConnectionLost,
        };
        if let Some(route) = &exchange.route {
            context.learn(route, observation);
        }
        if let (Stopwatch::Stopped(took, now), None) = (exchange.stopwatch, exchange.reply.error) {
            context
                .router
                .router()
                .note_response_time(server, took, now);
        }
        if let Ok(observed) = &applied
            && (observed.schema_version.is_some() || exchange.reply.effects.changes_accounts)
        {
            // Accounts and global values are schema, too.
            context.credentials.tenant_changed(&self.state.tenant);
        }
        match applied {
            Ok(observed) => self.settle(&exchange, observed.changed_database),
            // The client has its answer; only this server session cannot be trusted any more.
            Err(_) => {
                self.lose(server);
            }
        }
        let is_killed = exchange.reply.error.is_some_and(SessionError::says_killed);
        if is_killed && self.state.mode == RoutingMode::OceanBase {
            return Err(SessionError::Killed);
        }
        Ok(Carried::On)
    }

    /// The server session that ran the request is up to date with its client now.
    fn settle(&mut self, exchange: &Exchange, changed_database: bool) {
        let (state, server) = (&mut self.state, exchange.server);
        if let Some(lease) = self.leases.get_mut(server) {
            lease.synced.variables = state.variables.version();
            if lease.synced.database != state.database {
                lease.synced.database = state.database.clone();
            }
            if let (Some(answer), Some(text)) =
                (exchange.reply.prepared, &exchange.request.prepares)
            {
                let (id, parameters) = (answer.client_id, answer.parameters);
                let packet = PrepareOk {
                    statement: id,
                    parameters,
                    columns: answer.columns,
                    warnings: 0,
                };
                let context = state.statement_context();
                state.prepared.add(id, text.clone(), context, &packet);
                let known = ServerStatement::new(answer.server_id, true);
                lease.synced.learn_statement(id, known);
            }
        }
        if let Some(id) = exchange.request.statement {
            let (kind, status) = (exchange.kind, exchange.reply.status);
            state.prepared.ran(id, kind, server, status);
        }
        let dropped = changed_database && state.database.is_empty();
        if dropped {
            // The other server sessions still name the database that is gone.
            self.leases.keep_only(server);
        }
    }

    /// A server reports some variables that nobody can set. When it refuses one of them on another
    /// server session, nothing has been changed there: the rest is set without it, from then on.
    pub(crate) fn leave_out_variable(&mut self, error: &ErrPacket) -> bool {
        let Some(exchange) = &mut self.exchange else {
            return false;
        };
        let Stage::Sync {
            step: SyncStep::Variables { version, .. },
            ..
        } = &exchange.stage
        else {
            return false;
        };
        let Some(lease) = self.leases.get_mut(exchange.server) else {
            return false;
        };
        let (variables, version) = (&mut self.state.variables, *version);
        let Some(name) = unsettable(error).filter(|name| variables.leave_out(name)) else {
            return false;
        };
        tracing::debug!(session = %self.id.get(), name, "a variable cannot be set and is left out");
        lease
            .synced
            .corrections
            .retain(|correction| correction != name);
        let Synced {
            variables: seen,
            corrections,
            strangers,
            ..
        } = &lease.synced;
        if let Some(sql) = variables.sync_statement(*seen, corrections, strangers) {
            exchange
                .steps
                .push_front(SyncStep::Variables { sql, version });
        }
        exchange.stage = Stage::Ready;
        true
    }

    /// Closes a server session and forgets what it held; says whether a transaction was open there.
    pub(crate) fn lose(&mut self, server: ServerAddr) -> bool {
        self.leases.remove(server);
        self.state.forget_server(server)
    }
}

/// The variable that an error says nobody can set here: 1193 unknown, 1229 global only, 1238 read only,
/// 1621 read only in a session.
fn unsettable(error: &ErrPacket) -> Option<&str> {
    if !matches!(error.code, 1193 | 1229 | 1238 | 1621) {
        return None;
    }
    let text = std::str::from_utf8(&error.message).ok()?;
    text.split('\'').nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_that_cannot_be_set_is_found_in_the_servers_words() {
        let error = |code, text: &str| ErrPacket::new(code, b"HY000", text);
        let read_only = error(1238, "Variable 'ob_x' is a read only variable");
        assert_eq!(unsettable(&read_only), Some("ob_x"));
        assert_eq!(
            unsettable(&error(1193, "Unknown system variable 'y'")),
            Some("y")
        );
        let wrong_value = error(1231, "Variable 'sql_mode' can't be set to the value of 'x'");
        assert_eq!(unsettable(&wrong_value), None, "the client meant that one");
        assert_eq!(unsettable(&error(1238, "no name")), None);
    }
}
