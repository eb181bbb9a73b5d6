//! Who is probed when, and what the probes and the connections that wait say of a server: pure.

use crate::{ClusterView, Detected};
use odp_cluster::ServerAddr;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Which servers are probed (`server_detect_mode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DetectMode {
    /// None.
    Off,
    /// Those that somebody waits for, and those that did not answer the last probe.
    #[default]
    Suspects,
    /// All.
    All,
}

/// The parameters of detection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DetectionLimits {
    /// Which servers are probed (`server_detect_mode`).
    pub mode: DetectMode,
    /// The time from the start of a probe to the next one of the same server
    /// (`server_detect_refresh_interval`).
    pub interval: Duration,
    /// Probes in a row without an answer after which a server is dead (`server_detect_fail_threshold`).
    pub fail_threshold: u32,
}

impl Default for DetectionLimits {
    /// `OBProxy`'s mode and threshold, and half its interval.
    fn default() -> Self {
        Self {
            mode: DetectMode::Suspects,
            interval: Duration::from_millis(500),
            fail_threshold: 3,
        }
    }
}

/// Something that a session has noticed about a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evidence {
    /// The server.
    pub server: ServerAddr,
    /// What was noticed.
    pub sign: Sign,
}

/// What was noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// A connection was refused or broke off.
    Broken,
    /// An answer is waited for.
    Waiting,
    /// A connection has sent something, repeated it, and nothing was acknowledged.
    Stuck {
        /// The connection, by a number of its own.
        connection: u32,
        /// When what is not acknowledged was sent.
        since: Instant,
    },
}

/// What came of a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probed {
    /// The server said something.
    Answered,
    /// It refused or broke the connection off.
    Refused,
    /// It said nothing in time.
    Silent,
}

/// Judges the evidence against the servers.
#[derive(Debug, Default)]
pub struct Detection {
    limits: DetectionLimits,
    servers: HashMap<ServerAddr, Suspect>,
}

#[derive(Debug, Default)]
struct Suspect {
    detected: Detected,
    /// Probes without an answer, in a row.
    failures: u32,
    is_probed: bool,
    last_probe: Option<Instant>,
    /// Until when it is probed because somebody waits for it.
    wanted_until: Option<Instant>,
    /// The next probe does not wait for the interval.
    is_urgent: bool,
    /// The connections that were stuck last, and when.
    stuck: [Option<(u32, Instant)>; 2],
}

/// The shortest time between two urgent probes.
const URGENT_INTERVAL: Duration = Duration::from_millis(20);
/// How long a connection that was stuck is a witness.
const STUCK_FOR: Duration = Duration::from_secs(1);
/// How much later than it was sent something may come from a server that had sent it before its path
/// broke.
const ON_THE_WAY: Duration = Duration::from_millis(50);

impl Detection {
    /// A judge who knows of nothing.
    #[must_use]
    pub fn new(limits: DetectionLimits) -> Self {
        Self {
            limits,
            servers: HashMap::new(),
        }
    }

    /// Takes over a server that an earlier judge found unreachable.
    pub fn adopt(&mut self, server: ServerAddr, detected: Detected) {
        self.suspect(server).detected = detected;
    }

    /// Takes evidence in; `was_heard` says whether something came from the server at a moment or later.
    /// Answers what is to be thought of the server when that has changed.
    pub fn note(
        &mut self,
        evidence: Evidence,
        was_heard: impl Fn(Instant) -> bool,
        now: Instant,
    ) -> Option<Detected> {
        if self.limits.mode == DetectMode::Off {
            return None;
        }
        let wanted_until = now + 3 * self.limits.interval;
        let suspect = self.suspect(evidence.server);
        suspect.wanted_until = Some(wanted_until);
        match evidence.sign {
            Sign::Broken => suspect.is_urgent = true,
            Sign::Waiting => {}
            Sign::Stuck { connection, since } => {
                suspect.is_urgent |= suspect.detected == Detected::Alive;
                let others = suspect.note_stuck(connection, now);
                if suspect.detected == Detected::Alive && (others || !was_heard(since + ON_THE_WAY))
                {
                    return suspect.becomes(Detected::Unreachable);
                }
            }
        }
        None
    }

    /// Takes out the servers whose probe is due.
    pub fn due(&mut self, view: &ClusterView, now: Instant) -> Vec<ServerAddr> {
        let limits = self.limits;
        if limits.mode == DetectMode::Off {
            return Vec::new();
        }
        if limits.mode == DetectMode::All {
            for server in &view.servers {
                self.suspect(server.addr);
            }
        }
        self.servers
            .retain(|&server, suspect| suspect.is_probed || view.server(server).is_some());
        let mut due = Vec::new();
        for (&server, suspect) in &mut self.servers {
            if suspect.due_at(&limits, now).is_some_and(|at| at <= now) {
                suspect.is_probed = true;
                suspect.is_urgent = false;
                suspect.last_probe = Some(now);
                due.push(server);
            }
        }
        due
    }

    /// When [`Detection::due`] has something new to say, if nothing else happens.
    #[must_use]
    pub fn next_due(&self, now: Instant) -> Option<Instant> {
        let suspects = self.servers.values();
        let soonest = suspects.filter_map(|suspect| suspect.due_at(&self.limits, now));
        let new_ones = now + self.limits.interval;
        soonest
            .chain((self.limits.mode == DetectMode::All).then_some(new_ones))
            .min()
    }

    /// Takes in what came of a probe. Answers what is to be thought of the server when that has changed.
    pub fn probed(&mut self, server: ServerAddr, came: Probed) -> Option<Detected> {
        let threshold = self.limits.fail_threshold.max(1);
        let suspect = self.servers.get_mut(&server)?;
        suspect.is_probed = false;
        if came == Probed::Answered {
            suspect.failures = 0;
            suspect.stuck = [None; 2];
            return suspect.becomes(Detected::Alive);
        }
        suspect.failures = suspect.failures.saturating_add(1);
        let is_dead = suspect.failures >= threshold;
        match (came, suspect.detected) {
            _ if is_dead => suspect.becomes(Detected::Dead),
            (Probed::Refused, Detected::Alive) => suspect.becomes(Detected::Unreachable),
            _ => None,
        }
    }

    fn suspect(&mut self, server: ServerAddr) -> &mut Suspect {
        self.servers.entry(server).or_default()
    }
}

impl Suspect {
    fn becomes(&mut self, detected: Detected) -> Option<Detected> {
        let changed = self.detected != detected;
        self.detected = detected;
        changed.then_some(detected)
    }

    /// Remembers a stuck connection; says whether another one was stuck just before.
    fn note_stuck(&mut self, connection: u32, now: Instant) -> bool {
        let fresh = |at: Instant| now.saturating_duration_since(at) <= STUCK_FOR;
        let [newest, _] = self.stuck;
        match newest {
            Some((known, _)) if known == connection => {
                self.stuck[0] = Some((connection, now));
            }
            _ => self.stuck = [Some((connection, now)), newest],
        }
        let [_, other] = self.stuck;
        other.is_some_and(|(_, at)| fresh(at))
    }

    /// When it is probed next; `None` when nobody asks.
    fn due_at(&self, limits: &DetectionLimits, now: Instant) -> Option<Instant> {
        let is_wanted = self.is_urgent
            || limits.mode == DetectMode::All
            || self.detected != Detected::Alive
            || self.failures > 0
            || self.wanted_until.is_some_and(|until| now <= until);
        if self.is_probed || !is_wanted {
            return None;
        }
        let interval = if self.is_urgent {
            URGENT_INTERVAL.min(limits.interval)
        } else {
            limits.interval
        };
        Some(self.last_probe.map_or(now, |last| last + interval))
    }
}

#[cfg(test)]
mod tests;
