//! The location cache: what is known of each table, bounded in bytes.

mod doubt;
mod entry;
mod recent;

use crate::table_key::{BorrowedKey, KeyParts};
use crate::{FormerLocation, Lookup, Refresh, RouterLimits, Table, TableKey, Wait};
use dashmap::DashMap;
pub(crate) use doubt::{Doubt, Leaves};
pub(crate) use entry::Entry;
pub use entry::Freshness;
pub(crate) use entry::Routine;
use entry::{Known, millis_of};
use foldhash::fast::RandomState;
use parking_lot::Mutex;
pub(crate) use recent::Recent;
use std::cmp::Reverse;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// The cache. Beyond its bound, the entries that went unused longest are dropped.
#[derive(Debug, Default)]
pub(crate) struct Locations {
    map: DashMap<TableKey, Arc<Entry>, RandomState>,
    bytes: AtomicUsize,
    epoch: OnceLock<Instant>,
    eviction: Mutex<()>,
}

/// The cache as one decision sees it: through its thread's recent entries, if it has some.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) locations: &'a Locations,
    pub(crate) recent: Option<&'a Recent>,
    pub(crate) limits: &'a RouterLimits,
    pub(crate) now: Instant,
}

/// What the cache answers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Found<'a> {
    /// The table.
    Table(Cached<'a>),
    /// The routine, for the key of one.
    Routine(&'a Routine),
    /// The cluster has no such table.
    Missing(Marks<'a>),
    /// It could not be asked a short while ago.
    Failed,
}

/// A table in the cache.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cached<'a> {
    pub(crate) table: &'a Table,
    pub(crate) marks: Marks<'a>,
}

/// The marks of an entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Marks<'a> {
    entry: &'a Entry,
    limits: &'a RouterLimits,
    now_ms: u64,
}

/// Whether the reader of an entry sees that it is no longer right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outdated {
    /// Nothing speaks against it.
    No,
    /// It is.
    Yes,
}

/// Whether a server answered from where it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Confirmation {
    /// It did.
    Yes,
    /// It did not say so.
    No,
}

impl<'a> Marks<'a> {
    pub(crate) fn key(&self) -> &'a TableKey {
        &self.entry.key
    }

    /// Whether the caller shall have the entry refreshed.
    pub(crate) fn claim_refresh(&self, outdated: Outdated) -> bool {
        if outdated == Outdated::Yes {
            self.entry.mark_stale();
        }
        self.entry.claim_refresh(self.limits, self.now_ms)
    }

    /// How long a statement on the table had better wait: an answer has spoken against the entry, and the
    /// refresh that will tell what is right began a moment ago, or begins with the caller.
    pub(crate) fn worth_waiting_for(&self) -> Option<Wait> {
        if !self.entry.is_doubted() {
            return None;
        }
        let patience_ms = millis_of(self.limits.refresh_patience);
        let (left_ms, refresh) = match self.entry.refreshing_since_ms() {
            Some(since) => (
                (since + patience_ms).checked_sub(self.now_ms)?,
                Refresh::UnderWay,
            ),
            None if self.claim_refresh(Outdated::No) => (patience_ms, Refresh::Claimed),
            None => return None,
        };
        (left_ms > 0).then_some(Wait {
            table: self.entry.key.clone(),
            refresh,
            limit: Duration::from_millis(left_ms),
        })
    }

    pub(crate) fn freshness(&self) -> Freshness {
        self.entry.freshness(self.now_ms)
    }

    /// How long ago the answer came in.
    pub(crate) fn age(&self) -> Duration {
        Duration::from_millis(self.now_ms.saturating_sub(self.entry.installed_ms))
    }

    /// How long ago a server last answered without speaking against it.
    pub(crate) fn unconfirmed_for(&self) -> Duration {
        Duration::from_millis(self.now_ms.saturating_sub(self.entry.valid_ms()))
    }
}

impl Source<'_> {
    /// Calls `with` with what is known under `key`; `None` when nothing is.
    pub(crate) fn find<R>(
        &self,
        key: BorrowedKey<'_>,
        with: impl FnOnce(Found<'_>) -> R,
    ) -> Option<R> {
        let now_ms = self.locations.millis(self.now);
        self.entry(key, |entry| {
            entry.touch(now_ms);
            let ttl = millis_of(self.limits.missing_table_ttl);
            let routine_ttl = millis_of(self.limits.tenant_servers_refresh_interval);
            let marks = Marks {
                entry,
                limits: self.limits,
                now_ms,
            };
            let found = match &entry.known {
                Known::Table(table) => Found::Table(Cached { table, marks }),
                // Nothing tells that a routine has changed, so it is asked for anew after a while.
                Known::Routine(_) if now_ms >= entry.installed_ms + routine_ttl => return None,
                Known::Routine(routine) => Found::Routine(routine),
                _ if now_ms >= entry.installed_ms + ttl => return None,
                Known::Missing => Found::Missing(marks),
                Known::Failed => Found::Failed,
            };
            Some(with(found))
        })?
    }

    /// Takes in what an answer says of an entry; true when the caller shall have it refreshed now.
    pub(crate) fn note(
        &self,
        key: &TableKey,
        confirmation: Confirmation,
        doubt: impl FnOnce(Option<&Table>) -> Doubt,
    ) -> bool {
        let now_ms = self.locations.millis(self.now);
        let claimed = self.entry(key.borrowed(), |entry| {
            if confirmation == Confirmation::Yes {
                entry.renew(now_ms);
            }
            match doubt(entry.table()) {
                Doubt::None => return false,
                Doubt::Stale => entry.mark_stale(),
                Doubt::Leaves(leaves) => entry.doubt(leaves),
            }
            entry.claim_refresh(self.limits, now_ms)
        });
        claimed.unwrap_or_default()
    }

    fn entry<R>(&self, key: BorrowedKey<'_>, with: impl FnOnce(&Entry) -> R) -> Option<R> {
        let fetch = || self.locations.get(key);
        match self.recent {
            Some(recent) => recent.with(key, fetch, with),
            None => fetch().as_deref().map(with),
        }
    }
}

impl Locations {
    fn get(&self, key: BorrowedKey<'_>) -> Option<Arc<Entry>> {
        let parts: &dyn KeyParts = &key;
        self.map.get(parts).map(|entry| Arc::clone(&entry))
    }

    /// Puts an answer in.
    pub(crate) fn install(
        &self,
        key: TableKey,
        answer: Lookup,
        limits: &RouterLimits,
        now: Instant,
    ) {
        let now_ms = self.millis(now);
        let before = self.get(key.borrowed());
        let known = match answer {
            Lookup::Table(table) => Known::Table(table),
            Lookup::Routine {
                database,
                statement,
            } => Known::Routine(Box::new(Routine {
                database,
                statement,
            })),
            Lookup::Missing => Known::Missing,
            Lookup::Failed => {
                if let Some(before) = before.as_deref().filter(|entry| entry.table().is_some()) {
                    before.refresh_failed(limits, now_ms);
                    return;
                }
                Known::Failed
            }
        };
        // A refresh that found nothing new shows that asking again soon is of no use.
        let same = before.as_deref().filter(|entry| entry.known == known);
        let unchanged = same.map_or(0, |entry| entry.unchanged.saturating_add(1));
        let entry = Entry::new(key.clone(), known, unchanged, limits, now_ms);
        let entry = match &before {
            Some(before) => entry.inherit(before),
            None => entry,
        };
        self.bytes.fetch_add(entry.weight, Ordering::Relaxed);
        if let Some(previous) = self.map.insert(key, Arc::new(entry)) {
            self.dropped(&previous);
        }
        if self.bytes.load(Ordering::Relaxed) > limits.location_cache_bytes {
            self.evict(limits);
        }
    }

    /// What is known of each table, what was used last first.
    pub(crate) fn copies(&self) -> impl Iterator<Item = FormerLocation> + use<> {
        let mut entries: Vec<_> = self.map.iter().map(|entry| Arc::clone(&entry)).collect();
        entries.sort_by_cached_key(|entry| Reverse(entry.used_ms.load(Ordering::Relaxed)));
        entries.into_iter().filter_map(|entry| entry.copy())
    }

    /// Puts such a copy in.
    pub(crate) fn restore(&self, former: FormerLocation, limits: &RouterLimits, now: Instant) {
        let FormerLocation { key, answer, stale } = former;
        let stale = stale.then(|| key.clone());
        self.install(key, answer, limits, now);
        if let Some(entry) = stale.and_then(|key| self.get(key.borrowed())) {
            entry.mark_stale();
        }
    }

    /// Forgets a table: the next statement has it looked up first.
    pub(crate) fn forget(&self, key: &TableKey) {
        if let Some((_, entry)) = self.map.remove(key) {
            self.dropped(&entry);
        }
    }

    /// Marks everything of a tenant stale: something in it has changed, nobody knows what.
    pub(crate) fn mark_tenant_stale(&self, tenant: &str) {
        for entry in &self.map {
            if entry.key.tenant.as_str() == tenant && !entry.key.is_servers() {
                entry.mark_stale();
            }
        }
    }

    fn dropped(&self, entry: &Entry) {
        entry.retire();
        self.bytes.fetch_sub(entry.weight, Ordering::Relaxed);
    }

    /// Drops an eighth of the entries and whatever more the bound asks for, oldest use first.
    fn evict(&self, limits: &RouterLimits) {
        let Some(_guard) = self.eviction.try_lock() else {
            return;
        };
        let keep = limits.location_cache_bytes / 8 * 7;
        let excess = self.bytes.load(Ordering::Relaxed).saturating_sub(keep);
        let mut uses: Vec<(u64, usize)> = self
            .map
            .iter()
            .map(|entry| (entry.used_ms.load(Ordering::Relaxed), entry.weight))
            .collect();
        uses.sort_unstable();
        let mut left = excess;
        let doomed = uses.iter().take_while(|&&(_, weight)| {
            let more = left > 0;
            left = left.saturating_sub(weight);
            more
        });
        let Some(&(newest_doomed, _)) = doomed.last() else {
            return;
        };
        // Entries of the same millisecond go only as far as the bound asks for.
        let mut left = excess;
        self.map.retain(|_, entry| {
            if left == 0 || entry.used_ms.load(Ordering::Relaxed) > newest_doomed {
                return true;
            }
            left = left.saturating_sub(entry.weight);
            self.dropped(entry);
            false
        });
    }

    fn millis(&self, now: Instant) -> u64 {
        let epoch = *self.epoch.get_or_init(|| now);
        millis_of(now.saturating_duration_since(epoch))
    }
}

#[cfg(test)]
mod tests;
