//! Rows of `__all_virtual_proxy_schema`: a table's identity and where its replicas are.

use super::{MetadataRow, number, text};
use crate::{Location, Partitioning, Table};
use odp_cluster::{Replica, ReplicaType, Role, ServerAddr, TableId, TabletId};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

/// One row: one replica of one tablet of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaRow {
    /// The table.
    pub table_id: TableId,
    /// The number of its first-level partitions.
    pub part_num: u64,
    /// The version of its schema.
    pub schema_version: i64,
    /// The tablet; 0 in the rows of the first query, which asks for no particular one.
    pub tablet: TabletId,
    /// The replica; `None` for the address of a virtual table, an unknown role or replica type.
    pub replica: Option<Replica>,
}

impl SchemaRow {
    /// Reads a row; `None` when it names no table.
    #[must_use]
    pub fn read(row: &impl MetadataRow) -> Option<Self> {
        Some(Self {
            table_id: TableId(number(row, "table_id")?),
            part_num: number(row, "part_num").unwrap_or(1),
            schema_version: number(row, "schema_version").unwrap_or(0),
            tablet: TabletId(tablet(row).unwrap_or(0)),
            replica: read_replica(row),
        })
    }
}

/// The tablet, or the partition of 3.x.
fn tablet(row: &impl MetadataRow) -> Option<u64> {
    number(row, "tablet_id").or_else(|| number(row, "partition_id"))
}

fn read_replica(row: &impl MetadataRow) -> Option<Replica> {
    let ip: IpAddr = text(row, "svr_ip")?.parse().ok()?;
    let port: u16 = number(row, "sql_port")?;
    // The spare columns are those of 3.x.
    let column = |name, of_old| number(row, name).or_else(|| number(row, of_old));
    let replica_type = ReplicaType::from_number(column("replica_type", "spare1").unwrap_or(0));
    let copies: Option<i64> = column("dup_replica_type", "spare2");
    let usable = port != 0 && !ip.is_unspecified() && replica_type != ReplicaType::Unknown;
    usable.then_some(Replica {
        server: ServerAddr::from(SocketAddr::new(ip, port)),
        role: Role::from_number(number(row, "role")?)?,
        replica_type,
        is_duplicate: copies.is_some_and(|copies| copies > 0),
    })
}

/// What the first query says of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// The table.
    pub table_id: TableId,
    /// Whether its partitions are to be asked for.
    pub is_partitioned: bool,
    /// The version of its schema.
    pub schema_version: i64,
    /// The replicas of a table without partitions; the servers of a tenant for `__all_dummy`.
    pub replicas: Vec<Replica>,
}

impl Schema {
    /// Reads the answer of the first query; `None` when it is empty: no such table.
    #[must_use]
    pub fn read<'a, R: MetadataRow + 'a>(rows: impl IntoIterator<Item = &'a R>) -> Option<Self> {
        let mut rows = rows.into_iter().filter_map(SchemaRow::read);
        let first = rows.next()?;
        let mut replicas: Vec<Replica> = Vec::new();
        for replica in std::iter::once(&first).cloned().chain(rows) {
            // A tenant's servers come once per tablet.
            let Some(replica) = replica.replica else {
                continue;
            };
            if replicas.iter().all(|known| known.server != replica.server) {
                replicas.push(replica);
            }
        }
        Some(Self {
            table_id: first.table_id,
            is_partitioned: first.part_num > 1,
            schema_version: first.schema_version,
            replicas,
        })
    }

    /// The table, when it is not partitioned.
    #[must_use]
    pub fn into_table(self) -> Table {
        Table {
            id: self.table_id,
            schema_version: self.schema_version,
            partitioning: None,
            locations: vec![Location {
                tablet: TabletId(0),
                replicas: self.replicas,
            }],
        }
    }

    /// The table with its partitions and the rows of its leaves, in any order.
    #[must_use]
    pub fn into_partitioned<'a, R: MetadataRow + 'a>(
        self,
        partitioning: Partitioning,
        rows: impl IntoIterator<Item = &'a R>,
    ) -> Table {
        let mut replicas: HashMap<TabletId, Vec<Replica>> = HashMap::new();
        for row in rows.into_iter().filter_map(SchemaRow::read) {
            let same_table = row.table_id == self.table_id;
            if let Some(replica) = row.replica.filter(|_| same_table) {
                replicas.entry(row.tablet).or_default().push(replica);
            }
        }
        let locate = |&tablet: &TabletId| Location {
            tablet,
            replicas: replicas.remove(&tablet).unwrap_or_default(),
        };
        Table {
            id: self.table_id,
            schema_version: self.schema_version,
            locations: partitioning.tablets().iter().map(locate).collect(),
            partitioning: Some(partitioning),
        }
    }
}
