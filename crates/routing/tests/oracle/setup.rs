//! A router that knows one table of the oracle.

use crate::data::TableData;
use odp_cluster::{
    DatabaseName, Replica, ReplicaType, Role, Server, ServerAddr, ServerState, TableId, TableName,
    TenantName, ZoneName,
};
use odp_routing::metadata::{Schema, read_partitioning};
use odp_routing::{
    ClusterView, Decision, FormerLocation, Lookup, LookupPhase, Metadata, Request, RouteReason,
    Router, RouterLimits, Table, TableKey, TimeZone, Unsure,
};
use std::time::Instant;

pub(crate) struct Setup {
    router: Router,
    table: Table,
    key: TableKey,
    kind: &'static str,
    now: Instant,
}

impl Setup {
    /// One server, which leads every tablet of `table`.
    pub(crate) fn new(table: &TableData) -> Self {
        let addr: ServerAddr = "127.0.0.1:2881".parse().unwrap();
        let router = Router::new(RouterLimits::default());
        router.set_view(
            ClusterView {
                servers: vec![Server {
                    addr,
                    zone: ZoneName::new("z1"),
                    state: ServerState::Active,
                }],
                metadata: Metadata::Available,
                ..ClusterView::default()
            },
            Instant::now(),
        );
        let key = TableKey {
            tenant: TenantName::new("sys"),
            database: DatabaseName::new("oracle"),
            table: TableName::new(&table.name),
        };
        let partitioning =
            read_partitioning(&table.info, &table.first, &table.second, &table.columns).unwrap();
        let schema = Schema {
            table_id: TableId(1),
            is_partitioned: true,
            schema_version: 1,
            replicas: Vec::new(),
        };
        let mut placed = schema.into_partitioned::<crate::data::Row>(partitioning, []);
        for location in &mut placed.locations {
            location.replicas = vec![Replica {
                server: addr,
                role: Role::Leader,
                replica_type: ReplicaType::Full,
                is_duplicate: false,
            }];
        }
        let now = Instant::now();
        let copy = placed.clone();
        // As the next generation of a proxy gets it.
        let former = FormerLocation {
            key: key.clone(),
            answer: Lookup::Table(Box::new(placed)),
            stale: false,
        };
        let bytes = postcard::to_stdvec(&former).unwrap();
        router.relocate(postcard::from_bytes(&bytes).unwrap(), now);
        Self {
            router,
            table: copy,
            key,
            kind: table.kind,
            now,
        }
    }

    pub(crate) fn name(&self) -> &str {
        self.key.table.as_str()
    }

    pub(crate) fn kind(&self) -> &'static str {
        self.kind
    }

    /// The tablets that a statement touches.
    pub(crate) fn tablets(&self, sql: &str) -> Result<Vec<u64>, Unsure> {
        let outline = odp_sql::outline(sql.as_bytes(), odp_sql::Charset::Utf8);
        let tablets = self.table.tablets_of(&self.request(&outline))?;
        Ok(tablets.iter().map(|tablet| tablet.0).collect())
    }

    fn request<'a>(&'a self, outline: &'a odp_sql::Outline<'a>) -> Request<'a> {
        Request {
            outline: Some(outline),
            lookup: LookupPhase::Done,
            time_zone: TimeZone::parse("+08:00"),
            ..Request::new(&self.key.tenant, &self.key.database)
        }
    }

    /// The tablet that the router computes for a statement, or why it computes none.
    pub(crate) fn tablet(&self, sql: &str) -> Result<u64, RouteReason> {
        let outline = odp_sql::outline(sql.as_bytes(), odp_sql::Charset::Utf8);
        let request = self.request(&outline);
        match self.router.decide(&request, self.now) {
            Decision::Route(route) => route.tablet.map(|tablet| tablet.0).ok_or(route.reason),
            other => panic!("{sql}: {other:?}"),
        }
    }
}
