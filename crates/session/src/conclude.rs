//! What comes of an exchange: its reply taken in, or the client told why there is none.

use crate::answer;
use crate::context::Context;
use crate::error::SessionError;
use crate::exchange::Exchange;
use crate::leases::ServerStatement;
use crate::relay::Broken;
use crate::session::Session;
use crate::state::Transaction;
use odp_cluster::ServerAddr;
use odp_protocol::PrepareOk;
use odp_protocol::stream::StreamError;
use odp_routing::Observation;
use std::sync::atomic::Ordering::Relaxed;

impl Session {
    /// The answer is over: the state, the router and the counters take it in.
    pub(crate) fn conclude(&mut self, context: &Context) {
        let Some(exchange) = self.exchange.take() else {
            return;
        };
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
        match applied {
            Ok(observed) => self.settle(&exchange, observed.changed_database),
            // The client has its answer; only this server session cannot be trusted any more.
            Err(_) => {
                self.lose(server);
            }
        }
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
                state.prepared.add(id, text.clone(), &packet);
                let known = ServerStatement {
                    id: answer.server_id,
                    has_types: false,
                };
                lease.synced.prepared.insert(id, known);
            }
        }
        if let Some(id) = exchange.request.statement
            && let Some(statement) = state.prepared.get_mut(id)
        {
            statement.ran(exchange.kind, server, exchange.reply.status);
        }
        let dropped = changed_database && state.database.is_empty();
        if dropped {
            // The other server sessions still name the database that is gone.
            self.leases.keep_only(server);
        }
    }

    /// Closes a server session and forgets what it held; says whether a transaction was open there.
    pub(crate) fn lose(&mut self, server: ServerAddr) -> bool {
        self.leases.remove(server);
        self.state.forget_server(server)
    }

    /// An exchange broke: the client is told in the right place, and its session goes on if that can be
    /// done without leaving it in the middle of an answer.
    pub(crate) fn recover(
        &mut self,
        broken: Broken,
        context: &Context,
    ) -> Result<(), SessionError> {
        let Some(exchange) = self.exchange.take() else {
            return Ok(());
        };
        let addr = exchange.server;
        let in_transaction = self.lose(addr);
        let (error, observation) = match broken {
            Broken::Client(StreamError::Closed) => return Err(SessionError::ClientGone),
            Broken::Client(error) => return Err(SessionError::Client(error)),
            Broken::Sync(error) => {
                let observation = Observation::ServerError(error.code);
                (SessionError::Sync { addr, error }, observation)
            }
            Broken::Server(source) => {
                let error = SessionError::ServerLost {
                    addr,
                    in_transaction,
                    source,
                };
                (error, Observation::ConnectionLost)
            }
            Broken::Silence(limit) => {
                let error = SessionError::ServerTimeout {
                    addr,
                    in_transaction,
                    limit,
                };
                (error, Observation::TimedOut)
            }
        };
        if let Transaction::Held(_) = self.state.transaction {
            self.state.transaction = Transaction::None;
        }
        context.counters.lost_requests.fetch_add(1, Relaxed);
        if let Some(route) = &exchange.route {
            context.learn(route, observation);
        }
        tracing::warn!(session = %self.id.get(), %error, "a request was not answered");
        match (exchange.sequence_for_error(), error.to_client()) {
            (Some(sequence), Some(packet)) => {
                answer::put_error(self.client.outbound(), sequence, &packet);
                Ok(())
            }
            _ => Err(error),
        }
    }
}
