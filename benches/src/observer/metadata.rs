//! What the fake cluster says of itself: servers, a tenant, and one hash-partitioned table by any name.
//!
//! Rows as a simulated OBServer gives them, without the columns that nobody reads.

use odp_routing::metadata::MetadataRow;
use std::net::SocketAddr;

/// The rows of a metadata query.
#[derive(Debug, Default)]
pub struct Answer {
    /// The columns' names.
    pub columns: Vec<&'static str>,
    /// The values in the columns' order; `None` is NULL.
    pub rows: Vec<Vec<Option<String>>>,
}

/// One row of an [`Answer`], with access by column name.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    columns: &'a [&'static str],
    values: &'a [Option<String>],
}

/// The cluster.
#[derive(Debug)]
pub struct Layout {
    servers: Vec<SocketAddr>,
}

const TABLE: &str = "500001";
const FIRST_TABLET: usize = 200_001;
const FIRST_PART: usize = 600_001;

impl MetadataRow for Row<'_> {
    fn get(&self, column: &str) -> Option<&[u8]> {
        let at = self.columns.iter().position(|name| *name == column)?;
        self.values.get(at)?.as_deref().map(str::as_bytes)
    }
}

impl Answer {
    fn new<const N: usize>(columns: [&'static str; N], rows: Vec<[String; N]>) -> Self {
        let rows = rows.into_iter();
        Self {
            columns: columns.to_vec(),
            rows: rows.map(|row| row.map(Some).to_vec()).collect(),
        }
    }

    /// The rows by column name.
    #[must_use]
    pub fn by_name(&self) -> Vec<Row<'_>> {
        let row = |values| Row {
            columns: &self.columns,
            values,
        };
        self.rows.iter().map(|values| row(values)).collect()
    }
}

impl Layout {
    /// A cluster of these servers; the first leads the first partition, and so on.
    #[must_use]
    pub fn new(servers: &[SocketAddr]) -> Self {
        Self {
            servers: servers.to_vec(),
        }
    }

    /// The answer to one of discovery's queries, told by the view that it reads.
    #[must_use]
    pub fn answer(&self, sql: &str) -> Answer {
        if sql.contains("V$OB_PARAMETERS") {
            self.cluster()
        } else if sql.contains("is_single_leader") {
            Answer::new(["tenant_name", "leader_addr", "is_single_leader"], vec![])
        } else if sql.contains("__all_virtual_proxy_partition_info") {
            self.partition_info()
        } else if sql.contains("__all_virtual_proxy_partition A") {
            self.partitions()
        } else if sql.contains("'__all_dummy'") {
            self.replicas(&[None], 1)
        } else if sql.contains("A.tablet_id IN (") {
            let partitions: Vec<_> = (0..self.servers.len()).map(Some).collect();
            self.replicas(&partitions, self.servers.len())
        } else if sql.contains("__all_virtual_proxy_schema") {
            self.replicas(&[None], self.servers.len())
        } else {
            Self::tenants()
        }
    }

    fn cluster(&self) -> Answer {
        let row = |(at, server): (usize, &SocketAddr)| {
            [
                super::CLUSTER.to_owned(),
                format!("z{}", at + 1),
                "ACTIVE".to_owned(),
                "ACTIVE".to_owned(),
                "default_region".to_owned(),
                String::new(),
                "ReadWrite".to_owned(),
                server.ip().to_string(),
                server.port().to_string(),
                "1".to_owned(),
                "0".to_owned(),
            ]
        };
        let columns = [
            "cluster",
            "zone",
            "zone_status",
            "server_status",
            "region",
            "spare4",
            "spare5",
            "svr_ip",
            "svr_port",
            "start_service_time",
            "stop_time",
        ];
        Answer::new(columns, self.servers.iter().enumerate().map(row).collect())
    }

    fn tenants() -> Answer {
        let row = ["demo", "1002", "RANDOM", "NORMAL"].map(str::to_owned);
        let columns = ["tenant_name", "tenant_id", "primary_zone", "status"];
        Answer::new(columns, vec![row])
    }

    /// One row for each server and partition; no partition is tablet 0.
    fn replicas(&self, partitions: &[Option<usize>], part_num: usize) -> Answer {
        let columns = [
            "tablet_id",
            "svr_ip",
            "sql_port",
            "table_id",
            "role",
            "part_num",
            "schema_version",
            "replica_type",
        ];
        let mut rows = Vec::new();
        for &partition in partitions {
            for (at, server) in self.servers.iter().enumerate() {
                let tablet = partition.map_or(0, |partition| FIRST_TABLET + partition);
                let leads = partition.unwrap_or(0) == at;
                rows.push([
                    tablet.to_string(),
                    server.ip().to_string(),
                    server.port().to_string(),
                    TABLE.to_owned(),
                    if leads { "1" } else { "2" }.to_owned(),
                    part_num.to_string(),
                    "1".to_owned(),
                    "0".to_owned(),
                ]);
            }
        }
        Answer::new(columns, rows)
    }

    /// `PARTITION BY HASH(id)`.
    fn partition_info(&self) -> Answer {
        let columns = [
            "table_id",
            "part_level",
            "part_type",
            "part_num",
            "part_expr",
            "part_key_name",
            "part_key_type",
            "part_key_idx",
            "part_key_level",
            "part_key_extra",
            "part_key_collation_type",
        ];
        let count = self.servers.len().to_string();
        let row = [TABLE, "1", "0", &count, "id", "id", "5", "0", "1", "", "63"];
        Answer::new(columns, vec![row.map(str::to_owned)])
    }

    fn partitions(&self) -> Answer {
        let row = |at: usize| {
            [
                (FIRST_TABLET + at).to_string(),
                "1".to_owned(),
                (FIRST_PART + at).to_string(),
                format!("p{at}"),
                "0".to_owned(),
            ]
        };
        let columns = ["tablet_id", "ls_id", "part_id", "part_name", "sub_part_num"];
        Answer::new(columns, (0..self.servers.len()).map(row).collect())
    }
}
