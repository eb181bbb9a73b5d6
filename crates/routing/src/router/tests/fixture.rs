//! A tenant with tables on three servers.

use crate::partition::column::{Absent, ColumnType, KeyColumn};
use crate::partition::function::Buckets;
use crate::partition::key::Key;
use crate::partition::{Level, Part, Partitioning, Rules};
use crate::placement::Statement;
use crate::{
    ClusterView, Decision, Location, Lookup, Metadata, Observation, Request, Route, RouteReason,
    Router, RouterLimits, Table, TableKey,
};
use odp_cluster::{
    DatabaseName, Replica, ReplicaType, Role, Server, ServerAddr, ServerState, TableId, TableName,
    TabletId, TenantName, ZoneName,
};
use odp_sql::Charset;
use std::time::Instant;

const SERVERS: u16 = 3;

pub(crate) fn addr(number: u16) -> ServerAddr {
    format!("10.0.0.{number}:2881").parse().unwrap()
}

pub(crate) fn view() -> ClusterView {
    let server = |number| Server {
        addr: addr(number),
        zone: ZoneName::new(format!("z{number}")),
        state: ServerState::Active,
    };
    ClusterView {
        servers: (1..=SERVERS).map(server).collect(),
        metadata: Metadata::Available,
        version: 1,
        ..ClusterView::default()
    }
}

pub(crate) fn replicas(leader: Option<u16>) -> Vec<Replica> {
    let replica = |number| Replica {
        server: addr(number),
        role: if leader == Some(number) {
            Role::Leader
        } else {
            Role::Follower
        },
        replica_type: ReplicaType::Full,
        is_duplicate: false,
    };
    (1..=SERVERS).map(replica).collect()
}

/// `t(id, k)` with `hash(k)` into three partitions; server 1 leads the first, 2 the second, 3 the
/// third.
pub(crate) fn hashed() -> Table {
    let tablets: Vec<TabletId> = (100..103).map(TabletId).collect();
    let key = KeyColumn {
        name: "k".to_owned(),
        position: 1,
        column_type: ColumnType::from_number(5),
        absent: Absent::Unknown,
        labels: None,
        nullable: true,
    };
    let locate = |(tablet, leader)| Location {
        tablet,
        replicas: replicas(Some(leader)),
    };
    Table {
        id: TableId(500),
        schema_version: 1,
        locations: tablets.iter().copied().zip(1..).map(locate).collect(),
        partitioning: Some(Partitioning {
            rules: Ok(Rules {
                first: Level {
                    key: Key {
                        columns: vec![key],
                        expression: None,
                    },
                    buckets: Buckets::Hash(3),
                },
                second: None,
            }),
            parts: (0..3)
                .map(|part| Part {
                    name: format!("p{part}"),
                    leaves: part..part + 1,
                })
                .collect(),
            leaf_names: (0..3).map(|part| format!("p{part}")).collect(),
            tablets,
        }),
    }
}

pub(crate) fn unpartitioned(leader: Option<u16>) -> Table {
    Table {
        id: TableId(501),
        schema_version: 1,
        partitioning: None,
        locations: vec![Location {
            tablet: TabletId(0),
            replicas: replicas(leader),
        }],
    }
}

pub(crate) struct Setup {
    pub(crate) router: Router,
    pub(crate) tenant: TenantName,
    pub(crate) database: DatabaseName,
    pub(crate) now: Instant,
}

impl Setup {
    pub(crate) fn new() -> Self {
        let setup = Self {
            router: Router::new(RouterLimits::default()),
            tenant: TenantName::new("demo"),
            database: DatabaseName::new("test"),
            now: Instant::now(),
        };
        setup.router.set_view(view(), setup.now);
        setup.install(TableKey::servers_of(&setup.tenant), unpartitioned(Some(1)));
        setup.install(setup.key("t"), hashed());
        setup
    }

    pub(crate) fn key(&self, table: &str) -> TableKey {
        TableKey {
            tenant: self.tenant.clone(),
            database: self.database.clone(),
            table: TableName::new(table),
        }
    }

    pub(crate) fn install(&self, key: TableKey, table: Table) {
        let answer = Lookup::Table(Box::new(table));
        self.router.install(key, answer, self.now);
    }

    pub(crate) fn request(&self) -> Request<'_> {
        Request::new(&self.tenant, &self.database)
    }

    pub(crate) fn decide(&self, sql: &str) -> Decision {
        self.decide_with(sql, self.request())
    }

    pub(crate) fn decide_with(&self, sql: &str, request: Request<'_>) -> Decision {
        let outline = odp_sql::outline(sql.as_bytes(), Charset::Utf8);
        let request = Request {
            outline: Some(&outline),
            ..request
        };
        self.router.decide(&request, self.now)
    }

    /// Calls `with` with a statement as placement gets it.
    pub(crate) fn with_statement<R>(&self, sql: &str, with: impl FnOnce(&Statement<'_>) -> R) -> R {
        let outline = odp_sql::outline(sql.as_bytes(), Charset::Utf8);
        let request = self.request();
        with(&Statement {
            outline: &outline,
            table: outline.table().unwrap(),
            request: &request,
        })
    }

    /// The leaves of `table` that a statement touches.
    pub(crate) fn leaves(&self, table: &Table, sql: &str) -> Vec<usize> {
        self.with_statement(sql, |statement| statement.leaves_in(table).unwrap())
    }

    pub(crate) fn route(&self, sql: &str) -> Route {
        match self.decide(sql) {
            Decision::Route(route) => route,
            other => panic!("{sql}: {other:?}"),
        }
    }

    pub(crate) fn fail(&self, server: u16, times: usize) {
        let route = Route {
            server: addr(server),
            reason: RouteReason::AnyServer,
            table: None,
            tablet: None,
            is_leader: false,
            refresh: false,
            is_probe: false,
            alters: None,
        };
        for _ in 0..times {
            self.router
                .learn(&route, Observation::ConnectFailed, self.now);
        }
    }
}
