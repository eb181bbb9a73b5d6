//! What a borrower holds: a session that it gives back, or the right to open one.

use crate::pool_counters::PoolCounters;
use crate::pools::{Parked, Place, Pools};
use crate::shelf::{Life, Shelf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// What [`Pools::lend`] gives.
#[derive(Debug)]
pub enum Lent<N> {
    /// A session that was at rest.
    Idle(Parked<N>, Loan<N>),
    /// There is none: the borrower opens one.
    Open(OpenSlot<N>),
}

/// A session is lent; a loan that is dropped instead of given back counts as gone.
#[derive(Debug)]
pub struct Loan<N> {
    place: Arc<Place<N>>,
    expires: Instant,
    thread: usize,
    is_returning: bool,
    end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    GivenBack,
    Dead,
    Busy,
    State,
}

/// The right to open a session; when it is dropped, the next one may.
#[derive(Debug)]
pub struct OpenSlot<N> {
    pools: Arc<Pools<N>>,
    place: Arc<Place<N>>,
    thread: usize,
    is_used: bool,
}

impl<N> Loan<N> {
    pub(crate) fn new(place: &Arc<Place<N>>, expires: Instant, thread: usize) -> Self {
        Self {
            place: Arc::clone(place),
            expires,
            thread,
            is_returning: false,
            end: End::Busy,
        }
    }

    /// The session is on its way back: whoever asks now waits for it rather than to open another.
    pub fn returns(&mut self) {
        if !self.is_returning {
            self.is_returning = true;
            let kind = self.place.kind;
            self.place.desk.lock().shelf.returns(kind);
        }
    }

    fn arrive(&mut self) {
        if std::mem::take(&mut self.is_returning) {
            let kind = self.place.kind;
            self.place.desk.lock().shelf.arrived(kind);
        }
    }

    /// Gives the session back, in order; whether its current database was never chosen says who can
    /// use it.
    pub fn give_back(mut self, parked: Parked<N>, is_bare: bool) {
        self.end = End::GivenBack;
        self.arrive();
        let life = Life {
            kind: self.place.kind,
            expires: self.expires,
            is_bare,
            thread: self.thread,
        };
        Pools::take_back(&self.place, parked, life);
    }

    /// What is counted of the session's pool.
    #[must_use]
    pub fn counters(&self) -> &PoolCounters {
        &self.place.counters
    }

    /// Whether the session must not be lent any more.
    #[must_use]
    pub fn is_over(&self, now: Instant) -> bool {
        now >= self.expires
    }

    /// The connection is gone: for the counters.
    pub fn is_dead(&mut self) {
        self.end = End::Dead;
    }

    /// Its state could not be put back: for the counters.
    pub fn is_spoiled(&mut self) {
        self.end = End::State;
    }
}

impl<N> Drop for Loan<N> {
    fn drop(&mut self) {
        self.arrive();
        let counters = &self.place.counters;
        let counter = match self.end {
            End::GivenBack => return,
            End::Dead => &counters.retired_dead,
            End::Busy => &counters.retired_busy,
            End::State => &counters.retired_state,
        };
        counter.fetch_add(1, Relaxed);
        Pools::let_next(&self.place, Shelf::gone);
    }
}

impl<N> OpenSlot<N> {
    pub(crate) fn new(pools: &Arc<Pools<N>>, place: &Arc<Place<N>>, thread: usize) -> Self {
        Self {
            pools: Arc::clone(pools),
            place: Arc::clone(place),
            thread,
            is_used: false,
        }
    }

    /// The session is there: it is lent now.
    #[must_use]
    pub fn opened(mut self) -> Loan<N> {
        self.is_used = true;
        self.place.desk.lock().shelf.opened(self.place.kind);
        let number = self.place.counters.opened.fetch_add(1, Relaxed);
        let age = self.pools.settings().max_age;
        let expires = Instant::now() + lifetime(age, number);
        Loan::new(&self.place, expires, self.thread)
    }
}

/// How long the session of this number is lent: up to a tenth less than `age`, so that those that were
/// opened together do not end together.
fn lifetime(age: Duration, number: u64) -> Duration {
    age.mul_f64(1.0 - jitter(number))
}

/// From 0 to 0.1, spread evenly over numbers that follow each other.
fn jitter(number: u64) -> f64 {
    const GOLDEN: u32 = 0x9E37_79B9;
    let low = u32::try_from(number & 0xFFFF_FFFF).unwrap_or_default();
    f64::from(low.wrapping_mul(GOLDEN)) / (f64::from(u32::MAX) * 10.0)
}

impl<N> Drop for OpenSlot<N> {
    fn drop(&mut self) {
        if !self.is_used {
            Pools::let_next(&self.place, Shelf::not_opened);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_opened_together_reach_their_ages_one_after_the_other() {
        const AGE: Duration = Duration::from_secs(1000);
        for first in [0, 7, u64::from(u32::MAX) - 20, u64::MAX - 40] {
            let mut ends: Vec<_> = (first..first + 40).map(|it| lifetime(AGE, it)).collect();
            ends.sort_unstable();
            assert!(ends[0] >= AGE * 9 / 10 && ends[39] <= AGE, "{ends:?}");
            assert!(ends[39].saturating_sub(ends[0]) > AGE / 12, "{ends:?}");
            let widest = ends
                .windows(2)
                .map(|pair| pair[1].saturating_sub(pair[0]))
                .max();
            assert!(widest < Some(AGE / 100), "{ends:?}");
        }
    }
}
