//! One entry of the location cache: what is known of a table, how old it is, and who refreshes it.

use super::doubt::Leaves;
use crate::{FormerLocation, Lookup, RouterLimits, Table, TableKey};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// What is known of a table. An answer makes a new entry; only the marks of this one change.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: TableKey,
    pub(super) known: Known,
    pub(super) weight: usize,
    pub(super) installed_ms: u64,
    /// From this time on the entry counts as stale; `u64::MAX` for never.
    expires_ms: u64,
    /// Before this time the entry is not refreshed again.
    pub(super) refresh_from_ms: AtomicU64,
    /// How many refreshes in a row have brought nothing new.
    pub(super) unchanged: u32,
    freshness: AtomicU64,
    /// Whether an answer has spoken against it.
    is_doubted: AtomicBool,
    /// The leaves that one spoke against while a refresh was under way, which may have come too early.
    late_doubts: AtomicU64,
    pub(super) used_ms: AtomicU64,
    valid_ms: AtomicU64,
}

/// What an answer said.
#[derive(Debug, PartialEq)]
pub(super) enum Known {
    Table(Box<Table>),
    Routine(Box<Routine>),
    Missing,
    Failed,
}

/// What is known of a routine.
#[derive(Debug, PartialEq)]
pub(crate) struct Routine {
    pub(crate) database: String,
    /// Its first statement.
    pub(crate) statement: String,
}

/// How fresh an entry is, for those who look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Nothing speaks against it.
    Fresh,
    /// Something does; nobody has it refreshed yet.
    Stale,
    /// A refresh is under way; the old answer serves meanwhile.
    Refreshing,
}

/// The freshness word: FRESH, STALE, RETIRED, or the time at which the refresh under way began plus
/// REFRESHING.
const FRESH: u64 = 0;
const STALE: u64 = 1;
const REFRESHING: u64 = 2;
const RETIRED: u64 = u64::MAX;

impl Entry {
    /// Events closer together than this are not told apart, so that readers seldom write.
    const GRAIN_MS: u64 = 1000;
    /// The wait after the first refresh that brought nothing new; doubled by each further one, up to
    /// `delay_update_entry_interval`.
    const FIRST_DELAY: Duration = Duration::from_millis(100);

    pub(super) fn new(
        key: TableKey,
        known: Known,
        unchanged: u32,
        limits: &RouterLimits,
        now_ms: u64,
    ) -> Self {
        let delay = match unchanged {
            0 => Duration::ZERO,
            times => Self::FIRST_DELAY * (1 << (times - 1).min(16)),
        };
        let delay = delay.min(limits.delay_update_entry_interval);
        let expires_ms = match limits.location_expire_period_time {
            Duration::ZERO => u64::MAX,
            period => now_ms.saturating_add(expiry(&key, now_ms, millis_of(period))),
        };
        // Names up to 23 bytes lie in the key itself.
        let heap = |name: &str| if name.len() > 23 { name.len() + 16 } else { 0 };
        let names =
            heap(key.tenant.as_str()) + heap(key.database.as_str()) + heap(key.table.as_str());
        let table = match &known {
            Known::Table(table) => table.weight(),
            Known::Routine(routine) => {
                size_of::<Routine>() + routine.database.len() + routine.statement.len()
            }
            Known::Missing | Known::Failed => 0,
        };
        Self {
            // The key lies in the map and in the entry; the map is half empty after it has grown.
            weight: size_of::<Self>() + 2 * size_of::<(TableKey, usize)>() + 2 * names + table,
            key,
            known,
            installed_ms: now_ms,
            expires_ms,
            refresh_from_ms: AtomicU64::new(now_ms + millis_of(delay)),
            unchanged,
            freshness: AtomicU64::new(FRESH),
            is_doubted: AtomicBool::new(false),
            late_doubts: AtomicU64::new(0),
            used_ms: AtomicU64::new(now_ms),
            valid_ms: AtomicU64::new(now_ms),
        }
    }

    /// The table, when there is one.
    pub(super) fn table(&self) -> Option<&Table> {
        match &self.known {
            Known::Table(table) => Some(table),
            Known::Routine(_) | Known::Missing | Known::Failed => None,
        }
    }

    /// A copy for another cache; `None` when there is nothing to know.
    pub(super) fn copy(&self) -> Option<FormerLocation> {
        let answer = match &self.known {
            Known::Table(table) => Lookup::Table(table.clone()),
            Known::Routine(routine) => Lookup::Routine {
                database: routine.database.clone(),
                statement: routine.statement.clone(),
            },
            Known::Missing => Lookup::Missing,
            Known::Failed => return None,
        };
        Some(FormerLocation {
            key: self.key.clone(),
            answer,
            stale: self.freshness.load(Ordering::Relaxed) != FRESH,
        })
    }

    pub(super) fn touch(&self, now_ms: u64) {
        raise(&self.used_ms, now_ms);
    }

    /// An answer came that does not speak against the entry. Nothing else changes: what made it stale
    /// is not disproved.
    pub(super) fn renew(&self, now_ms: u64) {
        raise(&self.valid_ms, now_ms);
    }

    pub(super) fn valid_ms(&self) -> u64 {
        self.valid_ms.load(Ordering::Relaxed)
    }

    pub(super) fn mark_stale(&self) {
        self.exchange(FRESH, STALE);
    }

    /// Marks the entry stale because of these leaves.
    pub(super) fn doubt(&self, leaves: Leaves) {
        self.is_doubted.store(true, Ordering::Relaxed);
        let word = self.freshness.load(Ordering::Relaxed);
        if matches!(word, FRESH | STALE | RETIRED) {
            self.mark_stale();
        } else {
            self.late_doubts.fetch_or(leaves.0, Ordering::Relaxed);
        }
    }

    /// Takes over the doubts that the refresh which made this entry came too early for.
    pub(super) fn inherit(self, before: &Self) -> Self {
        let late = Leaves(before.late_doubts.load(Ordering::Relaxed));
        let settled = match (before.table(), self.table()) {
            (Some(before), Some(now)) => Leaves::moved(before, now),
            (None, None) => Leaves::NONE,
            _ => Leaves::ALL,
        };
        if late.without(settled) == Leaves::NONE {
            return self;
        }
        Self {
            is_doubted: AtomicBool::new(true),
            freshness: AtomicU64::new(STALE),
            ..self
        }
    }

    /// Whether an answer has spoken against the entry since it was made.
    pub(super) fn is_doubted(&self) -> bool {
        self.is_doubted.load(Ordering::Relaxed)
    }

    /// When the refresh under way began.
    pub(super) fn refreshing_since_ms(&self) -> Option<u64> {
        match self.freshness.load(Ordering::Relaxed) {
            FRESH | STALE | RETIRED => None,
            since => Some(since - REFRESHING),
        }
    }

    /// Back from refreshing to stale: the refresh has failed.
    pub(super) fn refresh_failed(&self, limits: &RouterLimits, now_ms: u64) {
        let from = now_ms + millis_of(limits.delay_update_entry_interval);
        self.refresh_from_ms.store(from, Ordering::Relaxed);
        let word = self.freshness.load(Ordering::Relaxed);
        if word != RETIRED {
            self.exchange(word, STALE);
        }
    }

    /// Another entry has taken its place, or it was dropped: those who still hold it look again.
    pub(super) fn retire(&self) {
        self.freshness.store(RETIRED, Ordering::Relaxed);
    }

    pub(super) fn is_retired(&self) -> bool {
        self.freshness.load(Ordering::Relaxed) == RETIRED
    }

    pub(super) fn freshness(&self, now_ms: u64) -> Freshness {
        match self.freshness.load(Ordering::Relaxed) {
            FRESH if now_ms < self.expires_ms => Freshness::Fresh,
            FRESH | STALE | RETIRED => Freshness::Stale,
            _ => Freshness::Refreshing,
        }
    }

    /// Whether the caller shall have the entry refreshed: it is stale, it is not too early, and nobody
    /// else will until the answer is in or overdue.
    pub(super) fn claim_refresh(&self, limits: &RouterLimits, now_ms: u64) -> bool {
        let word = self.freshness.load(Ordering::Relaxed);
        let due = match word {
            FRESH => {
                let period = millis_of(limits.tenant_servers_refresh_interval);
                let is_old = self.key.is_servers() && now_ms >= self.installed_ms + period;
                is_old || now_ms >= self.expires_ms
            }
            STALE => now_ms >= self.refresh_from_ms.load(Ordering::Relaxed),
            RETIRED => false,
            since => now_ms >= since - REFRESHING + millis_of(limits.refresh_timeout),
        };
        due && self.exchange(word, now_ms + REFRESHING)
    }

    fn exchange(&self, old: u64, new: u64) -> bool {
        let order = Ordering::Relaxed;
        let exchanged = self.freshness.compare_exchange(old, new, order, order);
        exchanged.is_ok()
    }
}

/// Moves a time on, if that makes a difference.
fn raise(time: &AtomicU64, now_ms: u64) {
    if now_ms >= time.load(Ordering::Relaxed) + Entry::GRAIN_MS {
        time.store(now_ms, Ordering::Relaxed);
    }
}

/// From half the period to the whole, so that tables fetched together do not expire together.
fn expiry(key: &TableKey, now_ms: u64, period_ms: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    (key, now_ms).hash(&mut hasher);
    let half = period_ms / 2;
    half + hasher.finish() % (period_ms - half + 1)
}

pub(super) fn millis_of(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX / 4)
}
