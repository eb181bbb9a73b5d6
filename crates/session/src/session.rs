//! A session after its login: command, plan, exchange, again.
//!
//! Everything a session is lies in [`Session`]; the futures hold nothing else. [`Session::run`] may be
//! dropped at any wait, and run again here or, through a [`crate::SessionRecord`], in another process.

use crate::alarm::Alarm;
use crate::answer;
use crate::attempts::Attempts;
use crate::begin::Begun;
use crate::change_user::UserChange;
use crate::context::Context;
use crate::counters::{Gauge, PinGauge};
use crate::error::SessionError;
use crate::exchange::Exchange;
use crate::give_back;
use crate::idle::Turn;
use crate::kind::{Kind, KindGauges};
use crate::leases::Leases;
use crate::lifecycle;
use crate::oversize::Oversize;
use crate::relay;
use crate::session_ids::LiveId;
use crate::settings::RoutingMode;
use crate::state::{Pin, PinReason, SessionState};
use crate::watch::Watch;
use bytes::BytesMut;
use odp_pool::ServerSession;
use odp_protocol::stream::Stream;
use odp_protocol::{CommandKind, FrameHeader, HEADER_LEN, LOGIN_MAX, PacketTracker};
use std::time::Duration;

#[cfg(test)]
mod tests;

/// When nobody is about to kill what ran in a server session.
const NOBODY: Option<std::future::Ready<()>> = None;

/// How much of a request is held before it is planned; the rest is streamed to the server.
const HEAD_MAX: usize = 128 << 10;

/// A request up to this size is copied to where it is sent from, in bytes; a larger one moves there
/// with its buffer.
const COPY_MAX: usize = 16 << 10;

/// What a parameter takes at most in the front of an EXECUTE, which is held up to the types: two bytes
/// for its type, a bit, and its share of 15 bytes of headers.
const FRONT_OF_PARAMETER: usize = 3;

/// The largest PREPARE, which is kept, when a session's memory has no other limit, in bytes.
const WHOLE_MAX: usize = 64 << 20;

/// One client and its server sessions.
#[derive(Debug)]
pub struct Session {
    pub(crate) client: Stream,
    pub(crate) id: LiveId,
    pub(crate) state: SessionState,
    pub(crate) leases: Leases,
    pub(crate) exchange: Option<Exchange>,
    /// The change of user that is under way.
    pub(crate) user_change: Option<UserChange>,
    /// The command that is let pass because it is too large to be held.
    pub(crate) oversize: Option<Oversize>,
    /// For the receipt of a drain; what goes on elsewhere is not drained.
    pub(crate) kind: Kind,
}

/// How a session came to its end, other than by an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEnd {
    /// The client said goodbye.
    Quit,
    /// It was silent for `wait_timeout`.
    Idle,
    /// The proxy drains.
    Drained,
    /// Its server session is gone, and there can be no other.
    ServerLost,
}

/// What became of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carried {
    /// It is over, or goes on.
    On,
    /// Its command is still here, and is begun again.
    Again,
}

impl Session {
    /// Serves the client until the end. May be dropped at any wait.
    ///
    /// # Errors
    /// Why the session cannot go on; the client has been told if it could be.
    pub async fn run(&mut self, context: &Context) -> Result<SessionEnd, SessionError> {
        let killed = self.id.killed();
        let end = tokio::select! {
            biased;
            () = killed => Err(SessionError::Killed),
            end = self.serve(context) => end,
            () = lifecycle::deadline(context.lifecycle.clone()) => Err(SessionError::ShuttingDown),
        };
        let is_at_work = self
            .exchange
            .as_ref()
            .is_some_and(|it| !it.is_over_for_client());
        let end = match end {
            Err(SessionError::Killed)
                if is_at_work && self.state.mode == RoutingMode::OceanBase =>
            {
                Err(SessionError::KilledAtWork)
            }
            end => end,
        };
        if let Err(error) = &end {
            self.say_goodbye(error).await;
        }
        if let Some(exchange) = &self.exchange
            && exchange.keeps_server_busy()
        {
            self.forsake(exchange.server, context);
        }
        if matches!(end, Err(SessionError::Killed)) {
            // A server that has answered a KILL may end the session only when others have it.
            drop(self.leases.take_all());
        }
        self.leave_servers(context).await;
        end
    }

    async fn serve(&mut self, context: &Context) -> Result<SessionEnd, SessionError> {
        self.id.is_of(self.state.account());
        let counters = &context.counters;
        let mut servers = Gauge::new(&counters.servers);
        let mut in_transaction = Gauge::new(&counters.in_transaction);
        let mut pinned = PinGauge::new(counters);
        let mut kinds = KindGauges::new(counters);
        let mut turn = Turn::new(context, &self.id);
        let mut alarm = Alarm::new();
        let mut attempts = Attempts::default();
        let mut carried = Carried::On;
        if let Some(lease) = self
            .state
            .last_server
            .and_then(|last| self.leases.get_mut(last))
        {
            self.id.goes_to(lease.place());
        }
        loop {
            self.hand_on(context);
            servers.set(self.leases.len());
            in_transaction.set(usize::from(self.state.in_transaction()));
            pinned.set(self.pinned_by());
            let drains = context.lifecycle.has_changed().unwrap_or(false);
            if !drains {
                self.kind = Kind::of(&self.state);
            }
            kinds.set(self.kind);
            if self.exchange.is_none() {
                if carried == Carried::On && self.user_change.is_none() {
                    if let Some(end) = self.next_command(&mut turn, &mut alarm, context).await? {
                        return Ok(end);
                    }
                    attempts = Attempts::default();
                }
                carried = Carried::On;
                match self.begin(context, &mut attempts).await {
                    Ok(Begun::Exchange) => {}
                    Ok(Begun::Answered) => continue,
                    Ok(Begun::Quit) => return Ok(SessionEnd::Quit),
                    Err(error) => self.refuse(error)?,
                }
            }
            carried = self.carry(context, &mut alarm, &mut attempts).await?;
            if self.state.mode == RoutingMode::MySql && self.leases.is_empty() {
                // Nobody can log in again for this client: its connection ends with its server's.
                self.client.flush().await.map_err(SessionError::client_io)?;
                return Ok(SessionEnd::ServerLost);
            }
        }
    }

    /// Whether a command is there, whole or as far as it is held. One that would have to be held as a whole
    /// and is too large for a session that may keep `limit` bytes (0 for any number) is let pass.
    pub(crate) fn has_command(&mut self, limit: usize) -> Result<bool, SessionError> {
        let inbound = self.client.inbound();
        let mut packet = PacketTracker::default();
        let length = packet.advance(inbound);
        if packet.is_done() {
            return Ok(true);
        }
        let Some(kind) = inbound
            .get(HEADER_LEN)
            .map(|&byte| CommandKind::from_byte(byte))
        else {
            return Ok(false);
        };
        let announced = FrameHeader::read(inbound).map_or(0, |header| header.payload);
        let size = length.max(announced);
        match kind {
            CommandKind::ChangeUser if size > LOGIN_MAX => {
                let limit = LOGIN_MAX;
                let error = odp_protocol::ProtocolError::TooLarge { size, limit };
                Err(SessionError::Client(error.into()))
            }
            CommandKind::ChangeUser => Ok(false),
            _ if self.state.mode == RoutingMode::MySql => Ok(length >= HEAD_MAX),
            CommandKind::StmtPrepare => {
                let held = self.state.bytes() + size;
                let limit = if limit == 0 { WHOLE_MAX } else { limit };
                if held > limit {
                    self.oversize = Some(Oversize::new(held, limit));
                }
                Ok(false)
            }
            CommandKind::StmtExecute => {
                let place = inbound.get(HEADER_LEN + 1..).and_then(<[u8]>::first_chunk);
                let id = place.map(|id| u32::from_le_bytes(*id));
                let statement = id.and_then(|id| self.state.prepared.get(id));
                let types =
                    statement.map_or(0, |it| FRONT_OF_PARAMETER * usize::from(it.parameters));
                Ok(length >= HEAD_MAX.max(types))
            }
            _ => Ok(length >= HEAD_MAX),
        }
    }

    /// The beginning of the command packet: the payload of its first frame, as far as it is there.
    pub(crate) fn payload(&self) -> &[u8] {
        let inbound = self.client.inbound();
        let announced = FrameHeader::read(inbound).map_or(0, |header| header.payload);
        let rest = inbound.get(HEADER_LEN..).unwrap_or_default();
        rest.get(..announced).unwrap_or(rest)
    }

    /// Takes the command packet out of what was read, as far as it is there, into `buffer` when it is
    /// small: the buffers of a busy session then keep their memory.
    pub(crate) fn take_packet_into(&mut self, mut buffer: BytesMut) -> (BytesMut, PacketTracker) {
        let mut packet = PacketTracker::default();
        let count = packet.advance(self.client.inbound());
        if count > COPY_MAX {
            return (self.client.take(count), packet);
        }
        buffer.clear();
        buffer.extend_from_slice(self.client.inbound().get(..count).unwrap_or_default());
        self.client.consume(count);
        (buffer, packet)
    }

    /// Copies the command packet into `buffer` and leaves it where it is, to be sent again if need be,
    /// when it is small and there as a whole; else takes it out. The last answer is how many bytes stay.
    pub(crate) fn keep_packet_into(
        &mut self,
        mut buffer: BytesMut,
    ) -> (BytesMut, PacketTracker, usize) {
        let mut packet = PacketTracker::default();
        let count = packet.advance(self.client.inbound());
        if count > COPY_MAX || !packet.is_done() || self.state.mode == RoutingMode::MySql {
            let (head, packet) = self.take_packet_into(buffer);
            return (head, packet, 0);
        }
        buffer.clear();
        buffer.extend_from_slice(self.client.inbound().get(..count).unwrap_or_default());
        (buffer, packet, count)
    }

    /// Takes the command packet out of what was read, as far as it is there.
    pub(crate) fn take_packet(&mut self) -> (BytesMut, PacketTracker) {
        self.take_packet_into(BytesMut::new())
    }

    /// Tells the client why its command was not run. The session goes on, unless the rest of the
    /// command is still on its way.
    fn refuse(&mut self, error: SessionError) -> Result<(), SessionError> {
        if error.is_fatal() {
            return Err(error);
        }
        let (_, packet) = self.take_packet();
        let answer = error
            .to_client_of(self.id.get())
            .filter(|_| packet.is_done());
        let Some(answer) = answer else {
            return Err(error);
        };
        answer::put_error(self.client.outbound(), packet.next_sequence(), &answer);
        Ok(())
    }

    /// Carries the exchange to its end and takes in what came of it.
    async fn carry(
        &mut self,
        context: &Context,
        alarm: &mut Alarm,
        attempts: &mut Attempts,
    ) -> Result<Carried, SessionError> {
        let Self {
            client,
            id,
            state,
            leases,
            exchange: current,
            user_change: _,
            oversize: _,
            kind: _,
        } = self;
        let Some(exchange) = current else {
            return Ok(Carried::On);
        };
        let Some(lease) = leases.get_mut(exchange.server) else {
            return Ok(Carried::On);
        };
        let watch = Watch::new(context, exchange.server, id.get().get());
        match relay::exchange(client, state.rewrite(), lease, exchange, alarm, watch).await {
            Ok(()) => self.conclude(context, attempts),
            Err(broken) => self.recover(broken, context, attempts),
        }
    }

    /// Last words, where they can be said in order.
    async fn say_goodbye(&mut self, error: &SessionError) {
        const LAST_WORDS: Duration = Duration::from_secs(1);
        let sequence = match &self.exchange {
            // It is the client's turn to speak, or it has been told.
            None if self.user_change.is_some() || self.oversize.is_some() => None,
            None => self.sequence_between_requests(),
            Some(exchange) => exchange.sequence_for_error(),
        };
        if let (Some(sequence), Some(packet)) = (sequence, error.to_client()) {
            answer::put_error(self.client.outbound(), sequence, &packet);
            // The client may be gone or stuck; its connection ends either way.
            tokio::time::timeout(LAST_WORDS, self.client.flush())
                .await
                .ok();
        }
    }

    /// The sequence number of an answer to the request that waits; 0 when none does, and `None` when a part
    /// of it is still on its way.
    fn sequence_between_requests(&self) -> Option<u8> {
        let mut packet = PacketTracker::default();
        let read = packet.advance(self.client.inbound());
        if read == 0 {
            return Some(0);
        }
        packet.is_done().then(|| packet.next_sequence())
    }

    /// Leaves the servers whose sessions are at rest; one that is in the middle of something is just
    /// closed, which ends what it is doing.
    async fn leave_servers(&mut self, context: &Context) {
        const PATIENCE: Duration = Duration::from_millis(100);
        for mut session in self.leave_all(context) {
            let stream = &mut session.stream;
            stream.put_packet(0, &[CommandKind::Quit.byte()]);
            // It is closed next in any case.
            tokio::time::timeout(PATIENCE, stream.flush()).await.ok();
        }
    }

    /// With transaction pooling, gives the server sessions to others while nothing ties the client to
    /// them.
    pub(crate) fn hand_on(&mut self, context: &Context) {
        let is_free = self.exchange.is_none() && self.state.may_move();
        if !is_free || self.leases.is_empty() || !self.state.shares_by_transaction() {
            return;
        }
        // Others count there from now on.
        self.state.found_rows_at = None;
        self.state.row_count_at = None;
        for lease in self.leases.take_all() {
            if lease.is_shared() {
                let aimed = self.id.try_leave_place();
                give_back::hand_on(lease, &self.state, aimed, context);
            } else {
                self.leases.add(lease);
            }
        }
    }

    /// What ties the client to a server session, for the metrics.
    fn pinned_by(&self) -> Option<PinReason> {
        let holds_last = self.state.keeps_last && self.state.shares_by_transaction();
        let last = (holds_last && !self.leases.is_empty()).then_some(PinReason::LastStatement);
        self.state.pin.as_ref().and_then(Pin::reason).or(last)
    }

    /// Gives every server session back to its pool. What is at rest and has none is returned.
    pub(crate) fn leave_all(&mut self, context: &Context) -> Vec<ServerSession> {
        let busy = self.exchange.as_ref().map(|exchange| exchange.server);
        let pinned = self.state.pin.as_ref();
        let holds = pinned.filter(|pin| pin.outlives_reset());
        let holds = holds.map(|pin| pin.server);
        let mut at_rest = Vec::new();
        for lease in self.leases.take_all() {
            let addr = Some(lease.session.addr);
            if addr == busy || (lease.is_shared() && addr == holds) {
                continue;
            }
            let is_clean = self.state.is_clean() && lease.synced.prepared.is_empty();
            match self.id.try_leave_place() {
                // As good as reset, so it goes to the next at once.
                None if is_clean && lease.is_shared() && !context.is_draining() => {
                    give_back::hand_on(lease, &self.state, NOBODY, context);
                }
                aimed => at_rest.extend(give_back::leave(lease, aimed, context)),
            }
        }
        at_rest
    }
}
