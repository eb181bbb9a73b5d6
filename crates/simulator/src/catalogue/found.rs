//! Founds a cluster: the rows that are there before the first table.

use crate::catalogue::accounts::put_account;
use crate::config::ClusterConfig;
use crate::variables;
use rusqlite::{Connection, params};
use std::net::SocketAddr;

/// The start of service of every server; any time will do.
pub(super) const STARTED: &str = "2026-01-01 00:00:00.000000";

/// The difference between a server's SQL port and its RPC port here.
const RPC_PORT_DISTANCE: i64 = 10_000;

/// The first log stream of a tenant's data; `1` is the one of the tenant's metadata.
pub(super) const FIRST_LS: i64 = 1001;

/// Writes everything a new cluster knows.
pub(super) fn found(
    store: &mut Connection,
    config: &ClusterConfig,
    addrs: &[SocketAddr],
) -> Result<(), rusqlite::Error> {
    let transaction = store.transaction()?;
    transaction.execute_batch(include_str!("schema.sql"))?;
    for (name, next) in [
        ("table", 500_001),
        ("part", 600_001),
        ("tablet", 200_001),
        ("version", 1),
        ("database", 1),
        ("user", 500_001),
        ("change", 1),
    ] {
        transaction.execute(
            "INSERT INTO sim_sequence VALUES (?1, ?2)",
            params![name, next],
        )?;
    }
    let wait = config.lock_wait_timeout.as_millis().to_string();
    let id = config.id.to_string();
    let seekdb = config
        .seekdb
        .map(|addr| addr.to_string())
        .unwrap_or_default();
    let tables_of = config
        .tenants
        .last()
        .map(|tenant| tenant.name.clone())
        .unwrap_or_default();
    for (name, value) in [
        ("cluster", &config.name),
        ("cluster_id", &id),
        ("lock_wait_timeout_ms", &wait),
        ("seekdb", &seekdb),
        ("seekdb_tenant", &tables_of),
    ] {
        transaction.execute("INSERT INTO sim_setting VALUES (?1, ?2)", [name, value])?;
    }
    servers(&transaction, config, addrs)?;
    for (number, tenant) in (1_i64..).zip(&config.tenants) {
        let id = if number == 1 {
            1
        } else {
            1000 + (number - 1) * 2
        };
        self::tenant(&transaction, &tenant.name, id, addrs)?;
        for account in &tenant.accounts {
            put_account(&transaction, id, &account.user, &account.password)?;
        }
    }
    for (name, value) in variables::defaults() {
        transaction.execute(
            "INSERT INTO __all_virtual_proxy_sys_variable VALUES (?1, 1, 22, ?2, 3, 1)",
            [name, value],
        )?;
    }
    transaction.commit()
}

/// The name of the zone of the server at `index`.
pub(super) fn zone_of(index: usize) -> String {
    format!("z{}", index % 3 + 1)
}

fn servers(
    store: &Connection,
    config: &ClusterConfig,
    addrs: &[SocketAddr],
) -> Result<(), rusqlite::Error> {
    for (index, addr) in addrs.iter().enumerate() {
        let zone = zone_of(index);
        if index < 3 {
            store.execute(
                "INSERT INTO DBA_OB_ZONES VALUES (?1, ?2, ?2, 'ACTIVE', '', 'default_region', \
                 'ReadWrite')",
                [&*zone, STARTED],
            )?;
        }
        server(store, i64::try_from(index).unwrap_or(0) + 1, *addr, &zone)?;
    }
    let first = addrs.first().map_or(0, |addr| rpc_port(*addr));
    for (name, value) in [
        ("cluster", config.name.clone()),
        ("cluster_id", config.id.to_string()),
    ] {
        store.execute(
            "INSERT INTO V$OB_PARAMETERS VALUES ('127.0.0.1', ?1, 'z1', 'CLUSTER', NULL, ?2, 'STRING', \
             ?3, '')",
            params![first, name, value],
        )?;
    }
    Ok(())
}

/// Enters a server that is in service.
pub(super) fn server(
    store: &Connection,
    id: i64,
    addr: SocketAddr,
    zone: &str,
) -> Result<(), rusqlite::Error> {
    let root = if id == 1 { "YES" } else { "NO" };
    store
        .execute(
            "INSERT INTO DBA_OB_SERVERS (SVR_IP, SVR_PORT, ID, ZONE, SQL_PORT, WITH_ROOTSERVER, STATUS, \
             START_SERVICE_TIME, CREATE_TIME, MODIFY_TIME, BUILD_VERSION) VALUES (?1, ?2, ?3, ?4, \
             ?5, ?6, 'ACTIVE', ?7, ?7, ?7, '4.3.5.1')",
            params![
                addr.ip().to_string(),
                rpc_port(addr),
                id,
                zone,
                addr.port(),
                root,
                STARTED
            ],
        )
        .map(drop)
}

pub(super) fn rpc_port(addr: SocketAddr) -> i64 {
    let port = i64::from(addr.port());
    if port > RPC_PORT_DISTANCE {
        port - RPC_PORT_DISTANCE
    } else {
        port + 1
    }
}

fn tenant(
    store: &Connection,
    name: &str,
    id: i64,
    addrs: &[SocketAddr],
) -> Result<(), rusqlite::Error> {
    let kind = if id == 1 { "SYS" } else { "USER" };
    store.execute(
        "INSERT INTO DBA_OB_TENANTS VALUES (?1, ?2, ?3, ?4, ?4, 'RANDOM', 'FULL{1}@z1, FULL{1}@z2, \
         FULL{1}@z3', NULL, 'MYSQL', 'NORMAL', 'NO', 'NO', 'PRIMARY')",
        params![id, name, kind, STARTED],
    )?;
    let streams = std::iter::once((1, 0)).chain((FIRST_LS..).zip(0..addrs.len()));
    for (stream, leader) in streams.take(if id == 1 { 1 } else { addrs.len() + 1 }) {
        for (index, addr) in addrs.iter().enumerate() {
            let role = if index == leader {
                "LEADER"
            } else {
                "FOLLOWER"
            };
            store.execute(
                "INSERT INTO CDB_OB_LS_LOCATIONS VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'FULL')",
                params![
                    id,
                    stream,
                    addr.ip().to_string(),
                    rpc_port(*addr),
                    addr.port(),
                    zone_of(index),
                    role
                ],
            )?;
        }
    }
    Ok(())
}
