//! The lists that a server is on, as one word, and every step between them: pure.

use std::time::Duration;

/// Milliseconds since a record's first use.
pub(super) type Millis = u64;

/// Whether a server may get a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Yes.
    Yes,
    /// As a probe, for the one caller that claims it.
    Probe,
    /// No.
    No,
}

/// What the probes say of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Detected {
    /// It answers.
    #[default]
    Alive,
    /// New requests find no way to it.
    Unreachable,
    /// It has not answered for so long that nobody should wait for it any more.
    Dead,
}

/// The lists of a server. The low bits hold the lists; above them is a time: of the next probe, or,
/// while one is under way, of the moment when it counts as lost. 0 is on no list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Lists(u64);

const STATUS: u64 = 1;
const ALIVE: u64 = 1 << 1;
const UNREACHABLE: u64 = 1 << 2;
const DEAD: u64 = 1 << 3;
const DRAINED: u64 = 1 << 4;
/// The probe of a server on the alive list is under way.
const PROBING: u64 = 1 << 5;
const LISTS: u64 = STATUS | ALIVE | UNREACHABLE | DEAD | DRAINED;
const TIME_SHIFT: u32 = 8;
const FLAGS: u64 = (1 << TIME_SHIFT) - 1;
const LATEST: Millis = u64::MAX >> TIME_SHIFT;

impl Lists {
    pub(super) const fn from_word(word: u64) -> Self {
        Self(word)
    }

    pub(super) const fn word(self) -> u64 {
        self.0
    }

    const fn has(self, flags: u64) -> bool {
        self.0 & flags != 0
    }

    const fn set(self, flags: u64, on: bool) -> Self {
        Self(if on { self.0 | flags } else { self.0 & !flags })
    }

    const fn at(self, time: Millis) -> Self {
        let time = if time > LATEST { LATEST } else { time };
        Self(self.0 & FLAGS | time << TIME_SHIFT)
    }

    /// The time in the word.
    pub(super) const fn time(self) -> Millis {
        self.0 >> TIME_SHIFT
    }

    /// Whether a request may go to the server.
    pub(super) const fn admits(self, now: Millis) -> Admission {
        match self.0 & LISTS {
            0 => Admission::Yes,
            ALIVE if now >= self.time() => Admission::Probe,
            _ => Admission::No,
        }
    }

    /// How little hope there is that the server answers, for the pass over servers of which every one
    /// is listed: 0 for none or failed requests alone, then the cluster's own word, then silence; `None`
    /// when the operator has taken it out, which no need overrules.
    pub(super) const fn despair(self) -> Option<u8> {
        if self.has(DRAINED) {
            None
        } else if self.has(UNREACHABLE | DEAD) {
            Some(2)
        } else if self.has(STATUS) {
            Some(1)
        } else {
            Some(0)
        }
    }

    /// Whether the server is on a list other than the one for failed requests.
    pub(super) const fn is_out(self) -> bool {
        self.has(LISTS & !ALIVE)
    }

    /// What the cluster itself says. Its word counts at once in both directions: a server that it calls
    /// active with a start of service is in service, which needs no time to be believed, and one that
    /// fails all the same is listed for that. (`OBProxy` keeps it out for
    /// `min_keep_congestion_interval`, as the one flag for this list also stands for failures.)
    pub(super) const fn in_service(self, in_service: bool) -> Self {
        self.set(STATUS, !in_service)
    }

    /// What the operator says.
    pub(super) const fn drained(self, drained: bool) -> Self {
        self.set(DRAINED, drained)
    }

    /// What the probes say.
    pub(super) const fn detected(self, detected: Detected) -> Self {
        self.set(UNREACHABLE, !matches!(detected, Detected::Alive))
            .set(DEAD, matches!(detected, Detected::Dead))
    }

    /// What the probes said last.
    pub(super) const fn vital(self) -> Detected {
        if self.has(DEAD) {
            Detected::Dead
        } else if self.has(UNREACHABLE) {
            Detected::Unreachable
        } else {
            Detected::Alive
        }
    }

    /// Onto the list for failed requests, until a probe at `probe_at`. A probe that is under way goes on.
    pub(super) const fn listed(self, probe_at: Millis) -> Self {
        if self.has(PROBING) {
            self
        } else {
            self.set(ALIVE, true).at(probe_at)
        }
    }

    /// Begins the probe that is due; it counts as lost `patience` later.
    pub(super) fn probing(self, now: Millis, patience: Duration) -> Option<Self> {
        let patience = u64::try_from(patience.as_millis()).unwrap_or(LATEST);
        (self.admits(now) == Admission::Probe)
            .then(|| self.set(PROBING, true).at(now.saturating_add(patience)))
    }

    /// The probe under way ends without having cleared the server; the next one is due at `next`.
    pub(super) const fn probed(self, next: Millis) -> Self {
        if self.has(PROBING) {
            self.set(PROBING, false).at(next)
        } else {
            self
        }
    }

    /// Off the list for failed requests.
    pub(super) const fn cleared(self) -> Self {
        self.set(ALIVE | PROBING, false).at(0)
    }

    pub(super) const fn is_alive_listed(self) -> bool {
        self.has(ALIVE)
    }

    pub(super) const fn is_status_listed(self) -> bool {
        self.has(STATUS)
    }

    pub(super) const fn is_drained(self) -> bool {
        self.has(DRAINED)
    }

    pub(super) const fn is_probing(self) -> bool {
        self.has(PROBING)
    }
}

#[cfg(test)]
mod tests;
