//! The location cache: what is known of each table, how old it is, and who refreshes it.

use crate::table_key::{BorrowedKey, KeyParts};
use crate::{Lookup, RouterLimits, Table, TableKey};
use dashmap::DashMap;
use parking_lot::Mutex;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

/// The cache. Bounded in bytes: beyond the bound, the entries that went unused longest are dropped.
#[derive(Debug, Default)]
pub(crate) struct Locations {
    map: DashMap<TableKey, Entry>,
    bytes: AtomicUsize,
    epoch: OnceLock<Instant>,
    eviction: Mutex<()>,
}

#[derive(Debug)]
struct Entry {
    known: Known,
    weight: usize,
    installed_ms: u64,
    /// Before this time the entry is not refreshed again.
    refresh_from_ms: u64,
    freshness: AtomicU64,
    used_ms: AtomicU64,
}

/// What is known of a table.
#[derive(Debug)]
enum Known {
    Table(Box<Table>),
    Missing,
    Failed,
}

/// What the cache answers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Found<'a> {
    /// The table.
    Table(Cached<'a>),
    /// The cluster has no such table.
    Missing,
    /// It could not be asked a short while ago.
    Failed,
}

/// A table in the cache.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cached<'a> {
    pub(crate) key: &'a TableKey,
    pub(crate) table: &'a Table,
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

impl Cached<'_> {
    /// Whether the caller shall have the entry refreshed: it is stale, it is not too early, and
    /// nobody else will until the answer is in or overdue.
    pub(crate) fn claim_refresh(&self, outdated: Outdated) -> bool {
        if outdated == Outdated::Yes {
            self.entry.mark_stale();
        }
        let servers = self.key.is_servers();
        self.entry.claim_refresh(servers, self.limits, self.now_ms)
    }
}

/// The freshness word: FRESH, STALE, or the time at which the refresh under way began plus this.
const FRESH: u64 = 0;
const STALE: u64 = 1;
const REFRESHING: u64 = 2;

impl Locations {
    /// Calls `with` with what is known under `key`; `None` when nothing is.
    pub(crate) fn find<R>(
        &self,
        key: BorrowedKey<'_>,
        limits: &RouterLimits,
        now: Instant,
        with: impl FnOnce(Found<'_>) -> R,
    ) -> Option<R> {
        let now_ms = self.millis(now);
        let parts: &dyn KeyParts = &key;
        let entry = self.map.get(parts)?;
        entry.touch(now_ms);
        match &entry.known {
            Known::Table(table) => {
                let cached = Cached {
                    key: entry.key(),
                    table,
                    entry: entry.value(),
                    limits,
                    now_ms,
                };
                Some(with(Found::Table(cached)))
            }
            _ if now_ms >= entry.installed_ms + millis_of(limits.missing_table_ttl) => None,
            Known::Missing => Some(with(Found::Missing)),
            Known::Failed => Some(with(Found::Failed)),
        }
    }

    /// Marks an entry stale; true when the caller shall have it refreshed now.
    pub(crate) fn mark_stale(&self, key: &TableKey, limits: &RouterLimits, now: Instant) -> bool {
        let now_ms = self.millis(now);
        let Some(entry) = self.map.get(key) else {
            return false;
        };
        entry.mark_stale();
        entry.claim_refresh(key.is_servers(), limits, now_ms)
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
        let delayed = now_ms + millis_of(limits.delay_update_entry_interval);
        let previous = match answer {
            Lookup::Table(table) => {
                let same = self.map.get(&key).is_some_and(
                    |entry| matches!(&entry.known, Known::Table(known) if *known == table),
                );
                // A refresh that found nothing new shows that asking again soon is of no use.
                let refresh_from_ms = if same { delayed } else { now_ms };
                let weight = table.weight();
                let entry = Entry::new(Known::Table(table), weight, refresh_from_ms);
                self.insert(key, entry, now_ms)
            }
            Lookup::Missing => {
                let known = self.map.get(&key);
                let same = known.is_some_and(|entry| matches!(entry.known, Known::Missing));
                let refresh_from_ms = if same { delayed } else { now_ms };
                let entry = Entry::new(Known::Missing, 0, refresh_from_ms);
                self.insert(key, entry, now_ms)
            }
            Lookup::Failed => {
                if let Some(mut entry) = self.map.get_mut(&key)
                    && matches!(entry.known, Known::Table(_))
                {
                    entry.refresh_from_ms = delayed;
                    entry.freshness.store(STALE, Ordering::Relaxed);
                    return;
                }
                self.insert(key, Entry::new(Known::Failed, 0, now_ms), now_ms)
            }
        };
        self.bytes.fetch_sub(previous, Ordering::Relaxed);
        if self.bytes.load(Ordering::Relaxed) > limits.location_cache_bytes {
            self.evict(limits);
        }
    }

    /// Inserts an entry; answers the bytes of the one it replaced.
    fn insert(&self, key: TableKey, mut entry: Entry, now_ms: u64) -> usize {
        // Names up to 23 bytes lie in the key itself.
        let heap = |name: &str| if name.len() > 23 { name.len() + 16 } else { 0 };
        let names =
            heap(key.tenant.as_str()) + heap(key.database.as_str()) + heap(key.table.as_str());
        entry.weight += size_of::<(TableKey, Entry)>() + names;
        entry.installed_ms = now_ms;
        entry.used_ms = AtomicU64::new(now_ms);
        self.bytes.fetch_add(entry.weight, Ordering::Relaxed);
        let previous = self.map.insert(key, entry);
        previous.map_or(0, |entry| entry.weight)
    }

    /// Drops an eighth of the entries and whatever more the bound asks for, oldest use first.
    fn evict(&self, limits: &RouterLimits) {
        let Some(_guard) = self.eviction.try_lock() else {
            return;
        };
        let use_of = |entry: dashmap::mapref::multiple::RefMulti<'_, TableKey, Entry>| {
            (entry.used_ms.load(Ordering::Relaxed), entry.weight)
        };
        let mut uses: Vec<(u64, usize)> = self.map.iter().map(use_of).collect();
        uses.sort_unstable();
        let keep = limits.location_cache_bytes / 8 * 7;
        let mut excess = self.bytes.load(Ordering::Relaxed).saturating_sub(keep);
        let doomed = uses.iter().take_while(|&&(_, weight)| {
            let more = excess > 0;
            excess = excess.saturating_sub(weight);
            more
        });
        let Some(&(newest_doomed, _)) = doomed.last() else {
            return;
        };
        // Entries of the same millisecond go only as far as the bound asks for.
        let mut left = self.bytes.load(Ordering::Relaxed).saturating_sub(keep);
        self.map.retain(|_, entry| {
            if left == 0 || entry.used_ms.load(Ordering::Relaxed) > newest_doomed {
                return true;
            }
            left = left.saturating_sub(entry.weight);
            self.bytes.fetch_sub(entry.weight, Ordering::Relaxed);
            false
        });
    }

    fn millis(&self, now: Instant) -> u64 {
        let epoch = *self.epoch.get_or_init(|| now);
        millis_of(now.saturating_duration_since(epoch))
    }
}

impl Entry {
    /// Uses closer together than this are not told apart, so that readers seldom write.
    const USE_GRAIN_MS: u64 = 1000;

    fn new(known: Known, weight: usize, refresh_from_ms: u64) -> Self {
        Self {
            known,
            weight,
            installed_ms: 0,
            refresh_from_ms,
            freshness: AtomicU64::new(FRESH),
            used_ms: AtomicU64::new(0),
        }
    }

    fn touch(&self, now_ms: u64) {
        if now_ms >= self.used_ms.load(Ordering::Relaxed) + Self::USE_GRAIN_MS {
            self.used_ms.store(now_ms, Ordering::Relaxed);
        }
    }

    fn mark_stale(&self) {
        let order = Ordering::Relaxed;
        self.freshness
            .compare_exchange(FRESH, STALE, order, order)
            .unwrap_or_default();
    }

    fn claim_refresh(&self, servers: bool, limits: &RouterLimits, now_ms: u64) -> bool {
        let word = self.freshness.load(Ordering::Relaxed);
        let due = match word {
            FRESH => {
                let period = millis_of(limits.tenant_servers_refresh_interval);
                servers && now_ms >= self.installed_ms + period
            }
            STALE => now_ms >= self.refresh_from_ms,
            since => now_ms >= since - REFRESHING + millis_of(limits.refresh_timeout),
        };
        let order = Ordering::Relaxed;
        let claim = |word| {
            let claimed = now_ms + REFRESHING;
            let exchanged = self.freshness.compare_exchange(word, claimed, order, order);
            exchanged.is_ok()
        };
        due && claim(word)
    }
}

fn millis_of(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Location;
    use odp_cluster::{DatabaseName, TableId, TableName, TabletId, TenantName};
    use std::time::Duration;

    fn key(number: usize) -> TableKey {
        TableKey {
            tenant: TenantName::new("demo"),
            database: DatabaseName::new("test"),
            table: TableName::new(format!("t{number}")),
        }
    }

    fn table() -> Lookup {
        let location = Location {
            tablet: TabletId(0),
            replicas: Vec::new(),
        };
        Lookup::Table(Box::new(Table {
            id: TableId(1),
            schema_version: 1,
            partitioning: None,
            locations: vec![location],
        }))
    }

    #[test]
    fn memory_stays_bounded_and_hot_tables_stay() {
        let limits = RouterLimits {
            location_cache_bytes: 64 << 10,
            ..RouterLimits::default()
        };
        let (cache, mut now) = (Locations::default(), Instant::now());
        let hot = key(0);
        cache.install(hot.clone(), table(), &limits, now);
        for number in 1..2000 {
            now += Duration::from_secs(1);
            let parts = hot.parts();
            let borrowed = BorrowedKey {
                tenant: parts.0,
                database: parts.1,
                table: parts.2,
            };
            let found = cache.find(borrowed, &limits, now, |_| ());
            assert!(found.is_some(), "the hot table was dropped at {number}");
            cache.install(key(number), table(), &limits, now);
            assert!(cache.bytes.load(Ordering::Relaxed) <= limits.location_cache_bytes);
        }
        let weights: usize = cache.map.iter().map(|entry| entry.weight).sum();
        assert_eq!(weights, cache.bytes.load(Ordering::Relaxed));
        assert!(cache.map.len() > 50, "{} entries", cache.map.len());
    }

    #[test]
    fn a_failed_refresh_keeps_the_old_answer() {
        let (limits, cache, now) = (
            RouterLimits::default(),
            Locations::default(),
            Instant::now(),
        );
        cache.install(key(1), table(), &limits, now);
        assert!(cache.mark_stale(&key(1), &limits, now));
        cache.install(key(1), Lookup::Failed, &limits, now);
        assert!(matches!(
            cache.map.get(&key(1)).unwrap().known,
            Known::Table(_)
        ));
        assert!(!cache.mark_stale(&key(1), &limits, now), "not so soon");
        let later = now + limits.delay_update_entry_interval;
        assert!(cache.mark_stale(&key(1), &limits, later));
    }
}
