//! The messages of the control channel, as plain data.
//!
//! Variants are only ever appended: a generation of the next release must understand a coordinator of
//! this one, and the other way round. What odp itself carries (configuration, snapshot) is opaque here.

use crate::event::Pace;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// The version of the control protocol, sent in every frame.
pub const PROTOCOL_VERSION: u16 = 1;

/// The longest snapshot in bytes that a generation passes to the next.
pub const MAX_SNAPSHOT: usize = 64 << 20;
/// How much of a snapshot travels in one message.
pub(crate) const CHUNK: usize = 256 << 10;

/// The first word of a data plane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The release of the binary, for example `0.1.0`.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// The formats of session records that it reads; it writes the first.
    pub record_formats: Vec<u16>,
}

/// What the data plane tells about itself every 250 ms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Its process id.
    pub pid: u32,
    /// One counter a worker thread; a worker whose counter stands still does not run.
    pub ticks: Vec<u64>,
    /// What `/v1/status` and `/metrics` are answered from; opaque to the coordinator.
    pub snapshot: Vec<u8>,
}

/// What an offered listener is, beside its descriptor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ListenerMeta {
    pub(crate) name: String,
    pub(crate) addr: SocketAddr,
}

/// Everything that a generation starts from. The descriptors travel beside it: the listeners in this
/// order, then a stderr that outlives the coordinator; the snapshot follows in chunks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Offer {
    pub(crate) generation: u64,
    pub(crate) listeners: Vec<ListenerMeta>,
    pub(crate) config: Vec<u8>,
    /// The length of the snapshot in bytes; none when there is none.
    pub(crate) snapshot: Option<u64>,
}

/// A data plane that lost its coordinator, to the next one; the listeners travel beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Estate {
    pub(crate) hello: Hello,
    pub(crate) generation: u64,
    pub(crate) listeners: Vec<ListenerMeta>,
    pub(crate) heartbeat: Heartbeat,
}

/// Coordinator to data plane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Down {
    /// The answer to Hello.
    Offer(Offer),
    /// Start to accept.
    Commit,
    /// Accept no more; sessions end at their transaction boundary, the rest at the deadline.
    Drain {
        /// Milliseconds from now; none waits for the last client.
        deadline_ms: Option<u64>,
        /// When each session ends.
        pace: Pace,
    },
    /// End now.
    Shutdown,
    /// Hand out a copy of what the next generation should know.
    Snapshot,
    /// A part of the snapshot that an offer announced.
    Chunk(Vec<u8>),
    /// What the proxy has to say beside the configuration; opaque.
    Notice(Vec<u8>),
}

/// Data plane to coordinator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Up {
    /// The first message.
    Hello(Hello),
    /// Configuration checked, snapshot loaded: may be committed.
    Ready,
    /// Will not become ready, and why.
    Failed {
        /// One line for the operator.
        reason: String,
    },
    /// A sign of life.
    Heartbeat(Heartbeat),
    /// The last session has ended.
    Drained,
    /// A part of the snapshot.
    Chunk {
        /// The bytes.
        bytes: Vec<u8>,
        /// Whether it is the last one.
        last: bool,
    },
    /// The first message to a coordinator that takes this data plane over.
    Estate(Estate),
}
