//! What comes of an exchange that has no answer: the request begins again, or the client is told.

use crate::answer;
use crate::attempts::Attempts;
use crate::context::Context;
use crate::error::{Fate, SessionError, Side};
use crate::exchange::{Exchange, Failure, Stage};
use crate::relay::Broken;
use crate::retry::{self, Case, Place, Trouble, Verdict};
use crate::session::{Carried, Session};
use crate::settings::RoutingMode;
use crate::state::Transaction;
use odp_cluster::ServerAddr;
use odp_pool::PoolError;
use odp_protocol::stream::StreamError;
use odp_protocol::{CommandKind, StatusFlags};
use odp_routing::Observation;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

impl Session {
    /// An exchange broke. Its request begins again where that is safe; else the client is told in the
    /// right place, and its session goes on if that can be done without leaving it in the middle of an
    /// answer.
    pub(crate) fn recover(
        &mut self,
        broken: Broken,
        context: &Context,
        attempts: &mut Attempts,
    ) -> Result<Carried, SessionError> {
        if let Broken::Sync(error) = &broken
            && (self.leave_out_variable(error) || self.prepares_again(error))
        {
            return Ok(Carried::On);
        }
        let is_answered = self
            .exchange
            .as_ref()
            .is_some_and(Exchange::is_over_for_client);
        if is_answered && !matches!(broken, Broken::Client(_)) {
            return self.conclude_early(context, attempts);
        }
        let Some(exchange) = self.exchange.take() else {
            return Ok(Carried::On);
        };
        let addr = exchange.server;
        let nobody_waits = matches!(broken, Broken::Client(_) | Broken::Silence(_));
        if nobody_waits && exchange.keeps_server_busy() {
            self.forsake(addr, context);
        }
        let verdict = match &broken {
            Broken::Client(_) => Verdict::Tell,
            Broken::Server(_) | Broken::Lost(_) => self.judge(&exchange, Trouble::Lost),
            Broken::Silence(_) => self.judge(&exchange, Trouble::Late),
            Broken::Sync(error) => self.judge(&exchange, Trouble::Said(error.code)),
        };
        let mut in_transaction = self.lose(addr);
        let begins_again = !self.id.is_doomed()
            && verdict != Verdict::Tell
            && attempts.goes_on_elsewhere(addr, context.max_attempts());
        // A refused step has done nothing: a BEGIN that is held is good for the next server.
        if !begins_again && !matches!(broken, Broken::Sync(_)) {
            in_transaction |= self.state.drop_held_transaction();
        }
        let fate = match (in_transaction, exchange.reply.effects.may_commit) {
            (false, _) => Fate::NoTransaction,
            (true, false) => Fate::RolledBack,
            (true, true) => Fate::Unknown,
        };
        let is_lost = matches!(broken, Broken::Server(_) | Broken::Lost(_));
        let (error, observation) = broken.into_error(addr, fate);
        let error = match self.state.mode {
            RoutingMode::MySql if error.side() == Side::Server => {
                SessionError::OnlyServerLost(Box::new(error))
            }
            RoutingMode::OceanBase if is_lost && self.id.is_doomed() => SessionError::KilledAtWork,
            _ => error,
        };
        if let Some(route) = &exchange.route {
            context.learn(route, observation);
        }
        if begins_again {
            self.note_retry(&error, context);
            attempts.keep(error);
            return Ok(Carried::Again);
        }
        self.tell(exchange, error, context)
    }

    /// Tells the client that its request has no answer, where that can be told in order.
    fn tell(
        &mut self,
        mut exchange: Exchange,
        error: SessionError,
        context: &Context,
    ) -> Result<Carried, SessionError> {
        self.client
            .consume(std::mem::take(&mut exchange.request.kept));
        if error.side() == Side::Server {
            context.counters.lost_requests.fetch_add(1, Relaxed);
            tracing::warn!(session = %self.id.get(), %error, "a request was not answered");
            let packet = error.to_client_of(self.id.get());
            if let (Some(sequence), Some(packet)) = (exchange.sequence_for_error(), packet) {
                answer::put_error(self.client.outbound(), sequence, &packet);
                return Ok(Carried::On);
            }
        }
        // Whether there is a place for last words is still read from it.
        self.exchange = Some(exchange);
        Err(error)
    }

    /// The client has its answer, and then the server was lost. What it held there, a transaction above all,
    /// is missed by the next request, which tells the client.
    fn conclude_early(
        &mut self,
        context: &Context,
        attempts: &mut Attempts,
    ) -> Result<Carried, SessionError> {
        let Some(exchange) = &mut self.exchange else {
            return Ok(Carried::On);
        };
        if let Stage::Response { tracker, .. } = &exchange.stage
            && let Some(status) = tracker.status()
        {
            exchange.reply.status = status;
        }
        exchange.stage = Stage::Done;
        let (server, route) = (exchange.server, exchange.route.clone());
        let carried = self.conclude(context, attempts)?;
        self.leases.remove(server);
        if let Some(route) = &route {
            context.learn(route, Observation::ConnectionLost);
        }
        Ok(carried)
    }

    /// Has a request that its server refused to run begin again elsewhere, if it may.
    pub(crate) fn moves(
        &mut self,
        exchange: &Exchange,
        refusal: &Failure,
        context: &Context,
        attempts: &mut Attempts,
    ) -> bool {
        let server = exchange.server;
        let verdict = self.judge(exchange, Trouble::Said(refusal.code));
        let table = exchange
            .route
            .as_ref()
            .and_then(|route| route.table.as_ref());
        let goes_on = match (verdict, table) {
            (Verdict::Tell, _) => false,
            (Verdict::NewLeader, Some(table)) => {
                attempts.goes_on_with_leader(table.clone(), patience(exchange, context))
            }
            (Verdict::NewLeader | Verdict::Elsewhere, _) => {
                attempts.goes_on_elsewhere(server, context.max_attempts())
            }
        };
        if !goes_on {
            return false;
        }
        let error = SessionError::Refused(PoolError::Refused {
            addr: server,
            error: refusal.clone().into(),
        });
        self.note_retry(&error, context);
        attempts.keep(error);
        if let Some(route) = &exchange.route {
            context.learn(route, Observation::ServerError(refusal.code));
        }
        if let Transaction::Held(_) = self.state.transaction {
            // It has been begun there, and begins elsewhere now.
            self.lose(server);
        }
        true
    }

    fn note_retry(&self, error: &SessionError, context: &Context) {
        tracing::debug!(session = %self.id.get(), %error, "a request begins again");
        context.counters.retried_requests.fetch_add(1, Relaxed);
    }

    fn judge(&self, exchange: &Exchange, trouble: Trouble) -> Verdict {
        if exchange.request.kept == 0 {
            return Verdict::Tell;
        }
        let autocommit = StatusFlags::SERVER_STATUS_AUTOCOMMIT;
        let case = Case {
            kind: exchange.kind,
            place: match (&exchange.route, &self.state.transaction) {
                (None, _) | (_, Transaction::Open(_)) => Place::Bound,
                (Some(_), Transaction::None) if self.state.status.contains(autocommit) => {
                    Place::Alone
                }
                (Some(_), _) => Place::First,
            },
            progress: exchange.progress(),
            trouble,
        };
        retry::judge(case, || self.changes_nothing(exchange))
    }

    /// Whether the request of an exchange, which is still here, is proven to change nothing.
    fn changes_nothing(&self, exchange: &Exchange) -> bool {
        let dialect = self.state.variables.known().dialect;
        match (exchange.kind, exchange.request.statement) {
            (CommandKind::Query, _) => {
                let text = self.payload().get(1..).unwrap_or_default();
                odp_sql::is_pure_select(text, dialect)
            }
            (CommandKind::StmtExecute, Some(id)) => {
                let statements = &self.state.prepared;
                statements.long_data_at().is_none()
                    && statements
                        .get(id)
                        .is_some_and(|prepared| odp_sql::is_pure_select(&prepared.text, dialect))
            }
            (CommandKind::StmtPrepare, _) => true,
            _ => false,
        }
    }
}

impl Broken {
    /// The error that it is, and what it says about the server.
    fn into_error(self, addr: ServerAddr, transaction: Fate) -> (SessionError, Observation) {
        match self {
            Self::Client(StreamError::Closed) => (SessionError::ClientGone, Observation::GivenUp),
            Self::Client(error) => (SessionError::Client(error), Observation::GivenUp),
            Self::Sync(error) => {
                let observation = Observation::ServerError(error.code);
                (SessionError::Sync { addr, error }, observation)
            }
            Self::Server(source) => {
                let error = SessionError::ServerLost {
                    addr,
                    transaction,
                    source,
                };
                (error, Observation::ConnectionLost)
            }
            Self::Lost(lost) => {
                let error = SessionError::ServerDead {
                    addr,
                    transaction,
                    lost,
                };
                (error, Observation::ConnectionLost)
            }
            Self::Silence(limit) => {
                let error = SessionError::ServerTimeout {
                    addr,
                    transaction,
                    limit,
                };
                (error, Observation::TimedOut)
            }
        }
    }
}

/// How long the statement itself may take.
fn patience(exchange: &Exchange, context: &Context) -> Duration {
    let delta = context.settings.query_timeout_delta;
    let limit = exchange.silence_ms.map(Duration::from_millis);
    limit.map_or(delta, |limit| limit.saturating_sub(delta))
}
