//! How long a server takes for the easy part of its reads, as one word, and who is slow among peers: pure.
//!
//! The time that a quarter of the answers beat is followed, not a mean: reads that are long by themselves say
//! nothing about a server, while one that is slow is slow in its easiest too. It is followed in steps of a
//! share, which needs no history: up a little by each answer that takes longer, down three times as much by
//! each that does not, so that it comes to rest where one of four is quicker.

use super::lists::Millis;
use std::time::Duration;

/// A server's pace: a time as a logarithm, the number of answers that it rests on, and when the last came.
/// 0 is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Pace(u64);

/// A time on a logarithmic scale: 256 steps from one number of microseconds to its double.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Steps(u16);

const DOUBLE: u16 = 256;
/// How far one answer that takes longer moves the estimate.
const UP: u16 = DOUBLE / 4;
/// How far one moves it that does not.
const DOWN: u16 = 3 * UP;
/// Answers until an estimate counts.
const ENOUGH: u64 = 8;
/// The shortest time between two answers that are taken in: many threads share the word.
const STEP: Millis = 2;
/// How long an estimate counts without new answers.
const FRESH: Millis = 10_000;
/// Less than this much more than its peers makes nobody slow.
const UNNOTICED_US: u64 = 2_000;

const COUNT_SHIFT: u32 = 16;
const TIME_SHIFT: u32 = 20;

impl Pace {
    pub(super) const fn from_word(word: u64) -> Self {
        Self(word)
    }

    pub(super) const fn word(self) -> u64 {
        self.0
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the steps are the low bits"
    )]
    const fn steps(self) -> Steps {
        Steps(self.0 as u16)
    }

    const fn count(self) -> u64 {
        self.0 >> COUNT_SHIFT & 0xF
    }

    const fn last(self) -> Millis {
        self.0 >> TIME_SHIFT
    }

    fn new(steps: Steps, count: u64, now: Millis) -> Self {
        Self(u64::from(steps.0) | count.min(0xF) << COUNT_SHIFT | now << TIME_SHIFT)
    }

    /// With one more answer, which took `took`; `None` when the last one was taken in just now.
    pub(super) fn with_answer(self, took: Duration, now: Millis) -> Option<Self> {
        let came = Steps::of(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        if self.count() == 0 || now.saturating_sub(self.last()) > FRESH {
            return Some(Self::new(came, 1, now));
        }
        if now < self.last() + STEP {
            return None;
        }
        let Steps(known) = self.steps();
        let next = if came > self.steps() {
            known.saturating_add(UP).min(came.0)
        } else {
            known.saturating_sub(DOWN).max(came.0)
        };
        Some(Self::new(Steps(next), self.count() + 1, now))
    }

    /// The estimate, while it counts.
    pub(super) fn estimate(self, now: Millis) -> Option<Steps> {
        let counts = self.count() >= ENOUGH && now.saturating_sub(self.last()) <= FRESH;
        counts.then(|| self.steps())
    }
}

impl Steps {
    /// From where on a server is slow among `peers`, all of which are known: at `factor` times what the
    /// middle one takes, of an even number the quicker one, so that never more than half are slow. `None`
    /// for no peers, or with a factor of 0.
    pub(super) fn bound(peers: &mut [Self], factor: u32) -> Option<Self> {
        peers.sort_unstable();
        let middle = peers.len().checked_sub(1)? / 2;
        let middle = peers.get(middle).filter(|_| factor > 0)?;
        let far = Self(middle.0.saturating_add(Self::of(u64::from(factor)).0));
        Some(far.max(Self::of(middle.micros() + UNNOTICED_US)))
    }

    pub(super) fn time(self) -> Duration {
        Duration::from_micros(self.micros())
    }

    /// Between two powers of two, steps are even.
    fn of(micros: u64) -> Self {
        let micros = micros.clamp(1, 1 << 48);
        let doublings = micros.ilog2();
        let within = ((u128::from(micros) * u128::from(DOUBLE)) >> doublings) - u128::from(DOUBLE);
        let within = u16::try_from(within).unwrap_or_default();
        Self(u16::try_from(doublings).unwrap_or_default() * DOUBLE + within)
    }

    fn micros(self) -> u64 {
        let (doublings, within) = (self.0 / DOUBLE, self.0 % DOUBLE);
        let scaled = u128::from(DOUBLE + within) << doublings;
        u64::try_from(scaled / u128::from(DOUBLE)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests;
