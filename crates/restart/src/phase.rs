//! What the coordinator does next, as a pure state machine.
//!
//! Events and the time come in, actions go out; nothing here touches a process, a socket or a clock.

use crate::crashes::Crashes;
use crate::timing::Timing;
use crate::watch::Watch;
use std::time::{Duration, Instant};

/// Something that happened. Events of a generation that is not the current one change nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The coordinator runs.
    Start,
    /// A generation said Hello.
    Hello {
        /// Which one.
        generation: u64,
    },
    /// A generation is Ready.
    Ready {
        /// Which one.
        generation: u64,
    },
    /// A generation says that it will not become ready.
    Failed {
        /// Which one.
        generation: u64,
    },
    /// A generation sent its ticks.
    Heartbeat {
        /// Which one.
        generation: u64,
        /// A counter a worker.
        ticks: Vec<u64>,
    },
    /// The process of a generation has ended, or could not be started.
    Exited {
        /// Which one.
        generation: u64,
    },
    /// The operator wants everything to end, with a drain.
    Stop,
    /// The operator wants everything to end now.
    Force,
    /// A deadline may have passed.
    Tick,
}

/// Something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Start a process for this generation.
    Spawn {
        /// Its number.
        generation: u64,
    },
    /// Send it the listeners, the configuration and the last snapshot.
    Offer {
        /// Its number.
        generation: u64,
    },
    /// Let it accept.
    Commit {
        /// Its number.
        generation: u64,
    },
    /// Let it end its sessions.
    Drain {
        /// Its number.
        generation: u64,
        /// How long it may take; none waits for the last client.
        timeout: Option<Duration>,
    },
    /// Close the listeners, so that clients are refused instead of queued for nobody.
    Close,
    /// Kill its process.
    Kill {
        /// Its number.
        generation: u64,
        /// Why.
        reason: KillReason,
    },
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
    /// The operator asked for it.
    Forced,
}

/// Where the coordinator stands.
#[derive(Debug, Clone)]
pub enum Phase {
    /// Nothing has been started.
    Idle,
    /// A generation is coming up.
    Starting {
        /// Its number.
        generation: u64,
        /// Until when it must be Ready.
        deadline: Instant,
        /// The deaths before it.
        crashes: Crashes,
    },
    /// A generation serves.
    Serving {
        /// Its number.
        generation: u64,
        /// Since when.
        since: Instant,
        /// Its workers.
        watch: Watch,
        /// The deaths before it.
        crashes: Crashes,
    },
    /// Generations die in a row; the next one waits.
    BackingOff {
        /// The number of the next one.
        next: u64,
        /// When it is started.
        until: Instant,
        /// The deaths so far.
        crashes: Crashes,
    },
    /// A generation serves, but load balancers are told to look away.
    Leaving {
        /// Its number.
        generation: u64,
        /// Until when it serves.
        until: Instant,
    },
    /// A generation ends its sessions.
    Draining {
        /// Its number.
        generation: u64,
        /// When it is killed.
        deadline: Option<Instant>,
    },
    /// Everything has ended.
    Done,
}

impl Phase {
    /// Takes an event and says what comes next and what is to be done.
    #[must_use]
    pub fn on(self, event: &Event, now: Instant, timing: &Timing) -> (Self, Vec<Action>) {
        match event {
            Event::Start => self.start(now, timing),
            Event::Stop => self.stop(now, timing),
            Event::Force => self.force(now),
            Event::Tick => self.tick(now, timing),
            Event::Hello { generation }
            | Event::Ready { generation }
            | Event::Failed { generation }
            | Event::Heartbeat { generation, .. }
            | Event::Exited { generation } => {
                if self.generation() == Some(*generation) {
                    self.heard(*generation, event, now, timing)
                } else {
                    (self, Vec::new())
                }
            }
        }
    }

    /// The generation that runs.
    #[must_use]
    pub fn generation(&self) -> Option<u64> {
        match *self {
            Self::Starting { generation, .. }
            | Self::Serving { generation, .. }
            | Self::Leaving { generation, .. }
            | Self::Draining { generation, .. } => Some(generation),
            Self::Idle | Self::BackingOff { .. } | Self::Done => None,
        }
    }

    /// When [`Event::Tick`] is due.
    #[must_use]
    pub fn wakeup(&self, timing: &Timing) -> Option<Instant> {
        match *self {
            Self::Starting { deadline, .. } => Some(deadline),
            Self::Serving { ref watch, .. } => Some(watch.due(timing.hang_timeout)),
            Self::BackingOff { until, .. } | Self::Leaving { until, .. } => Some(until),
            Self::Draining { deadline, .. } => deadline,
            Self::Idle | Self::Done => None,
        }
    }

    fn start(self, now: Instant, timing: &Timing) -> (Self, Vec<Action>) {
        match self {
            Self::Idle => Self::spawn(1, Crashes::default(), now, timing),
            other => (other, Vec::new()),
        }
    }

    fn spawn(
        generation: u64,
        crashes: Crashes,
        now: Instant,
        timing: &Timing,
    ) -> (Self, Vec<Action>) {
        let deadline = now + timing.ready_timeout;
        let phase = Self::Starting {
            generation,
            deadline,
            crashes,
        };
        (phase, vec![Action::Spawn { generation }])
    }

    fn heard(
        self,
        generation: u64,
        event: &Event,
        now: Instant,
        timing: &Timing,
    ) -> (Self, Vec<Action>) {
        match (self, event) {
            (phase @ Self::Starting { .. }, Event::Hello { .. }) => {
                (phase, vec![Action::Offer { generation }])
            }
            (Self::Starting { crashes, .. }, Event::Ready { .. }) => {
                let phase = Self::Serving {
                    generation,
                    since: now,
                    watch: Watch::new(now),
                    crashes,
                };
                (phase, vec![Action::Commit { generation }])
            }
            (phase @ Self::Starting { .. }, Event::Failed { .. }) => {
                let reason = KillReason::Failed;
                (phase, vec![Action::Kill { generation, reason }])
            }
            (mut phase, Event::Heartbeat { ticks, .. }) => {
                if let Self::Serving { watch, .. } = &mut phase {
                    watch.see(ticks, now);
                }
                (phase, Vec::new())
            }
            (phase, Event::Exited { .. }) => phase.exited(generation, now, timing),
            (phase, _) => (phase, Vec::new()),
        }
    }

    fn exited(self, generation: u64, now: Instant, timing: &Timing) -> (Self, Vec<Action>) {
        let crashes = match self {
            Self::Starting { crashes, .. } => crashes.after_death(None, now),
            Self::Serving { crashes, since, .. } => crashes.after_death(Some(since), now),
            Self::Leaving { .. } | Self::Draining { .. } => return (Self::Done, Vec::new()),
            other @ (Self::Idle | Self::BackingOff { .. } | Self::Done) => {
                return (other, Vec::new());
            }
        };
        let next = generation + 1;
        match crashes.delay() {
            Duration::ZERO => Self::spawn(next, crashes, now, timing),
            delay => {
                let until = now + delay;
                let phase = Self::BackingOff {
                    next,
                    until,
                    crashes,
                };
                (phase, Vec::new())
            }
        }
    }

    fn stop(self, now: Instant, timing: &Timing) -> (Self, Vec<Action>) {
        match self {
            Self::Serving { generation, .. } => {
                let until = now + timing.exit_delay;
                if until > now {
                    (Self::Leaving { generation, until }, Vec::new())
                } else {
                    Self::drain(generation, now, timing)
                }
            }
            Self::Starting { .. } => self.force(now),
            Self::Idle | Self::BackingOff { .. } => (Self::Done, Vec::new()),
            other => (other, Vec::new()),
        }
    }

    fn drain(generation: u64, now: Instant, timing: &Timing) -> (Self, Vec<Action>) {
        let timeout = timing.drain_timeout;
        let deadline = timeout.map(|timeout| now + timeout + Timing::DRAIN_GRACE);
        let phase = Self::Draining {
            generation,
            deadline,
        };
        let action = Action::Drain {
            generation,
            timeout,
        };
        (phase, vec![action, Action::Close])
    }

    fn force(self, now: Instant) -> (Self, Vec<Action>) {
        match self.generation() {
            None => (Self::Done, Vec::new()),
            Some(generation) => {
                let deadline = Some(now + Timing::DRAIN_GRACE);
                let phase = Self::Draining {
                    generation,
                    deadline,
                };
                let reason = KillReason::Forced;
                (phase, vec![Action::Kill { generation, reason }])
            }
        }
    }

    fn tick(self, now: Instant, timing: &Timing) -> (Self, Vec<Action>) {
        let Some(due) = self.wakeup(timing).filter(|&due| due <= now) else {
            return (self, Vec::new());
        };
        let kill = |generation, reason| vec![Action::Kill { generation, reason }];
        match self {
            Self::Starting {
                generation,
                crashes,
                ..
            } => {
                // The kill may take a moment to be seen; it is not repeated in every tick meanwhile.
                let deadline = now + timing.ready_timeout;
                let phase = Self::Starting {
                    generation,
                    deadline,
                    crashes,
                };
                (phase, kill(generation, KillReason::NotReady))
            }
            Self::Serving {
                generation,
                since,
                mut watch,
                crashes,
            } => {
                let late = now.saturating_duration_since(due) > Timing::OWN_DELAY;
                watch.rebase(now);
                let phase = Self::Serving {
                    generation,
                    since,
                    watch,
                    crashes,
                };
                let actions = if late {
                    Vec::new()
                } else {
                    kill(generation, KillReason::Hung)
                };
                (phase, actions)
            }
            Self::BackingOff { next, crashes, .. } => Self::spawn(next, crashes, now, timing),
            Self::Leaving { generation, .. } => Self::drain(generation, now, timing),
            Self::Draining { generation, .. } => {
                let deadline = Some(now + Timing::DRAIN_GRACE);
                let phase = Self::Draining {
                    generation,
                    deadline,
                };
                (phase, kill(generation, KillReason::NotDrained))
            }
            other @ (Self::Idle | Self::Done) => (other, Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests;
