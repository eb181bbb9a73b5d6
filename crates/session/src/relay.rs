//! Carries one exchange: sync steps, the request, the answer.
//!
//! Every wait in here may be abandoned: all progress is in the [`Exchange`] and in the buffers of the
//! two streams, and [`exchange`] goes on from there. At most one frame's worth of a control packet is
//! held; everything else is passed on as it comes, at the speed of the slower side.

use crate::alarm::Alarm;
use crate::answer::{self, Rewrite};
use crate::exchange::{Exchange, PreparedAnswer, Reply, Request, Stage};
use crate::leases::{Lease, ServerStatement};
use crate::retry;
use crate::room;
use crate::sync::SyncStep;
use crate::watch::{FIRST_LOOK, Lost, Watch, next_look};
use bytes::BytesMut;
use odp_protocol::stream::{Stream, StreamError};
use odp_protocol::{
    CommandKind, Control, ErrPacket, FrameHeader, Framing, HEADER_LEN, InfileTracker, OkFormat,
    OkPacket, PrepareOk, ProtocolError, ResponseTracker, Step, finish_frame, put_row_head,
    row_head_value, start_frame,
};
use std::io;
use std::time::Duration;
use tokio::time::Instant;

/// How much a client may send ahead of the answer it waits for, in bytes, before it is no longer
/// watched for going away.
const PIPELINE_MAX: usize = 64 << 10;

/// How long a client that has closed its side is waited with for more of its answer.
const GRACE: Duration = Duration::from_millis(200);

/// Where the statement id stands in the frame of a command with one: behind header and command.
const STATEMENT_AT: usize = HEADER_LEN + 1;

/// A statement id that no server gives, for what a client asks of a statement that it does not have: the
/// server must not take it for one of its own.
const NOBODYS: u32 = u32::MAX;

/// Why an exchange did not come to its end.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The client went away or failed.
    Client(StreamError),
    /// The server's connection failed, or it sent what cannot be understood.
    Server(StreamError),
    /// The server was silent for too long.
    Silence(Duration),
    /// There is no hope for an answer of the server.
    Lost(Lost),
    /// The server refused a sync step.
    Sync(ErrPacket),
}

impl From<ProtocolError> for Broken {
    /// Bytes that cannot be understood here always come from a server.
    fn from(error: ProtocolError) -> Self {
        Self::Server(error.into())
    }
}

fn from_client(error: io::Error) -> Broken {
    Broken::Client(error.into())
}

fn from_server(error: io::Error) -> Broken {
    Broken::Server(error.into())
}

/// Carries `exchange` on from where it stands to its end. May be dropped at any wait.
pub(crate) async fn exchange(
    client: &mut Stream,
    rewrite: Rewrite,
    lease: &mut Lease,
    exchange: &mut Exchange,
    alarm: &mut Alarm,
    watch: Watch<'_>,
) -> Result<(), Broken> {
    loop {
        match &mut exchange.stage {
            Stage::Ready => send_next(lease, exchange),
            Stage::Sync { .. } => sync(client, lease, exchange, alarm, watch).await?,
            Stage::Request { .. } => send_request(client, lease, exchange, alarm, watch).await?,
            Stage::Response { .. } => {
                respond(client, rewrite, lease, exchange, alarm, watch).await?;
            }
            Stage::Upload { .. } => upload(client, lease, exchange, alarm, watch).await?,
            Stage::Done => return to_client(client.flush(), exchange.write_ms, alarm).await,
        }
    }
}

fn send_next(lease: &mut Lease, exchange: &mut Exchange) {
    if let Some(step) = exchange.steps.pop_front() {
        step.put(lease.session.stream.outbound());
        let tracker = ResponseTracker::new(step.kind(), lease.session.framing);
        exchange.stage = Stage::Sync {
            step,
            tracker,
            error: None,
            prepared: None,
        };
        return;
    }
    let mut head = std::mem::take(&mut exchange.request.head);
    if let Some(statement) = exchange.request.statement
        && exchange.request.prepares.is_none()
        && let Some(place) = head.get_mut(STATEMENT_AT..STATEMENT_AT + 4)
    {
        let known = lease.synced.prepared.get_mut(&statement);
        let id = known.map_or(NOBODYS, |known| {
            known.has_types |= exchange.kind == CommandKind::StmtExecute;
            known.id
        });
        place.copy_from_slice(&id.to_le_bytes());
    }
    let out = lease.session.stream.outbound();
    if out.is_empty() {
        *out = head;
    } else {
        out.extend_from_slice(&head);
    }
    exchange.stopwatch.start();
    exchange.stage = Stage::Request { passable: 0 };
}

/// Reads the answer of a sync step.
async fn sync(
    client: &mut Stream,
    lease: &mut Lease,
    exchange: &mut Exchange,
    alarm: &mut Alarm,
    watch: Watch<'_>,
) -> Result<(), Broken> {
    let limit = exchange.silence_ms;
    let Stage::Sync {
        step,
        tracker,
        error,
        prepared,
    } = &mut exchange.stage
    else {
        return Ok(());
    };
    let server = &mut lease.session.stream;
    to_server(server, alarm, watch).await?;
    loop {
        match tracker.next(server.inbound())? {
            Step::Forward(count) => server.consume(count),
            Step::Packet(control, count) => {
                let packet = server.take(count);
                let payload = packet.get(HEADER_LEN..).unwrap_or_default();
                match control {
                    Control::Err => *error = Some(ErrPacket::parse(payload)?.into()),
                    Control::PrepareOk => *prepared = Some(PrepareOk::parse(payload)?.statement),
                    _ => {}
                }
            }
            Step::More(_) => read_server(client, server, limit, alarm, watch).await?,
            Step::Done => break,
        }
    }
    if let Some(error) = error.take() {
        return Err(Broken::Sync(error.into()));
    }
    match step {
        SyncStep::Database(name) => lease.synced.database = std::mem::take(name),
        SyncStep::Variables { version, .. } => {
            lease.synced.variables = *version;
            lease.synced.corrections.clear();
            lease.synced.strangers.clear();
        }
        SyncStep::OneRow | SyncStep::UserVariables(_) | SyncStep::Begin(_) => {}
        SyncStep::Prepare {
            statement,
            is_as_prepared,
            ..
        } => {
            if let Some(id) = *prepared {
                let known = ServerStatement::new(id, *is_as_prepared);
                lease.synced.learn_statement(*statement, known);
            }
        }
    }
    exchange.stage = Stage::Ready;
    Ok(())
}

/// Sends what was read of the request, then what is still coming from the client.
async fn send_request(
    client: &mut Stream,
    lease: &mut Lease,
    exchange: &mut Exchange,
    alarm: &mut Alarm,
    watch: Watch<'_>,
) -> Result<(), Broken> {
    let Exchange {
        stage,
        request,
        read_ms: read,
        ..
    } = exchange;
    let Stage::Request { passable } = stage else {
        return Ok(());
    };
    let server = &mut lease.session.stream;
    to_server(server, alarm, watch).await?;
    loop {
        if *passable > 0 {
            forward_to_server(client, server, passable, alarm, watch).await?;
        }
        if request.body.is_done() {
            break;
        }
        *passable = request.body.advance(client.inbound());
        if *passable == 0 {
            from_slow_client(client, *read, alarm).await?;
        }
    }
    client.shed();
    exchange.stage = Stage::Response {
        tracker: tracker_of(exchange, lease.session.framing),
        passable: 0,
        started: false,
    };
    Ok(())
}

fn tracker_of(exchange: &Exchange, framing: Framing) -> ResponseTracker {
    let tracker = ResponseTracker::new(exchange.kind, framing);
    let is_text = matches!(exchange.kind, CommandKind::Query | CommandKind::ProcessInfo);
    if is_text && !exchange.request.aliases.is_empty() {
        tracker.stopping_at_rows()
    } else {
        tracker
    }
}

/// Passes the answer on.
async fn respond(
    client: &mut Stream,
    rewrite: Rewrite,
    lease: &mut Lease,
    exchange: &mut Exchange,
    alarm: &mut Alarm,
    watch: Watch<'_>,
) -> Result<(), Broken> {
    let Exchange {
        stage,
        reply,
        request,
        silence_ms: limit,
        write_ms: write,
        stopwatch,
        ..
    } = exchange;
    let Stage::Response {
        tracker,
        passable,
        started,
    } = stage
    else {
        return Ok(());
    };
    let server = &mut lease.session.stream;
    loop {
        if *passable > 0 {
            *started = true;
            to_client(client.forward(server, passable), *write, alarm).await?;
        }
        match tracker.next(server.inbound())? {
            Step::Forward(count) => *passable = count,
            Step::Packet(control, count) => {
                let packet = server.inbound().get(..count).unwrap_or_default();
                if control == Control::Err
                    && !*started
                    && let Some(refusal) = refusal(packet, request)
                {
                    reply.error = Some(refusal.code);
                    reply.refusal = Some(refusal.into());
                    server.consume(count);
                    continue;
                }
                *started |= control != Control::ExtraOk;
                let out = client.outbound();
                note_control(out, control, packet, rewrite, request, reply)
                    .inspect_err(|_| tracker.take_back(control))?;
                server.consume(count);
                if control == Control::LocalInfile {
                    client.consume(std::mem::take(&mut request.kept));
                    let (tracker, infile) = (tracker.clone(), InfileTracker::default());
                    *stage = Stage::Upload {
                        tracker,
                        infile,
                        passable: 0,
                    };
                    return Ok(());
                }
            }
            Step::More(_) => {
                to_client(client.flush(), *write, alarm).await?;
                read_server(client, server, *limit, alarm, watch).await?;
                stopwatch.stop();
            }
            Step::Done => {
                reply.status = tracker.status().unwrap_or(reply.status);
                server.shed();
                *stage = Stage::Done;
                return Ok(());
            }
        }
    }
}

/// Writes the front of a row for the client, with the id that KILL takes from it.
fn put_session(out: &mut BytesMut, head: &[u8], request: &Request) {
    let shown = std::str::from_utf8(row_head_value(head)).ok();
    let alias = shown
        .and_then(|text| text.parse().ok())
        .and_then(|id: u32| request.aliases.get(&id));
    match alias {
        Some(id) => put_row_head(out, head, id.to_string().as_bytes()),
        None => out.extend_from_slice(head),
    }
}

/// The error in `packet`, when it says that the request did not run, and that is still here.
fn refusal(packet: &[u8], request: &Request) -> Option<ErrPacket> {
    if request.kept == 0 {
        return None;
    }
    let error = ErrPacket::parse(packet.get(HEADER_LEN..).unwrap_or_default()).ok()?;
    let is_full = request.prepares.is_some() && error.code == room::TOO_MANY_STATEMENTS;
    (is_full || retry::says_not_run(error.code)).then_some(error)
}

/// Writes a control packet for the client, unless it is the proxy's alone, and notes what it says.
fn note_control(
    out: &mut BytesMut,
    control: Control,
    packet: &[u8],
    rewrite: Rewrite,
    request: &Request,
    reply: &mut Reply,
) -> Result<(), ProtocolError> {
    let sequence = FrameHeader::read(packet).map_or(1, |header| header.sequence);
    let payload = packet.get(HEADER_LEN..).unwrap_or_default();
    match (control, rewrite) {
        (Control::Ok, Rewrite::For(format)) => {
            let ok = OkPacket::parse(payload, OkFormat::Tracked)?;
            reply.warnings = ok.warnings;
            reply.note_changes(answer::put_server_ok(out, sequence, payload, format)?);
        }
        (Control::ExtraOk, _) => {
            let ok = OkPacket::parse(payload, OkFormat::Tracked)?;
            reply.warnings = reply.warnings.max(ok.warnings);
            reply.note_changes(ok.changes);
        }
        (Control::PrepareOk, Rewrite::For(_)) => {
            let server = PrepareOk::parse(payload)?;
            let statement = request.statement.unwrap_or_default();
            reply.prepared = Some(PreparedAnswer::new(statement, &server));
            let start = start_frame(out);
            PrepareOk {
                statement,
                ..server
            }
            .put(out);
            finish_frame(out, start, sequence);
        }
        (Control::RowHead, _) => put_session(out, packet, request),
        (Control::Err, _) => {
            reply.error = Some(ErrPacket::parse(payload)?.code);
            out.extend_from_slice(packet);
        }
        _ => out.extend_from_slice(packet),
    }
    Ok(())
}

/// Passes a local file from the client to the server.
async fn upload(
    client: &mut Stream,
    lease: &mut Lease,
    exchange: &mut Exchange,
    alarm: &mut Alarm,
    watch: Watch<'_>,
) -> Result<(), Broken> {
    let (read, write) = (exchange.read_ms, exchange.write_ms);
    let Stage::Upload {
        tracker,
        infile,
        passable,
    } = &mut exchange.stage
    else {
        return Ok(());
    };
    let server = &mut lease.session.stream;
    to_client(client.flush(), write, alarm).await?;
    loop {
        if *passable > 0 {
            forward_to_server(client, server, passable, alarm, watch).await?;
        }
        if infile.is_done() {
            break;
        }
        *passable = infile.advance(client.inbound());
        if *passable == 0 && !infile.is_done() {
            from_slow_client(client, read, alarm).await?;
        }
    }
    let tracker = tracker.clone();
    exchange.stage = Stage::Response {
        tracker,
        passable: 0,
        started: true,
    };
    Ok(())
}

/// Lets the client take bytes, for at most `limit_ms` (`net_write_timeout`) without progress.
async fn to_client(
    work: impl Future<Output = io::Result<()>>,
    limit_ms: u64,
    alarm: &mut Alarm,
) -> Result<(), Broken> {
    tokio::select! {
        biased;
        done = work => done.map_err(from_client),
        () = alarm.ring_after(Some(Duration::from_millis(limit_ms))) => {
            Err(from_client(io::ErrorKind::TimedOut.into()))
        }
    }
}

/// Reads from a client that is in the middle of its request, for at most `limit_ms`
/// (`net_read_timeout`).
async fn from_slow_client(
    client: &mut Stream,
    limit_ms: u64,
    alarm: &mut Alarm,
) -> Result<(), Broken> {
    tokio::select! {
        biased;
        read = read_client(client) => read,
        () = alarm.ring_after(Some(Duration::from_millis(limit_ms))) => {
            Err(from_client(io::ErrorKind::TimedOut.into()))
        }
    }
}

/// Sends what is to be sent, as long as there is hope that the server takes it.
async fn to_server(server: &mut Stream, alarm: &mut Alarm, watch: Watch<'_>) -> Result<(), Broken> {
    let mut wait = Wait::default();
    loop {
        tokio::select! {
            biased;
            done = server.flush() => return done.map_err(from_server),
            () = alarm.ring_after(Some(wait.pause(None))) => wait.look(server, None, watch)?,
        }
    }
}

/// Passes `count` bytes on to the server, as long as there is hope that it takes them.
async fn forward_to_server(
    client: &mut Stream,
    server: &mut Stream,
    count: &mut usize,
    alarm: &mut Alarm,
    watch: Watch<'_>,
) -> Result<(), Broken> {
    let mut wait = Wait::default();
    loop {
        tokio::select! {
            biased;
            done = server.forward(client, count) => return done.map_err(from_server),
            () = alarm.ring_after(Some(wait.pause(None))) => wait.look(server, None, watch)?,
        }
    }
}

/// A wait on a server: how long it has lasted. Those that are over at once never look at the clock.
#[derive(Debug, Default)]
struct Wait {
    since: Option<Instant>,
}

impl Wait {
    /// The time until the next look at the server, or until the limit.
    fn pause(&self, limit: Option<Duration>) -> Duration {
        let waited = self.since.map_or(Duration::ZERO, |since| since.elapsed());
        let left = limit.map_or(Duration::MAX, |limit| limit.saturating_sub(waited));
        next_look(waited).min(left)
    }

    /// Looks at the server once a pause is over.
    fn look(
        &mut self,
        server: &Stream,
        limit: Option<Duration>,
        watch: Watch<'_>,
    ) -> Result<(), Broken> {
        let since = self.since.get_or_insert_with(|| {
            let now = Instant::now();
            now.checked_sub(FIRST_LOOK).unwrap_or(now)
        });
        let waited = since.elapsed();
        if let Some(limit) = limit.filter(|&limit| waited >= limit) {
            return Err(Broken::Silence(limit));
        }
        match watch.look(server, waited) {
            Some(lost) => Err(Broken::Lost(lost)),
            None => Ok(()),
        }
    }
}

async fn read_client(client: &mut Stream) -> Result<(), Broken> {
    match client.read_more().await {
        Ok(0) => Err(Broken::Client(StreamError::Closed)),
        Ok(_) => Ok(()),
        Err(error) => Err(from_client(error)),
    }
}

/// Reads from the server, at most `limit` milliseconds, and notices when the client goes away.
async fn read_server(
    client: &mut Stream,
    server: &mut Stream,
    limit: Option<u64>,
    alarm: &mut Alarm,
    watch: Watch<'_>,
) -> Result<(), Broken> {
    let limit = limit.map(Duration::from_millis);
    let mut wait = Wait::default();
    // A client that has closed its side alone still reads, and one that is gone looks the same.
    let mut has_closed = false;
    loop {
        let pause = if has_closed { GRACE } else { wait.pause(limit) };
        tokio::select! {
            biased;
            read = server.read_more() => return match read {
                Ok(0) => Err(Broken::Server(StreamError::Closed)),
                Ok(_) => Ok(()),
                Err(error) => Err(from_server(error)),
            },
            ahead = read_client(client), if !has_closed && client.inbound().len() < PIPELINE_MAX => {
                match ahead {
                    Err(Broken::Client(StreamError::Closed)) => has_closed = true,
                    ahead => ahead?,
                }
            }
            () = alarm.ring_after(Some(pause)) => {
                if has_closed {
                    return Err(Broken::Client(StreamError::Closed));
                }
                wait.look(server, limit, watch)?;
            }
        }
    }
}
