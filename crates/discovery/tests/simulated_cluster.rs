//! Discovery and routing together, in front of a simulated cluster.
#![expect(clippy::unwrap_used, reason = "whatever fails shall fail the test")]

use odp_cluster::{ClusterName, DatabaseName, ServerAddr, TableName, TenantName};
use odp_discovery::{Discovery, DiscoveryConfig, Handle, MetadataState};
use odp_pool::{ConnectOptions, MetaConnection, MetaLogin};
use odp_routing::{
    Decision, LookupPhase, Observation, Request, Route, RouteReason, Router, RouterLimits, TableKey,
};
use odp_simulator::{AccountConfig, Cluster, ClusterConfig};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

const LIMIT: Duration = Duration::from_secs(10);

/// A client of the tenant `demo`, with a connection to every server it was sent to.
struct Client {
    router: Arc<Router>,
    handle: Handle,
    tenant: TenantName,
    database: DatabaseName,
    connections: HashMap<ServerAddr, MetaConnection>,
}

impl Client {
    fn decide(&self, sql: &str, lookup: LookupPhase) -> Decision {
        let outline = odp_sql::outline(sql.as_bytes(), odp_sql::Charset::Utf8);
        let request = Request {
            outline: Some(&outline),
            lookup,
            ..Request::new(&self.tenant, &self.database)
        };
        self.router.decide(&request, Instant::now())
    }

    async fn route(&self, sql: &str) -> Route {
        let mut lookup = LookupPhase::Allowed;
        loop {
            match self.decide(sql, lookup) {
                Decision::Route(route) => return route,
                Decision::Lookup(key) => self.handle.lookup(key).await,
                Decision::Wait(wait) => self.handle.settled(wait.table).await,
                Decision::NoServer(reason) => panic!("{sql}: {reason:?}"),
            }
            lookup = LookupPhase::Done;
        }
    }

    /// Runs a statement where it belongs.
    async fn run(&mut self, sql: &str) -> Route {
        let route = self.route(sql).await;
        let connection = match self.connections.entry(route.server) {
            Entry::Occupied(slot) => slot.into_mut(),
            Entry::Vacant(slot) => {
                let login = MetaLogin {
                    user: "root@demo".to_owned(),
                    password_stage1: None,
                    database: "test".to_owned(),
                    options: ConnectOptions::default(),
                };
                slot.insert(MetaConnection::open(route.server, &login).await.unwrap())
            }
        };
        connection.query(sql, LIMIT).await.unwrap();
        route
    }
}

/// A cluster whose tenant `demo` lets `root` in without a password.
fn config() -> ClusterConfig {
    let mut config = ClusterConfig::default();
    for tenant in &mut config.tenants {
        tenant.accounts.push(AccountConfig {
            user: "root".to_owned(),
            password: String::new(),
        });
    }
    config
}

/// Runs discovery while `scenario` does.
async fn with_client<F: Future<Output = ()>>(
    cluster: &Cluster,
    scenario: impl FnOnce(Client) -> F,
) {
    let router = Arc::new(Router::new(RouterLimits::default()));
    let config = DiscoveryConfig {
        rootservice_list: cluster.addrs().into_iter().map(ServerAddr::from).collect(),
        cluster_name: Some(ClusterName::new("sandbox")),
        ..DiscoveryConfig::default()
    };
    let (discovery, handle) = Discovery::new(Arc::clone(&router), config);
    let shutdown = CancellationToken::new();
    tokio::join!(discovery.run(shutdown.clone()), async {
        while handle.state().rounds == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(matches!(
            handle.state().metadata,
            MetadataState::Connected(_)
        ));
        scenario(Client {
            router,
            handle,
            tenant: TenantName::new("demo"),
            database: DatabaseName::new("test"),
            connections: HashMap::new(),
        })
        .await;
        shutdown.cancel();
    });
}

fn misses(cluster: &Cluster) -> u64 {
    let servers = cluster.servers();
    servers.iter().map(|server| server.leader_misses).sum()
}

#[tokio::test]
async fn statements_reach_their_leaders_on_every_kind_of_integer_table() {
    let cluster = Cluster::start(&config()).unwrap();
    with_client(&cluster, async |mut client| {
        assert_eq!(client.router.view().servers.len(), 3);
        for ddl in [
            "create table plain (id bigint primary key, v int)",
            "create table h (id bigint primary key, v int) partition by hash(id) partitions 16",
            "create table k (id bigint primary key, v int) partition by key(id) partitions 7",
            "create table r (id bigint primary key, v int) partition by range(id) (partition p0 \
             values less than (10), partition p1 values less than (20), partition p2 values less \
             than maxvalue)",
        ] {
            client.run(ddl).await;
        }
        let before = misses(&cluster);
        for table in ["plain", "h", "k", "r"] {
            for id in 0..30 {
                let insert = format!("insert into {table} values ({id}, 1)");
                assert!(client.run(&insert).await.is_leader, "{insert}");
                let select = format!("select v from {table} where id = {id}");
                assert_eq!(client.run(&select).await.reason, RouteReason::Leader);
            }
        }
        assert_eq!(misses(&cluster), before, "by the servers' own count");
    })
    .await;
}

#[tokio::test]
async fn a_moved_leader_is_found_again_after_one_miss() {
    let cluster = Cluster::start(&config()).unwrap();
    with_client(&cluster, async |mut client| {
        let ddl = "create table h (id bigint primary key) partition by hash(id) partitions 4";
        client.run(ddl).await;
        let sql = "select * from h where id = 2";
        let route = client.run(sql).await;
        let tablet = route.tablet.unwrap();
        let other = cluster.addrs().into_iter().map(ServerAddr::from);
        let to = other
            .into_iter()
            .find(|&addr| addr != route.server)
            .unwrap();
        let id = i64::try_from(tablet.0).unwrap();
        cluster.move_leader(id, to.socket_addr()).unwrap();

        let missed = client.run(sql).await;
        let observation = Observation::Answered {
            partition_hit: Some(false),
            schema_version: None,
        };
        let learned = client.router.learn(&missed, observation, Instant::now());
        assert_eq!(learned.refresh.as_ref().unwrap().table, TableName::new("h"));
        client.handle.lookup(learned.refresh.unwrap()).await;
        let found = client.run(sql).await;
        assert_eq!((found.server, found.is_leader), (to, true));
    })
    .await;
}

#[tokio::test]
async fn names_in_a_statement_cannot_break_out_of_the_metadata_queries() {
    let cluster = Cluster::start(&config()).unwrap();
    with_client(&cluster, async |client| {
        let key = TableKey {
            tenant: client.tenant.clone(),
            database: client.database.clone(),
            table: TableName::new("x' or '1'='1"),
        };
        client.handle.lookup(key).await;
        let route = client.route("select * from `x' or '1'='1`").await;
        assert_eq!(route.reason, RouteReason::NoTable);
    })
    .await;
}

/// Another proxy's client drops a table and makes it anew: the first statement may miss, no other one.
#[tokio::test]
async fn a_table_made_anew_with_other_partitions_is_right_again_after_one_miss() {
    let cluster = Cluster::start(&config()).unwrap();
    with_client(&cluster, async |mut client| {
        let routed = |id: i64| format!("select v from h where id = {id}");
        client
            .run("create table h (id bigint primary key, v int) partition by hash(id) partitions 3")
            .await;
        for id in 0..12 {
            assert!(client.run(&routed(id)).await.is_leader);
        }
        // Behind the router's back, over a connection of its own.
        let any = client.route(&routed(0)).await.server;
        let other = client.connections.get_mut(&any).unwrap();
        let ddl = "create table h (v int, id bigint primary key) partition by range(id) (partition \
                   p0 values less than (3), partition p1 values less than (5), partition p2 values \
                   less than (7), partition p3 values less than maxvalue)";
        for sql in ["drop table h", ddl] {
            other.query(sql, LIMIT).await.unwrap();
        }
        let before = misses(&cluster);
        for id in 0..12 {
            let missed = misses(&cluster);
            let route = client.run(&routed(id)).await;
            let observation = Observation::Answered {
                partition_hit: Some(misses(&cluster) == missed),
                schema_version: None,
            };
            let learned = client.router.learn(&route, observation, Instant::now());
            if let Some(key) = learned.refresh {
                client.handle.lookup(key).await;
            }
        }
        let missed = misses(&cluster) - before;
        assert!(missed <= 1, "{missed} misses");
        for id in 0..12 {
            let route = client.run(&routed(id)).await;
            assert!(route.is_leader, "{id}: {route:?}");
        }
        assert_eq!(misses(&cluster) - before, missed);
    })
    .await;
}

#[tokio::test]
async fn who_makes_a_table_anew_through_the_router_does_not_miss_at_all() {
    let cluster = Cluster::start(&config()).unwrap();
    with_client(&cluster, async |mut client| {
        for round in 2..6 {
            for ddl in [
                "drop table if exists h".to_owned(),
                format!(
                    "create table h (id bigint primary key, v int) partition by hash(id) \
                     partitions {round}"
                ),
            ] {
                let route = client.run(&ddl).await;
                let answered = Observation::Answered {
                    partition_hit: Some(true),
                    schema_version: Some(round),
                };
                client.router.learn(&route, answered, Instant::now());
            }
            let before = misses(&cluster);
            for id in 0..12 {
                let sql = format!("select v from h where id = {id}");
                assert!(client.run(&sql).await.is_leader, "{round}: {sql}");
            }
            assert_eq!(misses(&cluster), before, "with {round} partitions");
        }
    })
    .await;
}
