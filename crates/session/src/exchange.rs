//! One request on one server session, from the first sync statement to the last byte of the answer, as
//! plain data: it can be written down and taken up elsewhere between any two reads.

use crate::effects::Effects;
use crate::retry::Progress;
use crate::stopwatch::Stopwatch;
use crate::sync::SyncStep;
use bytes::{Bytes, BytesMut};
use odp_cluster::ServerAddr;
use odp_protocol::{
    CommandKind, ErrPacket, InfileTracker, PacketTracker, PrepareOk, ResponseTracker, StatusFlags,
};
use odp_routing::Route;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// A request in progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Exchange {
    /// The server that runs it.
    pub(crate) server: ServerAddr,
    /// The command.
    pub(crate) kind: CommandKind,
    /// How the server was chosen; `None` when nothing was left to choose.
    pub(crate) route: Option<Route>,
    /// What the server session must be told first, in order.
    pub(crate) steps: VecDeque<SyncStep>,
    /// The request.
    pub(crate) request: Request,
    /// How far it has come.
    pub(crate) stage: Stage,
    /// What the server has said so far.
    pub(crate) reply: Reply,
    /// How long the server takes.
    #[serde(skip)]
    pub(crate) stopwatch: Stopwatch,
    /// The longest silence of the server while an answer is due, in milliseconds; `None` for a request
    /// that may take any time.
    pub(crate) silence_ms: Option<u64>,
    /// How long the client may send nothing in the middle of its request, in milliseconds.
    pub(crate) read_ms: u64,
    /// How long the client may take no byte of a part of the answer, in milliseconds.
    pub(crate) write_ms: u64,
}

/// What is sent to the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Request {
    /// The frames that have been read from the client, headers included; empty once they are on their
    /// way.
    pub(crate) head: BytesMut,
    /// How many bytes at the front of what was read from the client are this request: they stay there
    /// until it is answered, so that it can be sent again. 0 when it cannot.
    pub(crate) kept: usize,
    /// Follows what of the packet is still with the client.
    pub(crate) body: PacketTracker,
    /// The client's id of the prepared statement in it, when it has one.
    pub(crate) statement: Option<u32>,
    /// The text, when it is to be remembered as a prepared statement.
    pub(crate) prepares: Option<Bytes>,
    /// Clients' ids by those that servers give for them at the front of the answer's rows.
    pub(crate) aliases: BTreeMap<u32, u32>,
}

/// How far a request has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Stage {
    /// Nothing is under way; the next sync step, or the request, goes out now.
    Ready,
    /// A sync step was sent and is being answered.
    Sync {
        /// The step.
        step: SyncStep,
        /// Where its answer ends.
        tracker: ResponseTracker,
        /// What the server said against it.
        error: Option<Failure>,
        /// The id that it gave to a prepared statement.
        prepared: Option<u32>,
    },
    /// The request is being sent.
    Request {
        /// Bytes at the front of what was read from the client that belong to the server.
        passable: usize,
    },
    /// It is being answered.
    Response {
        /// Where the answer ends.
        tracker: ResponseTracker,
        /// Bytes at the front of what was read from the server that belong to the client.
        passable: usize,
        /// Whether the client has got something of the answer.
        started: bool,
    },
    /// The client sends a local file.
    Upload {
        /// Where the answer goes on afterwards.
        tracker: ResponseTracker,
        /// Where the file ends.
        infile: InfileTracker,
        /// Bytes at the front of what was read from the client that belong to the server.
        passable: usize,
    },
    /// The answer is over.
    Done,
}

/// An error that a server sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// Its code.
    pub(crate) code: u16,
    /// Its SQLSTATE.
    pub(crate) sql_state: [u8; 5],
    /// Its text.
    pub(crate) message: Vec<u8>,
}

/// What a server said in reply to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reply {
    /// The blocks of session changes in its OK packets.
    pub(crate) changes: Vec<Bytes>,
    /// The status flags of its last OK or EOF.
    #[serde(with = "status")]
    pub(crate) status: StatusFlags,
    /// How many warnings it has about the request.
    pub(crate) warnings: u16,
    /// The code of its error, when it sent one.
    pub(crate) error: Option<u16>,
    /// Its whole error, when it says that the request did not run: the client has not got it yet.
    pub(crate) refusal: Option<Failure>,
    /// What a successful request changes in the session.
    pub(crate) effects: Effects,
    /// The answer to a PREPARE: the server's id, columns and parameters.
    pub(crate) prepared: Option<PreparedAnswer>,
}

/// The answer to a PREPARE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PreparedAnswer {
    /// The client's id.
    pub(crate) client_id: u32,
    /// The server's id.
    pub(crate) server_id: u32,
    /// Columns of its result.
    pub(crate) columns: u16,
    /// Number of `?`.
    pub(crate) parameters: u16,
}

impl PreparedAnswer {
    /// The answer of a server, for the client's id.
    pub(crate) fn new(client_id: u32, answer: &PrepareOk) -> Self {
        let PrepareOk {
            statement: server_id,
            columns,
            parameters,
            ..
        } = *answer;
        Self {
            client_id,
            server_id,
            columns,
            parameters,
        }
    }
}

impl Reply {
    /// Keeps a block of session changes, if there are some in it.
    pub(crate) fn note_changes(&mut self, block: &[u8]) {
        if !block.is_empty() {
            self.changes.push(Bytes::copy_from_slice(block));
        }
    }
}

impl Exchange {
    /// An exchange at its start.
    pub(crate) fn new(server: ServerAddr, kind: CommandKind, request: Request) -> Self {
        let reply = Reply {
            changes: Vec::new(),
            status: StatusFlags::empty(),
            warnings: 0,
            error: None,
            refusal: None,
            effects: Effects::default(),
            prepared: None,
        };
        Self {
            server,
            kind,
            route: None,
            steps: VecDeque::new(),
            request,
            stage: Stage::Ready,
            reply,
            stopwatch: Stopwatch::Off,
            silence_ms: None,
            read_ms: u64::MAX,
            write_ms: u64::MAX,
        }
    }

    /// Without the measurement: another process has another clock, and the move takes its time.
    pub(crate) fn unmeasured(self) -> Self {
        Self {
            stopwatch: Stopwatch::Off,
            ..self
        }
    }

    /// Whether the client has the whole answer, or it is on its way; what the server still has to say is
    /// for the proxy.
    pub(crate) fn is_over_for_client(&self) -> bool {
        match &self.stage {
            Stage::Response {
                tracker, passable, ..
            } => *passable == 0 && tracker.is_over_for_client(),
            Stage::Done => true,
            _ => false,
        }
    }

    /// Whether the server is busy with it, as far as is known here.
    pub(crate) fn keeps_server_busy(&self) -> bool {
        matches!(self.stage, Stage::Sync { .. } | Stage::Response { .. })
    }

    /// How far the request has come.
    pub(crate) fn progress(&self) -> Progress {
        match &self.stage {
            Stage::Ready | Stage::Sync { .. } => Progress::Kept,
            Stage::Request { .. } | Stage::Response { started: false, .. } => Progress::Sent,
            Stage::Done if self.reply.refusal.is_some() => Progress::Sent,
            Stage::Response { .. } | Stage::Upload { .. } | Stage::Done => Progress::Answered,
        }
    }

    /// The sequence number with which an error can be told in order; `None` in the middle of a packet or
    /// while the client is still sending.
    pub(crate) fn sequence_for_error(&self) -> Option<u8> {
        let before = self.request.body.next_sequence();
        match &self.stage {
            _ if !self.request.body.is_done() => None,
            Stage::Ready
            | Stage::Sync { .. }
            | Stage::Request { .. }
            | Stage::Response { started: false, .. } => Some(before),
            Stage::Response {
                tracker,
                passable: 0,
                ..
            } if tracker.is_between_packets() => Some(tracker.next_sequence()),
            Stage::Response { .. } | Stage::Upload { .. } | Stage::Done => None,
        }
    }
}

impl From<ErrPacket> for Failure {
    fn from(error: ErrPacket) -> Self {
        let ErrPacket {
            code,
            sql_state,
            message,
        } = error;
        Self {
            code,
            sql_state,
            message,
        }
    }
}

impl From<Failure> for ErrPacket {
    fn from(failure: Failure) -> Self {
        let Failure {
            code,
            sql_state,
            message,
        } = failure;
        Self {
            code,
            sql_state,
            message,
        }
    }
}

mod status {
    //! Status flags as a plain number in records.
    use odp_protocol::StatusFlags;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde's `with` gives a reference"
    )]
    pub(super) fn serialize<S: Serializer>(flags: &StatusFlags, to: S) -> Result<S::Ok, S::Error> {
        flags.bits().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<StatusFlags, D::Error> {
        u16::deserialize(from).map(StatusFlags::from_bits_retain)
    }
}
