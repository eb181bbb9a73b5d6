//! Where the machine stands: who serves, who comes up, who comes to an end.

use crate::event::GenerationId;
use crate::timing::Timing;
use crate::watch::Watch;
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) enum Phase {
    /// No generation runs.
    Stopped,
    /// A generation comes up, and none serves.
    Starting(Candidate),
    /// A generation serves.
    Serving(Active),
    /// A generation serves while its successor comes up.
    Replacing { old: Active, new: Candidate },
    /// Generations die in a row; the next one waits.
    BackingOff { until: Instant },
    /// A generation serves, but load balancers are told to look away.
    Leaving { active: Active, until: Instant },
    /// Nobody is served any more; it is over when the last generation has ended.
    Ending,
    /// Everything has ended.
    Done,
}

#[derive(Debug)]
pub(super) struct Active {
    pub(super) generation: GenerationId,
    pub(super) since: Instant,
    pub(super) watch: Watch,
}

#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) generation: GenerationId,
    pub(super) step: Coming,
    pub(super) deadline: Instant,
    pub(super) timing: Option<Timing>,
}

impl Candidate {
    /// How long a step may take: by its own configuration once that is read, before by that in force.
    pub(super) fn ready_timeout(&self, in_force: Timing) -> Duration {
        self.timing.unwrap_or(in_force).ready_timeout
    }
}

/// What a candidate has to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coming {
    /// Its configuration and binary are being looked at.
    Prepare,
    /// The listeners are being opened for it.
    Listen,
    /// Its process has to say Hello.
    Hello,
    /// Its predecessor has to hand out the snapshot.
    Snapshot,
    /// It has to get ready.
    Ready,
}

/// A generation that comes to its end.
#[derive(Debug)]
pub(super) struct Other {
    pub(super) generation: GenerationId,
    pub(super) fate: Fate,
    pub(super) deadline: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It ends its sessions.
    Draining,
    /// All its sessions have ended.
    Drained,
    /// It was killed.
    Dying,
}

impl Active {
    pub(super) fn new(generation: GenerationId, now: Instant) -> Self {
        Self {
            generation,
            since: now,
            watch: Watch::new(now),
        }
    }
}

impl Coming {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Prepare => "the configuration and the binary could not be read",
            Self::Listen => "the listeners could not be opened",
            Self::Hello => "the new data plane did not say hello",
            Self::Snapshot => "the snapshot was not handed out",
            Self::Ready => "the new data plane was not ready",
        }
    }
}
