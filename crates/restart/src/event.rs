//! What the machine is told and what it asks for.

use crate::table::Command;
use crate::timing::Timing;
use std::time::Duration;

/// The number of a generation; grows by one with every start of a data plane.
pub type GenerationId = u64;

/// Something that happened. Words of a generation that is not concerned change nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The coordinator runs, and clients are to be served.
    Start,
    /// The operator's command, which the state admits; the number names its operation.
    Command(u64, Command),
    /// The configuration and the binary of a generation are there, or the reason why not; the deadlines
    /// of that configuration hold from its commit on.
    Prepared(GenerationId, Result<Timing, String>),
    /// A generation said Hello; the reason is why it cannot follow the one that serves.
    Hello(GenerationId, Result<(), String>),
    /// The serving generation has handed out its snapshot.
    Snapshot(GenerationId),
    /// A generation is Ready.
    Ready(GenerationId),
    /// A generation says that it will not become ready, and why.
    Failed(GenerationId, String),
    /// A generation sent its ticks: one counter a worker.
    Heartbeat(GenerationId, Vec<u64>),
    /// The last session of a generation has ended.
    Drained(GenerationId),
    /// The process of a generation has ended, or could not be started: how.
    Exited(GenerationId, String),
    /// The listeners are open, or the reason why not.
    Opened(Result<(), String>),
    /// The coordinator could not be replaced by the new binary.
    NotReplaced(String),
    /// The coordinator shall end: stop, then exit.
    Exit,
    /// The coordinator shall end now.
    ForceExit,
    /// A deadline may have passed.
    Tick,
}

/// What a generation is started from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Launch {
    /// The configuration and the binary as they are on disk now.
    Disk,
    /// The configuration on disk and this binary, after its checks.
    Binary(std::path::PathBuf),
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Read the configuration and open the binary for this generation; answered by `Prepared`.
    Prepare(GenerationId, Launch),
    /// Start a process for this generation.
    Spawn(GenerationId),
    /// Ask this generation for its snapshot.
    AskSnapshot(GenerationId),
    /// Send it the listeners, the configuration and the snapshot.
    Offer(GenerationId),
    /// Let it accept; what it was started from is what serves from now on.
    Commit(GenerationId),
    /// Let it end its sessions.
    Drain {
        /// Which one.
        generation: GenerationId,
        /// How long it may take; none waits for the last client.
        timeout: Option<Duration>,
        /// When each session ends.
        pace: Pace,
    },
    /// Open the listeners; answered by `Opened`.
    Open,
    /// Close the listeners, so that clients are refused instead of queued for nobody.
    Close,
    /// Kill its process.
    Kill(GenerationId, KillReason),
    /// Go back to the binary that served before the last commit.
    Revert,
    /// Replace the coordinator by the binary that serves now; a failure is answered by `NotReplaced`.
    Replace,
}

/// How the ends of sessions spread over a drain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Pace {
    /// Each as soon as it can: nobody takes the clients over.
    AtOnce,
    /// Evenly over the time, so that the clients do not come back all at once.
    Spread,
}

/// Why a data plane is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KillReason {
    /// It said that it cannot become ready.
    Failed,
    /// It was not Ready in time.
    NotReady,
    /// A worker has been silent for too long.
    Hung,
    /// It did not drain in time.
    NotDrained,
    /// The operator's command made it superfluous.
    Superseded,
    /// The operator asked for it.
    Forced,
}
