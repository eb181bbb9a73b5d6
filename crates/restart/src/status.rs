//! What the coordinator tells about itself.

use crate::operation::Operation;
use crate::table::State;
use crate::{GenerationId, Program};
use std::sync::Arc;
use std::time::Instant;

/// The last heartbeat of a generation.
#[derive(Debug, Clone)]
pub struct Heard {
    /// Whose it was.
    pub generation: GenerationId,
    /// When it arrived.
    pub at: Instant,
    /// What it said; opaque.
    pub snapshot: Arc<[u8]>,
}

/// What the coordinator knows at this moment.
#[derive(Debug, Clone)]
pub struct Status {
    /// The state.
    pub state: State,
    /// The number of the latest generation; 0 before the first.
    pub generation: GenerationId,
    /// The process id of the data plane; none while none runs.
    pub data_plane: Option<u32>,
    /// When the last generation that was Ready ceased to be; none while one is Ready.
    pub unready_since: Option<Instant>,
    /// The last heartbeat of the generation that serves, or of the last one that did.
    pub heard: Option<Heard>,
    /// The last heartbeats of generations that only end their sessions.
    pub leaving: Vec<Heard>,
    /// How the last generation ended that was not asked to, in words.
    pub last_exit: Option<String>,
    /// The last lines that it wrote to stderr.
    pub last_log: Vec<String>,
    /// The last operations; the newest, perhaps under way, is the last.
    pub operations: Vec<Operation>,
    /// The binary of the data plane.
    pub program: Program,
}
