//! Tables in the catalogue: created with their metadata rows, renamed, changed, dropped, moved.

use crate::catalogue::found::FIRST_LS;
use crate::catalogue::{Catalogue, Table};
use crate::ddl::definition::TableDef;
use crate::ddl::metadata::{self, Numbers, Row, Rows};
use crate::error::SimulatorError;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};
use std::sync::Arc;

impl Catalogue {
    /// A table of a tenant, by names in any case.
    pub(crate) fn table(
        &self,
        tenant: &str,
        database: &str,
        name: &str,
    ) -> Result<Option<Arc<Table>>, SimulatorError> {
        let key = (
            tenant.to_ascii_lowercase(),
            database.to_ascii_lowercase(),
            name.to_ascii_lowercase(),
        );
        if let Some(known) = self.with_cache(|cache| cache.tables.get(&key).cloned()) {
            return Ok(known);
        }
        let generation = self.generation();
        let loaded = Table::load(&self.store.lock(), tenant, database, name)?.map(Arc::new);
        let kept = loaded.clone();
        self.with_cache(|cache| {
            if cache.generation == generation {
                cache.tables.insert(key, kept);
            }
        });
        Ok(loaded)
    }

    /// The tables and views of a database, by name.
    pub(crate) fn tables(
        &self,
        tenant: &str,
        database: &str,
    ) -> Result<Vec<String>, SimulatorError> {
        let store = self.store.lock();
        let mut statement = store.prepare(
            "SELECT table_name FROM sim_table WHERE tenant_name = ?1 AND database_name = ?2 ORDER BY \
             table_name",
        )?;
        let rows = statement.query_map([tenant, database], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Enters a new table, spreading the leaders of its tablets over the servers.
    pub(crate) fn create_table(
        &self,
        tenant: &str,
        database: &str,
        name: &str,
        definition: &TableDef,
    ) -> Result<(), SimulatorError> {
        let mut store = self.store.lock();
        let transaction =
            store.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let numbers = Numbers {
            table_id: next(&transaction, "table", 1)?,
            first_part_id: next(&transaction, "part", 0)?,
            first_tablet_id: next(&transaction, "tablet", 0)?,
            schema_version: next(&transaction, "version", 1)?,
        };
        let rows = metadata::rows(tenant, definition, numbers);
        next(&transaction, "part", rows.part_ids_used)?;
        next(
            &transaction,
            "tablet",
            i64::try_from(rows.tablets.len()).unwrap_or(0),
        )?;
        put_rows(&transaction, &rows)?;
        let entry = Entry {
            tenant,
            database,
            name,
            definition,
        };
        entry.put(&transaction, numbers, &rows.tablets)?;
        transaction.commit()?;
        drop(store);
        self.changed()
    }

    /// Forgets a table; false when there was none.
    pub(crate) fn drop_table(
        &self,
        tenant: &str,
        database: &str,
        name: &str,
    ) -> Result<bool, SimulatorError> {
        let mut store = self.store.lock();
        let transaction =
            store.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let id = table_id(&transaction, tenant, database, name)?;
        if let Some(id) = id {
            for table in [
                "__all_virtual_proxy_partition_info",
                "__all_virtual_proxy_partition",
                "__all_virtual_proxy_sub_partition",
                "__all_virtual_tablet_to_ls",
                "sim_replica",
                "sim_table",
            ] {
                transaction.execute(&format!("DELETE FROM {table} WHERE table_id = ?1"), [id])?;
            }
        }
        transaction.commit()?;
        drop(store);
        self.changed()?;
        Ok(id.is_some())
    }

    /// Gives a table another name, possibly in another database.
    pub(crate) fn rename_table(
        &self,
        tenant: &str,
        from: (&str, &str),
        to: (&str, &str),
    ) -> Result<(), SimulatorError> {
        let store = self.store.lock();
        let version = next(&store, "version", 1)?;
        store.execute(
            "UPDATE sim_table SET database_name = ?4, table_name = ?5, schema_version = ?6 WHERE \
             tenant_name = ?1 AND database_name = ?2 AND table_name = ?3",
            params![tenant, from.0, from.1, to.0, to.1, version],
        )?;
        drop(store);
        self.changed()
    }

    /// Replaces the definition of a table whose partitions stay as they are.
    pub(crate) fn redefine_table(
        &self,
        tenant: &str,
        database: &str,
        name: &str,
        definition: &TableDef,
    ) -> Result<(), SimulatorError> {
        let text = serde_json::to_string(definition)?;
        let store = self.store.lock();
        let version = next(&store, "version", 1)?;
        store.execute(
            "UPDATE sim_table SET definition = ?4, schema_version = ?5 WHERE tenant_name = ?1 AND \
             database_name = ?2 AND table_name = ?3",
            params![tenant, database, name, text, version],
        )?;
        drop(store);
        self.changed()
    }

    /// Makes the replica of `tablet` on server `to` the leader; false when there is no such tablet.
    pub(crate) fn move_leader(&self, tablet: i64, to: i64) -> Result<bool, SimulatorError> {
        let store = self.store.lock();
        let table: Option<i64> = store
            .query_row(
                "SELECT table_id FROM sim_replica WHERE tablet_id = ?1",
                [tablet],
                |row| row.get(0),
            )
            .optional()?;
        let Some(table) = table else { return Ok(false) };
        store.execute(
            "UPDATE sim_replica SET role = 2 WHERE tablet_id = ?1",
            [tablet],
        )?;
        store.execute(
            "INSERT OR REPLACE INTO sim_replica VALUES (?1, ?2, ?3, 1, 0)",
            [table, tablet, to],
        )?;
        store.execute(
            "UPDATE __all_virtual_tablet_to_ls SET ls_id = ?2 WHERE tablet_id = ?1",
            [tablet, FIRST_LS + to - 1],
        )?;
        drop(store);
        self.changed()?;
        Ok(true)
    }

    /// Every tablet with the server that leads it.
    pub(crate) fn leaders(&self) -> Result<Vec<(i64, i64)>, SimulatorError> {
        let store = self.store.lock();
        let mut statement =
            store.prepare("SELECT tablet_id, server_id FROM sim_replica WHERE role = 1")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The tablets that server `id` leads.
    pub(crate) fn led_by(&self, id: i64) -> Result<Vec<i64>, SimulatorError> {
        let store = self.store.lock();
        let mut statement =
            store.prepare("SELECT tablet_id FROM sim_replica WHERE server_id = ?1 AND role = 1")?;
        let rows = statement.query_map([id], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// Takes `count` numbers of a sequence and gives the first.
pub(super) fn next(store: &Connection, name: &str, count: i64) -> Result<i64, rusqlite::Error> {
    store.query_row(
        "UPDATE sim_sequence SET next = next + ?2 WHERE name = ?1 RETURNING next - ?2",
        params![name, count],
        |row| row.get(0),
    )
}

fn table_id(
    store: &Connection,
    tenant: &str,
    database: &str,
    name: &str,
) -> Result<Option<i64>, rusqlite::Error> {
    let query = "SELECT table_id FROM sim_table WHERE tenant_name = ?1 AND database_name = ?2 AND \
                 table_name = ?3";
    store
        .query_row(query, [tenant, database, name], |row| row.get(0))
        .optional()
}

fn put_rows(store: &Connection, rows: &Rows) -> Result<(), rusqlite::Error> {
    for (table, rows) in [
        ("__all_virtual_proxy_partition_info", &rows.info),
        ("__all_virtual_proxy_partition", &rows.partitions),
        ("__all_virtual_proxy_sub_partition", &rows.subpartitions),
    ] {
        for row in rows {
            put_row(store, table, row)?;
        }
    }
    Ok(())
}

fn put_row(store: &Connection, table: &str, row: &Row) -> Result<(), rusqlite::Error> {
    let names: Vec<&str> = row.iter().map(|(name, _)| *name).collect();
    let values: Vec<&Value> = row.iter().map(|(_, value)| value).collect();
    insert(store, table, &names, &values)
}

/// Inserts one row by column names.
pub(super) fn insert(
    store: &Connection,
    table: &str,
    names: &[&str],
    values: &[&Value],
) -> Result<(), rusqlite::Error> {
    let marks = vec!["?"; names.len()].join(", ");
    let query = format!(
        "INSERT INTO {table} ({}) VALUES ({marks})",
        names.join(", ")
    );
    store
        .prepare_cached(&query)?
        .execute(params_from_iter(values))?;
    Ok(())
}

/// A table to be entered.
pub(super) struct Entry<'a> {
    pub(super) tenant: &'a str,
    pub(super) database: &'a str,
    pub(super) name: &'a str,
    pub(super) definition: &'a TableDef,
}

impl Entry<'_> {
    /// Writes the table's own row, its tablets and their replicas.
    pub(super) fn put(
        &self,
        store: &Connection,
        numbers: Numbers,
        tablets: &[i64],
    ) -> Result<(), SimulatorError> {
        let parts = self
            .definition
            .partitioning
            .as_ref()
            .map_or(1, |parts| parts.partitions.len());
        store.execute(
            "INSERT INTO sim_table VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                numbers.table_id,
                self.tenant,
                self.database,
                self.name,
                i64::try_from(parts).unwrap_or(1),
                if self.definition.view.is_some() { 4 } else { 3 },
                numbers.schema_version,
                tablets.first(),
                serde_json::to_string(self.definition)?,
            ],
        )?;
        let servers: Vec<i64> = store
            .prepare_cached("SELECT ID FROM DBA_OB_SERVERS ORDER BY ID")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for tablet in tablets {
            put_replicas(store, self.tenant, numbers.table_id, *tablet, &servers)?;
        }
        Ok(())
    }
}

/// A leader on the next server in turn, a follower on the two behind it.
fn put_replicas(
    store: &Connection,
    tenant: &str,
    table: i64,
    tablet: i64,
    servers: &[i64],
) -> Result<(), rusqlite::Error> {
    let first = usize::try_from(tablet).unwrap_or(0) % servers.len().max(1);
    let in_turn = servers.iter().cycle().skip(first);
    for (step, server) in in_turn.take(servers.len().min(3)).enumerate() {
        let role = if step == 0 { 1 } else { 2 };
        store
            .prepare_cached("INSERT INTO sim_replica VALUES (?1, ?2, ?3, ?4, 0)")?
            .execute(params![table, tablet, server, role])?;
    }
    let leader = servers.get(first).copied().unwrap_or(1);
    store
        .prepare_cached(
            "INSERT INTO __all_virtual_tablet_to_ls SELECT TENANT_ID, ?2, ?3, ?4, 0 FROM DBA_OB_TENANTS \
             WHERE TENANT_NAME = ?1",
        )?
        .execute(params![tenant, tablet, FIRST_LS + leader - 1, table])?;
    Ok(())
}
