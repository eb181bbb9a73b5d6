//! The cache under a flood of tables, and what becomes of stale entries.

use super::*;
use crate::Location;
use odp_cluster::{DatabaseName, Replica, ReplicaType, Role, TableId, TableName, TabletId};
use odp_cluster::{ServerAddr, TenantName};

fn key(number: usize) -> TableKey {
    TableKey {
        tenant: TenantName::new("demo"),
        database: DatabaseName::new("test"),
        table: TableName::new(format!("t{number}")),
    }
}

fn table() -> Lookup {
    let replica = |port| Replica {
        server: ServerAddr::from(std::net::SocketAddr::from(([10, 0, 0, 1], port))),
        role: Role::Follower,
        replica_type: ReplicaType::Full,
        is_duplicate: false,
    };
    let location = Location {
        tablet: TabletId(0),
        replicas: (1..4).map(replica).collect(),
    };
    Lookup::Table(Box::new(Table {
        id: TableId(1),
        schema_version: 1,
        partitioning: None,
        locations: vec![location],
    }))
}

fn source<'a>(cache: &'a Locations, limits: &'a RouterLimits, now: Instant) -> Source<'a> {
    Source {
        locations: cache,
        recent: None,
        limits,
        now,
    }
}

#[test]
fn memory_stays_bounded_and_hot_tables_stay() {
    const HOT: usize = 200;
    let limits = RouterLimits {
        location_cache_bytes: 64 << 20,
        ..RouterLimits::default()
    };
    let (cache, mut now) = (Locations::default(), Instant::now());
    let recent = Recent::default();
    let (mut most, mut dropped) = (0, 0);
    for number in 0..150_000 {
        now += Duration::from_millis(40);
        if number >= HOT {
            let through = Source {
                recent: Some(&recent),
                ..source(&cache, &limits, now)
            };
            let hot = key(number % HOT);
            let found = through.find(hot.borrowed(), |_| ());
            assert!(found.is_some(), "{hot} was dropped at {number}");
        }
        let before = cache.map.len();
        cache.install(key(number), table(), &limits, now);
        dropped += (before + 1).saturating_sub(cache.map.len());
        let bytes = cache.bytes.load(Ordering::Relaxed);
        assert!(bytes <= limits.location_cache_bytes, "{bytes} at {number}");
        most = most.max(cache.map.len());
    }
    let weights: usize = cache.map.iter().map(|entry| entry.weight).sum();
    assert_eq!(weights, cache.bytes.load(Ordering::Relaxed));
    println!("at most {most} tables at once in 64 MB, {dropped} dropped, {HOT} hot ones stayed");
    assert!(
        most >= 50_000 && dropped > 0,
        "{most} tables, {dropped} dropped"
    );
}

#[test]
fn a_failed_refresh_keeps_the_old_answer() {
    let (limits, cache, now) = (
        RouterLimits::default(),
        Locations::default(),
        Instant::now(),
    );
    cache.install(key(1), table(), &limits, now);
    let marked =
        |now| source(&cache, &limits, now).note(&key(1), Confirmation::No, |_| Doubt::Stale);
    assert!(marked(now));
    cache.install(key(1), Lookup::Failed, &limits, now);
    assert!(cache.map.get(&key(1)).unwrap().table().is_some());
    assert!(!marked(now), "not so soon");
    assert!(marked(now + limits.delay_update_entry_interval));
}

#[test]
fn the_wait_for_the_next_refresh_grows_while_refreshes_bring_nothing_new() {
    let (limits, cache, mut now) = (
        RouterLimits::default(),
        Locations::default(),
        Instant::now(),
    );
    cache.install(key(1), table(), &limits, now);
    let marked =
        |now| source(&cache, &limits, now).note(&key(1), Confirmation::No, |_| Doubt::Stale);
    for wait_ms in [0, 100, 200, 400, 800, 1600, 3200, 5000, 5000] {
        let wait = Duration::from_millis(wait_ms);
        if let Some(shorter) = wait.checked_sub(Duration::from_millis(1)) {
            assert!(!marked(now + shorter), "after {wait_ms} ms");
        }
        now += wait;
        assert!(marked(now), "after {wait_ms} ms");
        assert!(!marked(now), "one refresh is under way");
        cache.install(key(1), table(), &limits, now);
    }
}

#[test]
fn an_expired_entry_is_refreshed_while_it_serves() {
    let limits = RouterLimits {
        location_expire_period_time: Duration::from_mins(1),
        ..RouterLimits::default()
    };
    let (cache, now) = (Locations::default(), Instant::now());
    cache.install(key(1), table(), &limits, now);
    let claims = |seconds| {
        let now = now + Duration::from_secs(seconds);
        let found = |found: Found<'_>| match found {
            Found::Table(cached) => cached.marks.claim_refresh(Outdated::No),
            other => panic!("{other:?}"),
        };
        let source = source(&cache, &limits, now);
        source.find(key(1).borrowed(), found).unwrap()
    };
    assert!(!claims(29), "before half the period");
    assert!(claims(60), "after the whole");
    assert!(!claims(61), "one refresh is under way");
}

#[test]
fn a_thread_sees_a_replaced_and_a_forgotten_entry() {
    let (limits, cache, now) = (
        RouterLimits::default(),
        Locations::default(),
        Instant::now(),
    );
    let recent = Recent::default();
    let through = Source {
        recent: Some(&recent),
        ..source(&cache, &limits, now)
    };
    let is_table = || {
        let is_table = |found: Found<'_>| matches!(found, Found::Table(_));
        through.find(key(1).borrowed(), is_table)
    };
    assert_eq!(is_table(), None);
    cache.install(key(1), Lookup::Missing, &limits, now);
    assert_eq!(is_table(), Some(false));
    cache.install(key(1), table(), &limits, now);
    assert_eq!(is_table(), Some(true));
    cache.forget(&key(1));
    assert_eq!(is_table(), None);
}
