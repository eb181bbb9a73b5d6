//! The text of the metadata queries, as `OBProxy` 4.3 sends them to an `OBServer`.
//!
//! Facts: `ob_route_utils.cpp`, `ob_server_state_processor.cpp`. `OBProxy` substitutes database and
//! table names as they are; they come from clients, so they are quoted here.

use crate::dialect::Dialect;
use odp_cluster::{TableId, TabletId};
use odp_routing::TableKey;
use std::fmt::Write;

/// "All rows", as `OBProxy` writes it.
const ALL: i64 = i64::MAX;
/// The most tablets asked for in one query.
pub(crate) const TABLETS_PER_QUERY: usize = 200;

/// The server's version.
pub(crate) const VERSION: &str = "SELECT ob_version() AS cluster_version";

/// The zones with a tenant in major compaction (4.x; `OBProxy` does not ask for them).
pub(crate) const COMPACTING_ZONES: &str = "SELECT /*+READ_CONSISTENCY(WEAK)*/ DISTINCT zone AS zone \
     FROM oceanbase.CDB_OB_ZONE_MAJOR_COMPACTION WHERE status = 'COMPACTING'";

/// The zones of 3.x.
pub(crate) fn old_zones() -> String {
    format!(
        "SELECT /*+READ_CONSISTENCY(WEAK)*/ * FROM oceanbase.__all_virtual_zone_stat LIMIT {ALL}"
    )
}

/// The servers of 3.x.
pub(crate) fn old_servers() -> String {
    format!(
        "SELECT /*+READ_CONSISTENCY(WEAK)*/ ss.svr_ip AS svr_ip, ss.svr_port AS svr_port, \
         ss.zone AS zone, ss.status AS server_status, ss.start_service_time AS \
         start_service_time, ss.stop_time AS stop_time FROM \
         oceanbase.__all_virtual_proxy_server_stat ss WHERE ss.svr_port > 0 ORDER BY zone LIMIT \
         {ALL}"
    )
}

/// The cluster's name, servers and zones (4.x).
pub(crate) fn cluster() -> String {
    format!(
        "SELECT /*READ_CONSISTENCY(WEAK)*/ parameters.value as cluster, zs.zone AS zone, \
         zs.status AS zone_status, ss.status AS server_status, zs.region AS region, \
         zs.idc AS spare4, zs.type AS spare5, ss.svr_ip AS svr_ip, ss.sql_port AS svr_port, \
         ss.svr_port AS rpc_port, ss.start_service_time is not null AS start_service_time, \
         ss.stop_time is not null as stop_time FROM oceanbase.DBA_OB_SERVERS ss left join \
         oceanbase.DBA_OB_ZONES zs ON zs.zone = ss.zone join V$OB_PARAMETERS parameters \
         WHERE ss.svr_port > 0 and parameters.name = 'cluster' ORDER BY ss.zone LIMIT {ALL};"
    )
}

/// The tenants but `sys`.
pub(crate) fn tenants(dialect: Dialect) -> &'static str {
    if dialect == Dialect::Three {
        return "SELECT /*+READ_CONSISTENCY(WEAK)*/ tenant_name, tenant_id, locality, \
                previous_locality, primary_zone FROM oceanbase.__all_tenant where \
                previous_locality = '' and tenant_id != 1";
    }
    "SELECT /*+READ_CONSISTENCY(WEAK)*/ tenant_name, tenant_id, locality, previous_locality, \
     primary_zone, status FROM oceanbase.DBA_OB_TENANTS where previous_locality is null and \
     tenant_id != 1"
}

/// The single leaders of the tenants with these ids.
pub(crate) fn single_leaders(tenant_ids: &[i64]) -> String {
    let ids = join(tenant_ids);
    format!(
        "SELECT /*+READ_CONSISTENCY(WEAK)*/ t.tenant_name as tenant_name, leader_addr, \
         count(*) = 1 AS is_single_leader FROM oceanbase.DBA_OB_TENANTS t RIGHT JOIN ( SELECT \
         DISTINCT tenant_id, CONCAT(svr_ip, ':', sql_port) AS leader_addr FROM \
         oceanbase.CDB_OB_LS_LOCATIONS WHERE ls_id != 1 AND role='leader' AND tenant_id IN \
         ({ids})) s ON t.tenant_id = s.tenant_id GROUP BY tenant_name"
    )
}

/// What a table is; for a table without partitions also where it is.
pub(crate) fn schema(dialect: Dialect, key: &TableKey) -> String {
    let tablet = tablet_column(dialect);
    located(dialect, key, &format!("A.{tablet} = 0 ORDER BY A.role ASC"))
}

/// Where the servers of a tenant are.
pub(crate) fn tenant_servers(dialect: Dialect, key: &TableKey) -> String {
    let tablet = tablet_column(dialect);
    let rest = format!("A.sql_port > 0 ORDER BY A.{tablet} ASC, role ASC");
    located(dialect, key, &rest)
}

/// Where some tablets of a table are; partitions for 3.x.
pub(crate) fn tablets(dialect: Dialect, key: &TableKey, tablets: &[TabletId]) -> String {
    let (ids, tablet) = (join(tablets), tablet_column(dialect));
    let rest = format!("A.{tablet} IN ({ids}) ORDER BY A.{tablet}, A.role ASC");
    located(dialect, key, &rest)
}

fn tablet_column(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Three => "partition_id",
        Dialect::Four => "tablet_id",
    }
}

fn located(dialect: Dialect, key: &TableKey, rest: &str) -> String {
    let (servers, port) = match dialect {
        Dialect::Three => ("__all_virtual_server_stat", "inner_port"),
        Dialect::Four => ("DBA_OB_SERVERS", "sql_port"),
    };
    format!(
        "SELECT /*+READ_CONSISTENCY(WEAK)*/ A.*, B.svr_port as svr_port FROM \
         oceanbase.__all_virtual_proxy_schema A inner join oceanbase.{servers} B ON \
         A.svr_ip = B.svr_ip and A.sql_port = B.{port} WHERE A.tenant_name = {} AND \
         A.database_name = {} AND A.table_name = {} AND {rest} LIMIT {ALL}",
        quote(key.tenant.as_str()),
        quote(key.database.as_str()),
        quote(key.table.as_str()),
    )
}

/// A routine's first statement.
pub(crate) fn routine(dialect: Dialect, key: &TableKey, name: &str) -> String {
    let (tenant, database) = (quote(key.tenant.as_str()), quote(key.database.as_str()));
    let name = quote(name);
    match dialect {
        Dialect::Three => format!(
            "SELECT /*+READ_CONSISTENCY(WEAK)*/ *, spare4 AS routine_sql FROM \
             oceanbase.__all_virtual_proxy_schema WHERE tenant_name={tenant} AND \
             database_name={database} AND table_name={name} AND partition_id = 0 AND svr_ip = '' \
             AND sql_port = 0 ORDER BY table_id ASC LIMIT 1;"
        ),
        Dialect::Four => format!(
            "SELECT /*+READ_CONSISTENCY(WEAK)*/ * FROM __all_virtual_proxy_routine WHERE \
             tenant_name = {tenant} and database_name = {database} and package_name = '' and \
             routine_name = {name};"
        ),
    }
}

/// The visible columns of a table: the members of ENUM and SET keys, the columns behind generated ones, and what
/// the server stores in a column that a statement does not name.
pub(crate) fn columns(table: TableId, key: &TableKey) -> String {
    format!(
        "SELECT /*+READ_CONSISTENCY(WEAK)*/ column_name, data_type, data_length, collation_type, \
         extended_type_info, data_precision, data_scale, nullable, autoincrement, column_flags, \
         cur_default_value_v2 IS NOT NULL AS has_default FROM oceanbase.__all_virtual_column WHERE table_id = {table} AND \
         tenant_id = (SELECT tenant_id FROM oceanbase.DBA_OB_TENANTS WHERE tenant_name = {} LIMIT 1) \
         AND is_hidden = 0 ORDER BY column_id LIMIT 4096",
        quote(key.tenant.as_str()),
    )
}

/// How a table is partitioned, and by which columns. The kinds of 3.x that compute as in 4.x get its
/// numbers; the others (hash and key) stay unknown.
pub(crate) fn partition_info(dialect: Dialect, table: TableId, key: &TableKey) -> String {
    match dialect {
        Dialect::Three => format!(
            "SELECT /*+READ_CONSISTENCY(WEAK)*/ CASE part_type WHEN 3 THEN 3 WHEN 4 THEN 4 WHEN 5 \
             THEN 5 WHEN 7 THEN 6 END AS part_type, part_level, part_num, part_expr, \
             part_key_name, part_key_idx, part_key_level, part_key_type, part_key_extra, spare1 AS \
             part_key_collation_type FROM oceanbase.__all_virtual_proxy_partition_info WHERE \
             table_id = {table} order by part_key_idx LIMIT 16;"
        ),
        Dialect::Four => format!(
            "SELECT /*+READ_CONSISTENCY(WEAK)*/ * FROM \
             oceanbase.__all_virtual_proxy_partition_info WHERE table_id = {table} and \
             tenant_name = {} order by part_key_idx LIMIT 16;",
            quote(key.tenant.as_str()),
        ),
    }
}

/// The partitions of the first level, in the server's order; in 3.x the partition's own id is where it
/// is found.
pub(crate) fn first_partitions(dialect: Dialect, table: TableId, key: &TableKey) -> String {
    if dialect == Dialect::Three {
        return format!(
            "SELECT /*+READ_CONSISTENCY(WEAK)*/ part_id AS tablet_id, part_id, part_name, \
             high_bound_val_bin, sub_part_num FROM oceanbase.__all_virtual_proxy_partition WHERE \
             table_id = {table} LIMIT {ALL};"
        );
    }
    let columns = "A.part_id as part_id, A.part_name as part_name, \
                   A.high_bound_val_bin as high_bound_val_bin, A.sub_part_num AS sub_part_num";
    partitions(table, key, columns, "__all_virtual_proxy_partition")
}

/// The partitions of the second level, in the server's order (4.x).
pub(crate) fn second_partitions(table: TableId, key: &TableKey) -> String {
    let columns = "A.part_id as part_id, A.sub_part_id as sub_part_id, \
                   A.part_name as part_name, A.high_bound_val_bin as high_bound_val_bin";
    partitions(table, key, columns, "__all_virtual_proxy_sub_partition")
}

fn partitions(table: TableId, key: &TableKey, columns: &str, view: &str) -> String {
    let tenant = quote(key.tenant.as_str());
    format!(
        "SELECT /*+READ_CONSISTENCY(WEAK)*/  A.tablet_id as tablet_id, IFNULL((SELECT B.ls_id \
         FROM oceanbase.__all_virtual_tablet_to_ls B WHERE A.tablet_id = B.tablet_id AND \
         B.table_id = {table} AND B.tenant_id = (SELECT tenant_id FROM oceanbase.DBA_OB_TENANTS \
         WHERE tenant_name = {tenant} LIMIT 1) LIMIT 1), -1) as ls_id, {columns} FROM \
         oceanbase.{view} A WHERE A.table_id = {table} AND A.tenant_name = {tenant} LIMIT {ALL};"
    )
}

/// A name as a string literal.
fn quote(name: &str) -> String {
    let doubled = name.replace('\\', "\\\\").replace('\'', "''");
    format!("'{doubled}'")
}

fn join(ids: &[impl std::fmt::Display]) -> String {
    let mut text = String::new();
    for id in ids {
        let comma = if text.is_empty() { "" } else { ", " };
        write!(text, "{comma}{id}").expect("writing to a string does not fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use odp_cluster::{DatabaseName, TableName, TenantName};

    #[test]
    fn names_from_clients_cannot_leave_their_quotes() {
        let key = TableKey {
            tenant: TenantName::new("te'nant"),
            database: DatabaseName::new("d\\"),
            table: TableName::new("x' OR 1=1 -- \\'"),
        };
        let sql = schema(Dialect::Four, &key);
        assert!(sql.contains("A.tenant_name = 'te''nant' AND"), "{sql}");
        assert!(sql.contains(r"A.database_name = 'd\\' AND"), "{sql}");
        assert!(
            sql.contains(r"A.table_name = 'x'' OR 1=1 -- \\''' AND"),
            "{sql}"
        );
    }

    #[test]
    fn several_tablets_are_asked_for_at_once() {
        let key = TableKey::servers_of(&TenantName::new("t"));
        let sql = tablets(Dialect::Four, &key, &[TabletId(1), TabletId(22)]);
        assert!(sql.contains("A.tablet_id IN (1, 22) ORDER BY"), "{sql}");
    }
}
