//! What a decision costs one thread, and what it costs each when all cores decide at once.
//!
//! The figures are those of the build that runs: for ones that count, run this with `--release`.
#![expect(clippy::unwrap_used, reason = "whatever fails shall fail the test")]

use odp_cluster::{
    DatabaseName, Replica, ReplicaType, Role, Server, ServerAddr, ServerState, TableId, TableName,
    TabletId, TenantName, ZoneName,
};
use odp_routing::{
    ClusterView, Decision, Desk, Location, Lookup, Metadata, Request, Router, RouterLimits, Table,
    TableKey,
};
use odp_sql::Charset;
use std::sync::{Arc, Barrier};
use std::time::Instant;

const DECISIONS: u32 = if cfg!(debug_assertions) {
    10_000
} else {
    200_000
};
const ROUNDS: usize = 7;

fn addr(number: u16) -> ServerAddr {
    format!("10.0.0.{number}:2881").parse().unwrap()
}

fn router(tenant: &TenantName, database: &DatabaseName) -> Arc<Router> {
    let router = Router::new(RouterLimits::default());
    let server = |number| Server {
        addr: addr(number),
        zone: ZoneName::new(format!("z{number}")),
        state: ServerState::Active,
    };
    router.set_view(
        ClusterView {
            servers: (1..4).map(server).collect(),
            metadata: Metadata::Available,
            version: 1,
            ..ClusterView::default()
        },
        Instant::now(),
    );
    let replica = |number| Replica {
        server: addr(number),
        role: if number == 1 {
            Role::Leader
        } else {
            Role::Follower
        },
        replica_type: ReplicaType::Full,
        is_duplicate: false,
    };
    let table = Table {
        id: TableId(1),
        schema_version: 1,
        partitioning: None,
        locations: vec![Location {
            tablet: TabletId(0),
            replicas: (1..4).map(replica).collect(),
        }],
    };
    let key = TableKey {
        tenant: tenant.clone(),
        database: database.clone(),
        table: TableName::new("orders"),
    };
    router.install(key, Lookup::Table(Box::new(table)), Instant::now());
    Arc::new(router)
}

/// The time that this thread has spent on a core, in nanoseconds (Linux, `proc(5)`).
fn cpu_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

/// Nanoseconds of CPU for one decision of this thread.
fn one_thread(decide: impl Fn(&Request<'_>) -> Decision) -> u64 {
    let (tenant, database) = (TenantName::new("demo"), DatabaseName::new("test"));
    let sql = b"select v from orders where id = 4711 and x=1";
    let outline = odp_sql::outline(sql, Charset::Utf8);
    let request = Request {
        outline: Some(&outline),
        ..Request::new(&tenant, &database)
    };
    let started = cpu_ns();
    for _ in 0..DECISIONS {
        assert!(matches!(decide(&request), Decision::Route(route) if route.is_leader));
    }
    (cpu_ns() - started) / u64::from(DECISIONS)
}

/// The best of several rounds on `threads` threads at once: the least disturbed one.
fn at_once(threads: usize, router: &Arc<Router>, with_desk: bool) -> u64 {
    let round = |_| {
        let barrier = Barrier::new(threads);
        let work = |number| {
            let desk = Desk::new(Arc::clone(router), number);
            let now = Instant::now();
            barrier.wait();
            if with_desk {
                one_thread(|request| desk.decide(request, now))
            } else {
                one_thread(|request| router.decide(request, now))
            }
        };
        std::thread::scope(|scope| {
            let work = &work;
            let started: Vec<_> = (0..threads)
                .map(|number| scope.spawn(move || work(number)))
                .collect();
            let costs = started.into_iter().map(|thread| thread.join().unwrap());
            costs.max().unwrap_or_default()
        })
    };
    (0..ROUNDS).map(round).min().unwrap_or_default()
}

#[test]
fn deciding_at_once_costs_each_thread_what_deciding_alone_costs() {
    let (tenant, database) = (TenantName::new("demo"), DatabaseName::new("test"));
    let router = router(&tenant, &database);
    let cores = std::thread::available_parallelism().unwrap().get();
    let alone = at_once(1, &router, true);
    let together = at_once(cores, &router, true);
    println!("with desks: {alone} ns alone, {together} ns each on {cores} cores at once");
    let shared = (at_once(1, &router, false), at_once(cores, &router, false));
    println!("without: {} ns alone, {} ns each", shared.0, shared.1);
    // The goal is 1.2; the margin is for a machine that is busy with something else.
    assert!(
        together * 10 <= alone * 15,
        "{alone} ns alone, {together} ns at once"
    );
}
