//! The server sessions of one [`PoolKey`](crate::PoolKey): who gets which, and when; pure, with the time
//! as an argument.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// How long the first who waits is passed over by sessions that it cannot use. After that one is given up
/// for it: a login costs less than a wait without end.
const PATIENCE: Duration = Duration::from_millis(200);

/// The bounds of a shelf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// The most sessions, lent or not; `None` when only idle ones are bounded.
    pub(crate) total: Option<usize>,
    /// The most idle sessions.
    pub(crate) idle: usize,
    /// Idle sessions that are kept beyond the idle time, and opened ahead.
    pub(crate) idle_min: usize,
    /// The most who may wait.
    pub(crate) waiting: usize,
    /// How long a session may be idle.
    pub(crate) idle_timeout: Duration,
    /// How long a session may be idle before it is asked whether it still lives.
    pub(crate) ping_after: Duration,
}

/// What a borrower can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Any session.
    Any,
    /// One whose current database was never chosen: nothing can take a database back.
    Bare,
}

/// When a session was made and what it is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Life {
    /// When it must not be lent any more.
    pub(crate) expires: Instant,
    /// Whether its current database was never chosen.
    pub(crate) is_bare: bool,
    /// The thread that drives its socket.
    pub(crate) thread: usize,
}

#[derive(Debug)]
struct Idle<S> {
    session: S,
    life: Life,
    since: Instant,
}

/// Somebody who waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct WaiterId(u64);

#[derive(Debug)]
struct Waiter {
    id: WaiterId,
    wish: Wish,
    since: Instant,
}

/// What a borrower is told at once.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer<S> {
    /// Take this one.
    Take(Taken<S>),
    /// Open one; [`Shelf::opened`] or [`Shelf::not_opened`] must follow.
    Open,
    /// The same, in place of this one, which is of no use to the borrower.
    OpenInPlaceOf(S),
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
    /// It is given up.
    Retired(S, Retired),
    /// It was lent on.
    Granted(WaiterId, Grant<S>),
    /// It is given up, and somebody may open one in its place.
    Replaced(S, WaiterId),
}

/// The sessions of one key.
#[derive(Debug)]
pub(crate) struct Shelf<S> {
    limits: Limits,
    /// Newest at the back; the back is lent first, so that what is not needed grows old.
    idle: Vec<Idle<S>>,
    lent: usize,
    /// Lent ones that are on their way back.
    returning: usize,
    opening: usize,
    waiting: VecDeque<Waiter>,
    last_waiter: u64,
    last_used: Instant,
}

impl<S> Shelf<S> {
    pub(crate) fn new(limits: Limits, now: Instant) -> Self {
        Self {
            limits,
            idle: Vec::new(),
            lent: 0,
            returning: 0,
            opening: 0,
            waiting: VecDeque::new(),
            last_waiter: 0,
            last_used: now,
        }
    }

    /// Idle sessions.
    pub(crate) fn idle(&self) -> usize {
        self.idle.len()
    }

    /// Sessions that are lent or being opened.
    pub(crate) fn in_use(&self) -> usize {
        self.lent + self.opening
    }

    /// Those who wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Somebody may want a session soon.
    pub(crate) fn is_in_use(&mut self, now: Instant) {
        self.last_used = now;
    }

    /// Somebody on `thread` wants a session. Its own thread's newest comes first, then another's: a
    /// session that must move costs less than waiting or a login. Whoever waits already was not helped
    /// by what is idle now, so nobody is overtaken.
    pub(crate) fn ask(&mut self, wish: Wish, thread: usize, now: Instant) -> Answer<S> {
        self.last_used = now;
        if let Some(at) = self.find(wish, thread, now) {
            let idle = self.idle.remove(at);
            self.lent += 1;
            return Answer::Take(Taken {
                ask_first: now >= idle.since + self.limits.ping_after,
                session: idle.session,
                life: idle.life,
            });
        }
        // What is on its way back will be here before a login is done.
        if self.has_room() && self.returning <= self.waiting.len() {
            let total = self.limits.total.unwrap_or(usize::MAX);
            let is_full = self.in_use() + self.idle.len() >= total;
            self.opening += 1;
            return if is_full && !self.idle.is_empty() {
                Answer::OpenInPlaceOf(self.idle.remove(0).session)
            } else {
                Answer::Open
            };
        }
        if self.waiting.len() >= self.limits.waiting {
            return Answer::Full;
        }
        self.last_waiter += 1;
        let id = WaiterId(self.last_waiter);
        let since = now;
        self.waiting.push_back(Waiter { id, wish, since });
        Answer::Wait(id)
    }

    /// The idle session to lend. Those whose database was never chosen are spared for who needs one.
    fn find(&self, wish: Wish, thread: usize, now: Instant) -> Option<usize> {
        let worth = |idle: &Idle<S>| {
            let is_spare = idle.life.is_bare == (wish == Wish::Bare);
            (is_spare, idle.life.thread == thread)
        };
        let suits =
            |idle: &Idle<S>| now < idle.life.expires && (wish == Wish::Any || idle.life.is_bare);
        let found = self.idle.iter().enumerate().filter(|(_, idle)| suits(idle));
        found.max_by_key(|(_, idle)| worth(idle)).map(|(at, _)| at)
    }

    /// Whether one more may be opened; idle ones make room for it.
    fn has_room(&self) -> bool {
        let used = self.lent + self.opening;
        self.limits.total.is_none_or(|total| used < total)
    }

    /// A lent session is on its way back; [`Shelf::arrived`] follows, then what becomes of it.
    pub(crate) fn returns(&mut self) {
        self.returning += 1;
    }

    /// It is here, or gone.
    pub(crate) fn arrived(&mut self) {
        self.returning = self.returning.saturating_sub(1);
    }

    /// A session that [`Answer::Open`] or [`Grant::Open`] allowed is there, and lent.
    pub(crate) fn opened(&mut self) {
        self.opening = self.opening.saturating_sub(1);
        self.lent += 1;
    }

    /// One that was allowed did not come to be: the first who waits may try.
    pub(crate) fn not_opened(&mut self) -> Option<WaiterId> {
        self.opening = self.opening.saturating_sub(1);
        self.let_open()
    }

    /// A lent session is gone: the first who waits may open another.
    pub(crate) fn gone(&mut self) -> Option<WaiterId> {
        self.lent = self.lent.saturating_sub(1);
        self.let_open()
    }

    fn let_open(&mut self) -> Option<WaiterId> {
        if !self.has_room() {
            return None;
        }
        let first = self.waiting.pop_front()?;
        self.opening += 1;
        Some(first.id)
    }

    /// A lent session comes back in order. The first who waits and can use it gets it.
    pub(crate) fn give_back(&mut self, session: S, life: Life, now: Instant) -> Back<S> {
        let too_old = now >= life.expires;
        let suits = |waiter: &Waiter| waiter.wish == Wish::Any || life.is_bare;
        let is_tired = |first: &Waiter| !suits(first) && now >= first.since + PATIENCE;
        if !self.waiting.front().is_some_and(is_tired)
            && !too_old
            && let Some(at) = self.waiting.iter().position(suits)
            && let Some(waiter) = self.waiting.remove(at)
        {
            let taken = Taken {
                session,
                life,
                ask_first: false,
            };
            return Back::Granted(waiter.id, Grant::Take(taken));
        }
        if let Some(waiter) = self.gone() {
            return Back::Replaced(session, waiter);
        }
        if too_old {
            return Back::Retired(session, Retired::Age);
        }
        let total = self.limits.total.unwrap_or(usize::MAX);
        let room = self.limits.idle.min(total.saturating_sub(self.in_use()));
        if self.idle.len() >= room {
            return Back::Retired(session, Retired::Surplus);
        }
        self.idle.push(Idle {
            session,
            life,
            since: now,
        });
        Back::Kept
    }

    /// Somebody no longer waits; says whether it still did. If not, its grant is on its way.
    pub(crate) fn give_up(&mut self, waiter: WaiterId) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|waiting| waiting.id != waiter);
        self.waiting.len() < before
    }

    /// Takes out what is too old or was idle for too long; the oldest goes first.
    pub(crate) fn sweep(&mut self, now: Instant) -> Vec<(S, Retired)> {
        let in_demand = now < self.last_used + self.limits.idle_timeout;
        let keep = if in_demand { self.limits.idle_min } else { 0 };
        let mut retired = Vec::new();
        let mut left = self.idle.len();
        let mut kept = Vec::with_capacity(left);
        for idle in self.idle.drain(..) {
            let unused = now >= idle.since + self.limits.idle_timeout;
            let why = if now >= idle.life.expires {
                Some(Retired::Age)
            } else {
                (unused && left > keep).then_some(Retired::Idle)
            };
            match why {
                Some(why) => {
                    left -= 1;
                    retired.push((idle.session, why));
                }
                None => kept.push(idle),
            }
        }
        self.idle = kept;
        retired
    }

    /// How many should be opened ahead now; each is counted as being opened.
    pub(crate) fn open_ahead(&mut self, now: Instant) -> usize {
        if now >= self.last_used + self.limits.idle_timeout {
            return 0;
        }
        let total = self.limits.total.unwrap_or(usize::MAX);
        let wanted = self.limits.idle_min.min(self.limits.idle);
        let room = total.saturating_sub(self.in_use() + self.idle.len());
        let missing = wanted
            .saturating_sub(self.idle.len() + self.opening)
            .min(room);
        self.opening += missing;
        missing
    }

    /// Whether nothing and nobody is left here.
    pub(crate) fn is_deserted(&self, now: Instant) -> bool {
        let empty = self.idle.is_empty() && self.in_use() == 0 && self.waiting.is_empty();
        empty && now >= self.last_used + self.limits.idle_timeout
    }

    /// Takes out every idle session, for a shelf whose sessions are no longer trusted.
    pub(crate) fn empty(&mut self) -> Vec<S> {
        self.idle.drain(..).map(|idle| idle.session).collect()
    }
}
