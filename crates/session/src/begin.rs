//! From a command packet to an exchange: planning, finding a server session, or answering here.

use crate::answer;
use crate::attempts::Attempts;
use crate::borrow::{self, Purpose};
use crate::congestion::Shown;
use crate::context::Context;
use crate::entrance;
use crate::error::{Fate, SessionError};
use crate::exchange::{Exchange, Request};
use crate::give_back;
use crate::leases::{Lease, Synced};
use crate::oversize::Oversize;
use crate::planner::{self, Local, Plan, Target};
use crate::session::Session;
use crate::settings::RoutingMode;
use crate::state::Transaction;
use crate::sync;
use crate::watch::Watch;
use bytes::{Buf, Bytes, BytesMut};
use odp_cluster::ServerAddr;
use odp_pool::{PoolError, Retry};
use odp_protocol::stream::StreamError;
use odp_protocol::{
    CommandKind, ExecuteRequest, FrameHeader, HEADER_LEN, MAX_FRAME_PAYLOAD, PacketTracker,
    StatusFlags, execute_types, put_packet,
};
use odp_routing::{LookupPhase, Route};
use odp_sql::with_connection_id;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// What the types of 65,535 parameters add to an EXECUTE, in bytes.
const TYPES_MAX: usize = 2 * 65_535;

/// What became of a command.
pub(crate) enum Begun {
    /// It is an exchange now.
    Exchange,
    /// It has been answered.
    Answered,
    /// The client leaves.
    Quit,
}

impl Session {
    /// Turns the command at the front of what was read into an exchange. The packet is taken out only
    /// when that is done, so that this may be dropped at any wait.
    pub(crate) async fn begin(
        &mut self,
        context: &Context,
        attempts: &mut Attempts,
    ) -> Result<Begun, SessionError> {
        if self.user_change.is_some() {
            return self.change_user(context).await;
        }
        self.check_limits(context)?;
        loop {
            if let Some((table, pause)) = attempts.take_search() {
                sleep(pause).await;
                context.lookup.lookup(table).await;
            }
            let now = Instant::now();
            let (state, router) = (&self.state, &context.router);
            let mut planned = planner::plan(self.payload(), state, router, attempts, now);
            if matches!(planned, Ok(Plan::Local(Local::Ping))) && self.has_lost_last_server() {
                planned = planner::plan_ping(&self.state, router, attempts, now);
            }
            let plan = match planned {
                Ok(plan) => plan,
                Err(none @ SessionError::NoServer { .. }) => {
                    let pause = attempts.another_round(none)?;
                    sleep(pause).await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let target = match plan {
                Plan::Local(local) => return self.answer(local, context).await,
                Plan::Lookup(key) => {
                    context.lookup.lookup(key).await;
                    attempts.waited += now.elapsed();
                    attempts.lookup = LookupPhase::Done;
                    continue;
                }
                Plan::Wait(wait) => {
                    context.wait(wait).await;
                    attempts.note_wait(now.elapsed());
                    continue;
                }
                Plan::Forward(target) => target,
            };
            match self.hold_lease(&target, context).await {
                Ok(()) if self.lacks_types(&target) => {
                    // Its types would have to be put in, which moves everything behind them.
                    let limit = MAX_FRAME_PAYLOAD;
                    self.oversize = Some(Oversize::new(limit, limit));
                    return Ok(Begun::Answered);
                }
                Ok(()) => {
                    self.start(target, context);
                    return Ok(Begun::Exchange);
                }
                Err(SessionError::Unreachable(error))
                    if error.retry() == Retry::OtherServer && target.route.is_some() =>
                {
                    let error = SessionError::Unreachable(error);
                    if !attempts.goes_on_elsewhere(target.server, context.max_attempts()) {
                        return Err(error);
                    }
                    attempts.keep(error);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether the server session that ran the last statement is gone. The server may have ended it
    /// because the client was killed: then it refuses another one.
    fn has_lost_last_server(&mut self) -> bool {
        let Some(last) = self.state.last_server else {
            return false;
        };
        self.leases.get_mut(last).is_some() && !self.leases.has_live(last)
    }

    /// Refuses requests of a session that keeps too much; what makes it smaller goes on.
    fn check_limits(&self, context: &Context) -> Result<(), SessionError> {
        let count = self.state.prepared.len();
        let most = context.settings.max_statements;
        let is_prepare = self.payload().first() == Some(&CommandKind::StmtPrepare.byte());
        if is_prepare && most > 0 && count >= most && self.state.mode == RoutingMode::OceanBase {
            return Err(SessionError::TooManyStatements(count));
        }
        let limit = context.settings.max_session_bytes;
        if limit == 0 {
            return Ok(());
        }
        let payload = self.payload();
        let kind = payload.first().map(|byte| CommandKind::from_byte(*byte));
        let more = match kind {
            Some(CommandKind::StmtPrepare) => payload.len(),
            Some(CommandKind::Query | CommandKind::StmtExecute) => 0,
            _ => return Ok(()),
        };
        let held = self.state.bytes() + more;
        if held > limit {
            return Err(SessionError::TooMuchMemory { held, limit });
        }
        Ok(())
    }

    /// Makes sure that there is a live server session at the target.
    async fn hold_lease(&mut self, target: &Target, context: &Context) -> Result<(), SessionError> {
        let addr = target.server;
        if self.leases.has_live(addr) {
            return Ok(());
        }
        if self.state.mode == RoutingMode::MySql {
            let source = StreamError::Closed;
            let lost = SessionError::ServerLost {
                addr,
                transaction: Fate::NoTransaction,
                source,
            };
            return Err(SessionError::OnlyServerLost(Box::new(lost)));
        }
        self.check_loss(addr)?;
        if self.state.shares_by_transaction() {
            // The request goes elsewhere, so it does not ask about the last one: nobody holds one server
            // session while waiting for another.
            self.state.keeps_last = false;
            self.hand_on(context);
        }
        let purpose = Purpose::Further {
            has_database: !self.state.database.is_empty(),
        };
        let state = &self.state;
        let watch = Watch::new(context, addr, self.id.get().get());
        let obtained = borrow::obtain(addr, &state.login, state.pooling.as_ref(), purpose, context);
        // Boxed: a session that has a server session, or waits for its client, needs no room for this.
        match watch.while_reachable(Box::pin(obtained)).await {
            Ok(obtained) => {
                let mut lease = Lease::new(obtained.session, obtained.origin, self.id.get());
                lease.synced = Synced::at_login(&self.state, &obtained.login, lease.remains());
                self.leases.add(lease);
                Ok(())
            }
            Err(PoolError::Refused { error, .. }) if error.code == SessionError::KILLED => {
                Err(SessionError::KilledElsewhere(error))
            }
            Err(error) => {
                let is_servers = !matches!(error, PoolError::Exhausted { .. });
                if let Some(route) = target.route.as_ref().filter(|_| is_servers) {
                    context.learn(route, entrance::observation(&error));
                }
                Err(SessionError::Unreachable(error))
            }
        }
    }

    /// A server session that ended while it held something for the client: the client must know.
    fn check_loss(&mut self, addr: ServerAddr) -> Result<(), SessionError> {
        let was_pinned = self
            .state
            .pin
            .as_ref()
            .is_some_and(|pin| pin.server == addr)
            || self.state.prepared.long_data_at() == Some(addr);
        let in_transaction = self.lose(addr);
        if in_transaction || was_pinned {
            let transaction = if in_transaction {
                Fate::RolledBack
            } else {
                Fate::NoTransaction
            };
            let source = StreamError::Closed;
            return Err(SessionError::ServerLost {
                addr,
                transaction,
                source,
            });
        }
        Ok(())
    }

    /// Takes the packet and makes it an exchange.
    fn start(&mut self, target: Target, context: &Context) {
        let (head, body, kept) = self.take_request(target.server);
        let kind = planner::kind_of(head.get(HEADER_LEN..).unwrap_or_default());
        let Target {
            server,
            route,
            statement,
            patience,
            chooses_database,
            effects,
            lists_sessions,
            uses,
            stopwatch,
        } = target;
        refresh_location(route.as_ref(), context);
        self.give_room_to(statement, server, context);
        let Some(lease) = self.leases.get_mut(server) else {
            return;
        };
        let place = lease.place();
        self.id.goes_to(place);
        let mut head = self.with_own_id(head, &body, kind, place.visible_id);
        let Some(lease) = self.leases.get_mut(server) else {
            return;
        };
        let is_new = kind == CommandKind::StmtPrepare;
        let known = statement.filter(|_| !is_new);
        let mut steps = sync::steps(&self.state, &lease.synced, kind, known);
        if chooses_database {
            steps.retain(|step| !matches!(step, sync::SyncStep::Database(_)));
        }
        sync::put_fresh_counts(&mut steps, &self.state, uses);
        if let Some(id) = known.filter(|_| kind == CommandKind::StmtExecute)
            && let Some(prepared) = self.state.prepared.get_mut(id)
        {
            let seen = lease.synced.prepared.get(&id);
            let has_types = seen.is_some_and(|known| known.has_types);
            head = with_types(head, prepared, has_types);
        }
        let prepares = (is_new && statement.is_some()).then(|| join(&head).split_off(1).freeze());
        lease.make_room(&self.state, prepares.as_ref(), &steps);
        let mut exchange = Exchange::new(
            server,
            kind,
            Request {
                head,
                kept,
                body,
                statement,
                prepares,
                aliases: BTreeMap::new(),
            },
        );
        if lists_sessions && self.state.mode == RoutingMode::OceanBase {
            exchange.request.aliases = context.ids.aliases();
        }
        exchange.route = route;
        exchange.steps = steps;
        exchange.reply.effects = effects;
        exchange.reply.status = self.state.status;
        exchange.stopwatch = stopwatch;
        self.set_limits(&mut exchange, patience, context);
        self.exchange = Some(exchange);
    }

    /// Whether the request is an EXECUTE without types for a server session that has not seen them, and is
    /// too long for one frame: it cannot be changed on its way.
    fn lacks_types(&mut self, target: &Target) -> bool {
        let payload = self.payload();
        let is_long = FrameHeader::read(self.client.inbound())
            .is_some_and(|header| header.payload + TYPES_MAX > MAX_FRAME_PAYLOAD);
        let is_execute = planner::kind_of(payload) == CommandKind::StmtExecute;
        let (true, true, Some(id)) = (is_long, is_execute, target.statement) else {
            return false;
        };
        let remembered = self.state.prepared.get(id);
        let is_needed = remembered.is_some_and(|prepared| {
            let request = ExecuteRequest::parse(payload, prepared.parameters);
            !prepared.types.is_empty() && request.is_ok_and(|it| it.types().is_none())
        });
        let lease = self.leases.get_mut(target.server);
        let seen = lease.and_then(|lease| lease.synced.prepared.get(&id));
        is_needed && !seen.is_some_and(|known| known.has_types)
    }

    /// Makes room in a server session for a statement that it does not know, and notes its use.
    fn give_room_to(&mut self, statement: Option<u32>, server: ServerAddr, context: &Context) {
        let (Some(id), Some(lease)) = (statement, self.leases.get_mut(server)) else {
            return;
        };
        if lease.synced.prepared.contains_key(&id) {
            lease.synced.use_statement(id);
        } else {
            self.make_room(server, context);
        }
    }

    /// How long server and client may be silent.
    fn set_limits(&self, exchange: &mut Exchange, patience: Option<Duration>, context: &Context) {
        let delta = context.settings.query_timeout_delta;
        exchange.silence_ms = patience.map(|patience| milliseconds(patience + delta));
        if self.state.mode == RoutingMode::OceanBase {
            let known = self.state.variables.known();
            exchange.read_ms = milliseconds(known.net_read_timeout);
            exchange.write_ms = milliseconds(known.net_write_timeout);
        }
    }

    /// Puts the packet into the buffer of the server's that what it held has left; says how much of it
    /// stays here as well.
    fn take_request(&mut self, server: ServerAddr) -> (BytesMut, PacketTracker, usize) {
        let buffer = self.leases.get_mut(server).map(|lease| {
            let outbound = lease.session.stream.outbound();
            if outbound.is_empty() {
                std::mem::take(outbound)
            } else {
                BytesMut::new()
            }
        });
        self.keep_packet_into(buffer.unwrap_or_default())
    }

    /// A server session that clients share, or of a server that takes no client's id over, has another id
    /// than its client: `CONNECTION_ID()` becomes the client's before a server sees it.
    fn with_own_id(
        &self,
        head: BytesMut,
        body: &PacketTracker,
        kind: CommandKind,
        visible_id: u32,
    ) -> BytesMut {
        let is_own = self.id.get().get() == visible_id || self.state.mode == RoutingMode::MySql;
        if is_own || !body.is_done() {
            return head;
        }
        let is_one_frame = FrameHeader::read(&head).is_some_and(|it| it.frame_len() == head.len());
        if !is_one_frame || !matches!(kind, CommandKind::Query | CommandKind::StmtPrepare) {
            return head;
        }
        let text = head.get(HEADER_LEN + 1..).unwrap_or_default();
        let dialect = self.state.variables.known().dialect;
        match with_connection_id(text, dialect, self.id.get().get()) {
            Some(text) => {
                let mut out = BytesMut::with_capacity(text.len() + HEADER_LEN + 1);
                put_packet(&mut out, 0, &[&[kind.byte()], &text[..]].concat());
                out
            }
            None => head,
        }
    }

    /// Deals with a command that no server sees.
    async fn answer(&mut self, local: Local, context: &Context) -> Result<Begun, SessionError> {
        if local == Local::ChangeUser {
            return match self.state.mode {
                RoutingMode::OceanBase => self.change_user(context).await,
                RoutingMode::MySql => self.relay_change_user(context).await,
            };
        }
        if let Local::Kill(kill) = local {
            Box::pin(self.kill(kill, context)).await?;
        }
        if local == Local::ShowCongestion {
            return self.show_congestion(context);
        }
        let (head, packet) = self.take_packet();
        let format = self.state.ok_format();
        match local {
            Local::Quit => return Ok(Begun::Quit),
            Local::Close(id) => {
                self.close_statement(id);
                return Ok(Begun::Answered);
            }
            Local::Reset(id) => self.reset_statement(id),
            Local::HoldBegin => {
                let text = head.get(HEADER_LEN + 1..).unwrap_or_default();
                self.state.transaction = Transaction::Held(Bytes::copy_from_slice(text));
                self.state
                    .status
                    .insert(StatusFlags::SERVER_STATUS_IN_TRANS);
            }
            Local::ExplainRoute(waited) => {
                let text = head.get(HEADER_LEN + 1..).unwrap_or_default();
                let explained = planner::explain(text, &self.state, &context.router, waited);
                let out = self.client.outbound();
                explained.put(out, packet.next_sequence(), self.state.status);
                return Ok(Begun::Answered);
            }
            Local::ResetConnection => {
                // Their server sessions end with all they hold; the next statement opens a new one,
                // whose variables are those of a login.
                self.leave_all(context);
                self.state.reset();
            }
            Local::Done
            | Local::Ping
            | Local::Kill(_)
            | Local::ChangeUser
            | Local::ShowCongestion => {}
        }
        let out = self.client.outbound();
        answer::put_ok(out, packet.next_sequence(), self.state.status, format);
        Ok(Begun::Answered)
    }

    fn show_congestion(&mut self, context: &Context) -> Result<Begun, SessionError> {
        let text = self.payload().get(1..).unwrap_or_default();
        let shown = Shown::read(text, &self.state, context.router.router())?;
        let (_, packet) = self.take_packet();
        let out = self.client.outbound();
        shown.put(out, packet.next_sequence(), self.state.status);
        Ok(Begun::Answered)
    }

    /// Closes a statement at the server that has its cursor; it is prepared there again when it runs.
    fn reset_statement(&mut self, id: u32) {
        let Some(server) = self.state.prepared.forget_cursor(id) else {
            return;
        };
        let Some(lease) = self.leases.get_mut(server) else {
            return;
        };
        if let Some(known) = lease.synced.prepared.remove(&id) {
            if let Some(remains) = lease.remains() {
                remains.forget(known.id);
            }
            give_back::close_statement(&mut lease.session, known.id);
        }
    }

    /// `COM_STMT_CLOSE`: forgets the statement and tells every server session that knows it. Nobody
    /// answers that, so it travels with the next request.
    fn close_statement(&mut self, id: u32) {
        let holds_data = self.state.prepared.long_data_of(id).is_some();
        let statement = self.state.prepared.remove(id);
        let is_shared = self.state.shares_by_transaction();
        for lease in self.leases.iter_mut() {
            let Some(known) = lease.synced.prepared.remove(&id) else {
                continue;
            };
            let closed = match &statement {
                Some(statement) if is_shared && !holds_data => {
                    lease.keep_statement(statement, known)
                }
                _ => vec![known.id],
            };
            for closed in closed {
                give_back::close_statement(&mut lease.session, closed);
            }
        }
    }
}

/// Asks for a fresh location where the route wants one.
fn refresh_location(route: Option<&Route>, context: &Context) {
    if let Some(route) = route.filter(|route| route.refresh)
        && let Some(table) = &route.table
    {
        context.lookup.refresh(table);
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The payload of a packet that is there as a whole, its frames joined.
pub(crate) fn join(frames: &BytesMut) -> BytesMut {
    let mut payload = BytesMut::with_capacity(frames.len());
    let mut rest = &frames[..];
    while let Some(header) = FrameHeader::read(rest) {
        rest.advance(HEADER_LEN);
        let (frame, next) = rest.split_at(header.payload.min(rest.len()));
        payload.extend_from_slice(frame);
        rest = next;
    }
    payload
}

/// Remembers the parameter types of an EXECUTE that declares them, and puts the remembered ones into
/// one that does not, for a server session that has not seen them.
fn with_types(
    head: BytesMut,
    prepared: &mut crate::prepared::Prepared,
    has_types: bool,
) -> BytesMut {
    let header = FrameHeader::read(&head).filter(|_| prepared.parameters > 0);
    let Some(header) = header else {
        return head;
    };
    let payload = head.get(HEADER_LEN..).unwrap_or_default();
    let declared = ExecuteRequest::parse(payload, prepared.parameters)
        .ok()
        .and_then(|request| request.types().map(Iterator::collect::<Vec<_>>));
    if let Some(types) = declared {
        if prepared.types != types {
            prepared.types = types;
        }
        return head;
    }
    if has_types || prepared.types.is_empty() {
        return head;
    }
    let before = Bytes::copy_from_slice(payload);
    match execute_types(&before, prepared.parameters, &prepared.types) {
        Ok(after) => {
            // What is still on its way follows in the same frame.
            let header = FrameHeader {
                payload: header.payload + after.len() - before.len(),
                ..header
            };
            let mut out = BytesMut::with_capacity(after.len() + HEADER_LEN);
            header.put(&mut out);
            out.extend_from_slice(&after);
            out
        }
        Err(_) => head,
    }
}
