//! What a shelf and those who come to it say to each other.

use std::time::{Duration, Instant};

/// The bounds of a shelf, for all kinds together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// The most sessions, lent or not; `None` when only idle ones are bounded.
    pub(crate) total: Option<usize>,
    /// The most idle sessions.
    pub(crate) idle: usize,
    /// Idle sessions of each kind that are kept beyond the idle time, and opened ahead.
    pub(crate) idle_min: usize,
    /// The most who may wait.
    pub(crate) waiting: usize,
    /// How long a session may be idle.
    pub(crate) idle_timeout: Duration,
    /// How long a session may be idle before it is asked whether it still lives.
    pub(crate) ping_after: Duration,
}

/// Sessions that a server cannot tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kind(pub(super) u32);

/// What a borrower can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wish {
    /// Sessions of its kind,
    pub(crate) kind: Kind,
    /// and perhaps only one whose current database was never chosen: nothing can take a database back.
    pub(crate) is_bare: bool,
}

/// When a session was made and what it is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Life {
    /// Who can use it.
    pub(crate) kind: Kind,
    /// When it must not be lent any more.
    pub(crate) expires: Instant,
    /// Whether its current database was never chosen.
    pub(crate) is_bare: bool,
    /// The thread that drives its socket.
    pub(crate) thread: usize,
}

/// Somebody who waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct WaiterId(pub(super) u64);

/// What a borrower is told at once.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer<S> {
    /// Take this one.
    Take(Taken<S>),
    /// Open one; [`Shelf::opened`] or [`Shelf::not_opened`] must follow.
    Open,
    /// The same, in place of this one, which is of no use to the borrower.
    OpenInPlaceOf(S, Kind),
    /// Wait for a [`Grant`].
    Wait(WaiterId),
    /// Too many wait already.
    Full,
}

/// An idle session that is lent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Taken<S> {
    /// The session.
    pub(crate) session: S,
    /// Its life.
    pub(crate) life: Life,
    /// Whether it was idle for so long that it should be asked first.
    pub(crate) ask_first: bool,
}

/// What somebody who waited gets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Grant<S> {
    /// A session, lent to it now.
    Take(Taken<S>),
    /// The right to open one.
    Open,
}

/// Why a session was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retired {
    /// It was idle for too long.
    Idle,
    /// It reached its age.
    Age,
    /// There were enough idle ones.
    Surplus,
}

/// What became of a session that came back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Back<S> {
    /// It is idle now.
    Kept,
    /// It is idle now, in place of this one.
    KeptInPlaceOf(S, Kind),
    /// It is given up.
    Retired(S, Retired),
    /// It was lent on.
    Granted(WaiterId, Grant<S>),
    /// It is given up, and somebody may open one in its place.
    Replaced(S, WaiterId),
}

impl Wish {
    /// Whether a session with this life will do.
    pub(crate) fn suits(self, life: &Life) -> bool {
        self.kind == life.kind && (life.is_bare || !self.is_bare)
    }
}
