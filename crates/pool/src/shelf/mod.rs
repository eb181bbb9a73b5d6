//! The server sessions of one account at one server: who gets which, and when; pure, with the time as an
//! argument. Those of one [`PoolKey`](crate::PoolKey) are of one [`Kind`], and of no use to the others.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

mod terms;

pub(crate) use terms::{Answer, Back, Grant, Kind, Life, Limits, Retired, Taken, WaiterId, Wish};

#[cfg(test)]
mod tests;

/// How long the first who waits is passed over by sessions that it cannot use. After that one is given up
/// for it: a login costs less than a wait without end.
const PATIENCE: Duration = Duration::from_millis(200);

#[derive(Debug)]
struct Idle<S> {
    session: S,
    life: Life,
    since: Instant,
}

#[derive(Debug)]
struct Waiter {
    id: WaiterId,
    wish: Wish,
    since: Instant,
}

/// What is under way of one kind.
#[derive(Debug)]
struct UnderWay {
    lent: usize,
    /// Lent ones that are on their way back.
    returning: usize,
    opening: usize,
    last_used: Instant,
}

/// The sessions of one account.
#[derive(Debug)]
pub(crate) struct Shelf<S> {
    limits: Limits,
    /// Newest at the back; the back is lent first, so that what is not needed grows old.
    idle: Vec<Idle<S>>,
    kinds: BTreeMap<Kind, UnderWay>,
    waiting: VecDeque<Waiter>,
    last_kind: u32,
    last_waiter: u64,
}

impl<S> Shelf<S> {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            idle: Vec::new(),
            kinds: BTreeMap::new(),
            waiting: VecDeque::new(),
            last_kind: 0,
            last_waiter: 0,
        }
    }

    /// Makes room for sessions of one more kind.
    pub(crate) fn add_kind(&mut self, now: Instant) -> Kind {
        self.last_kind += 1;
        let kind = Kind(self.last_kind);
        self.kinds.insert(
            kind,
            UnderWay {
                lent: 0,
                returning: 0,
                opening: 0,
                last_used: now,
            },
        );
        kind
    }

    /// Forgets a kind that is deserted; says whether none is left.
    pub(crate) fn remove_kind(&mut self, kind: Kind) -> bool {
        self.kinds.remove(&kind);
        self.kinds.is_empty()
    }

    /// Idle sessions.
    pub(crate) fn idle(&self, kind: Kind) -> usize {
        let idle = self.idle.iter();
        idle.filter(|idle| idle.life.kind == kind).count()
    }

    /// Sessions that are lent or being opened.
    pub(crate) fn in_use(&self, kind: Kind) -> usize {
        let under_way = self.kinds.get(&kind);
        under_way.map_or(0, |it| it.lent + it.opening)
    }

    /// Those who wait.
    pub(crate) fn waiting(&self, kind: Kind) -> usize {
        let waiting = self.waiting.iter();
        waiting.filter(|waiter| waiter.wish.kind == kind).count()
    }

    fn all_in_use(&self) -> usize {
        let kinds = self.kinds.values();
        kinds.map(|it| it.lent + it.opening).sum()
    }

    /// Changes what is under way of a kind; one that is deserted has nothing to change.
    fn note(&mut self, kind: Kind, change: impl FnOnce(&mut UnderWay)) {
        if let Some(under_way) = self.kinds.get_mut(&kind) {
            change(under_way);
        }
    }

    /// Somebody may want a session soon.
    pub(crate) fn is_in_use(&mut self, kind: Kind, now: Instant) {
        self.note(kind, |it| it.last_used = now);
    }

    /// Somebody on `thread` wants a session. Its own thread's newest comes first, then another's: a
    /// session that must move costs less than waiting or a login. Whoever waits already was not helped
    /// by what is idle now, so nobody is overtaken.
    pub(crate) fn ask(&mut self, wish: Wish, thread: usize, now: Instant) -> Answer<S> {
        self.is_in_use(wish.kind, now);
        if let Some(at) = self.find(wish, thread, now) {
            let idle = self.idle.remove(at);
            self.note(wish.kind, |it| it.lent += 1);
            return Answer::Take(Taken {
                ask_first: now >= idle.since + self.limits.ping_after,
                session: idle.session,
                life: idle.life,
            });
        }
        // What is on its way back will be here before a login is done.
        let returning = self.kinds.get(&wish.kind).map_or(0, |it| it.returning);
        if self.has_room() && returning <= self.waiting(wish.kind) {
            let total = self.limits.total.unwrap_or(usize::MAX);
            let is_full = self.all_in_use() + self.idle.len() >= total;
            self.note(wish.kind, |it| it.opening += 1);
            return if is_full && !self.idle.is_empty() {
                let oldest = self.idle.remove(0);
                Answer::OpenInPlaceOf(oldest.session, oldest.life.kind)
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
            let is_spare = idle.life.is_bare == wish.is_bare;
            (is_spare, idle.life.thread == thread)
        };
        let suits = |idle: &Idle<S>| now < idle.life.expires && wish.suits(&idle.life);
        let found = self.idle.iter().enumerate().filter(|(_, idle)| suits(idle));
        found.max_by_key(|(_, idle)| worth(idle)).map(|(at, _)| at)
    }

    /// Whether one more may be opened; idle ones make room for it.
    fn has_room(&self) -> bool {
        let used = self.all_in_use();
        self.limits.total.is_none_or(|total| used < total)
    }

    /// A lent session is on its way back; [`Shelf::arrived`] follows, then what becomes of it.
    pub(crate) fn returns(&mut self, kind: Kind) {
        self.note(kind, |it| it.returning += 1);
    }

    /// It is here, or gone.
    pub(crate) fn arrived(&mut self, kind: Kind) {
        self.note(kind, |it| it.returning = it.returning.saturating_sub(1));
    }

    /// A session that [`Answer::Open`] or [`Grant::Open`] allowed is there, and lent.
    pub(crate) fn opened(&mut self, kind: Kind) {
        self.note(kind, |it| {
            it.opening = it.opening.saturating_sub(1);
            it.lent += 1;
        });
    }

    /// One that was allowed did not come to be: the first who waits may try.
    pub(crate) fn not_opened(&mut self, kind: Kind) -> Option<WaiterId> {
        self.note(kind, |it| it.opening = it.opening.saturating_sub(1));
        self.let_open(kind)
    }

    /// A lent session is gone: the first who waits may open another.
    pub(crate) fn gone(&mut self, kind: Kind) -> Option<WaiterId> {
        self.note(kind, |it| it.lent = it.lent.saturating_sub(1));
        self.let_open(kind)
    }

    /// One of `kind` is no more. Where all kinds together are bounded, the first who waits may open one;
    /// else each waits for what is on its way back of its own kind.
    fn let_open(&mut self, kind: Kind) -> Option<WaiterId> {
        if !self.has_room() {
            return None;
        }
        let is_bounded = self.limits.total.is_some();
        let may = |waiter: &Waiter| is_bounded || waiter.wish.kind == kind;
        let at = self.waiting.iter().position(may)?;
        let first = self.waiting.remove(at)?;
        self.note(first.wish.kind, |it| it.opening += 1);
        Some(first.id)
    }

    /// A lent session comes back in order. The first who waits and can use it gets it.
    pub(crate) fn give_back(&mut self, session: S, life: Life, now: Instant) -> Back<S> {
        let too_old = now >= life.expires;
        let suits = |waiter: &Waiter| waiter.wish.suits(&life);
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
        if let Some(waiter) = self.gone(life.kind) {
            return Back::Replaced(session, waiter);
        }
        if too_old {
            return Back::Retired(session, Retired::Age);
        }
        let total = self.limits.total.unwrap_or(usize::MAX);
        let room = self
            .limits
            .idle
            .min(total.saturating_sub(self.all_in_use()));
        if room == 0 {
            return Back::Retired(session, Retired::Surplus);
        }
        let surplus = (self.idle.len() >= room).then(|| self.idle.remove(0));
        self.idle.push(Idle {
            session,
            life,
            since: now,
        });
        match surplus {
            Some(oldest) => Back::KeptInPlaceOf(oldest.session, oldest.life.kind),
            None => Back::Kept,
        }
    }

    /// Somebody no longer waits; says whether it still did. If not, its grant is on its way.
    pub(crate) fn give_up(&mut self, waiter: WaiterId) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|waiting| waiting.id != waiter);
        self.waiting.len() < before
    }

    /// Whether a kind was in use not long ago.
    fn is_in_demand(&self, kind: Kind, now: Instant) -> bool {
        let under_way = self.kinds.get(&kind);
        under_way.is_some_and(|it| now < it.last_used + self.limits.idle_timeout)
    }

    /// Takes out what is too old or was idle for too long of a kind; the oldest goes first.
    pub(crate) fn sweep(&mut self, kind: Kind, now: Instant) -> Vec<(S, Retired)> {
        let in_demand = self.is_in_demand(kind, now);
        let keep = if in_demand { self.limits.idle_min } else { 0 };
        let mut retired = Vec::new();
        let mut left = self.idle(kind);
        let mut kept = Vec::with_capacity(self.idle.len());
        for idle in self.idle.drain(..) {
            let unused = now >= idle.since + self.limits.idle_timeout;
            let why = if idle.life.kind != kind {
                None
            } else if now >= idle.life.expires {
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

    /// How many of a kind should be opened ahead now; each is counted as being opened. Nothing idle makes
    /// room for them.
    pub(crate) fn open_ahead(&mut self, kind: Kind, now: Instant) -> usize {
        if !self.is_in_demand(kind, now) {
            return 0;
        }
        let total = self.limits.total.unwrap_or(usize::MAX);
        let opening = self.kinds.values().map(|it| it.opening).sum::<usize>();
        let room = total.saturating_sub(self.all_in_use() + self.idle.len());
        let idle_room = self.limits.idle.saturating_sub(self.idle.len() + opening);
        let own = self.kinds.get(&kind).map_or(0, |it| it.opening);
        let wanted = self.limits.idle_min.saturating_sub(self.idle(kind) + own);
        let missing = wanted.min(room).min(idle_room);
        self.note(kind, |it| it.opening += missing);
        missing
    }

    /// Whether nothing and nobody is left of a kind.
    pub(crate) fn is_deserted(&self, kind: Kind, now: Instant) -> bool {
        let empty = self.idle(kind) == 0 && self.in_use(kind) == 0 && self.waiting(kind) == 0;
        empty && !self.is_in_demand(kind, now)
    }

    /// Takes out every idle session of a kind that is no longer trusted.
    pub(crate) fn empty(&mut self, kind: Kind) -> Vec<S> {
        let is_meant = |idle: &mut Idle<S>| idle.life.kind == kind;
        let taken = self.idle.extract_if(.., is_meant);
        taken.map(|idle| idle.session).collect()
    }
}
