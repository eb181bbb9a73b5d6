//! One table's location: its partitions and where each of them is. One routine's first statement.

use crate::dialect::{Asked, Dialect};
use crate::source::AnswerRow;
use crate::{DiscoveryError, MetadataConnection, queries};
use odp_routing::metadata::{MetadataRow as _, Schema, read_partitioning};
use odp_routing::{Lookup, TableKey};

/// Asks for everything that routing needs of a table or routine.
///
/// # Errors
/// Those of a query.
pub(crate) async fn load(
    connection: &mut Asked<impl MetadataConnection>,
    key: &TableKey,
) -> Result<Lookup, DiscoveryError> {
    let dialect = connection.dialect;
    if let Some(name) = key.routine_name() {
        return load_routine(connection, key, name).await;
    }
    let sql = if key.is_servers() {
        queries::tenant_servers(dialect, key)
    } else {
        queries::schema(dialect, key)
    };
    let answer = connection.query(&sql).await?;
    // A virtual table has rows, but no address in them.
    let Some(schema) = Schema::read(&answer.rows()).filter(|schema| !schema.replicas.is_empty())
    else {
        return Ok(Lookup::Missing);
    };
    if key.is_servers() || !schema.is_partitioned {
        return Ok(Lookup::Table(Box::new(schema.into_table())));
    }
    load_partitions(connection, key, schema).await
}

async fn load_partitions(
    connection: &mut Asked<impl MetadataConnection>,
    key: &TableKey,
    schema: Schema,
) -> Result<Lookup, DiscoveryError> {
    let (table, dialect) = (schema.table_id, connection.dialect);
    let info = connection
        .query(&queries::partition_info(dialect, table, key))
        .await?;
    let first = connection
        .query(&queries::first_partitions(dialect, table, key))
        .await?;
    let info = info.rows();
    let level = info.first().and_then(|row| row.number("part_level"));
    // The leaves of 3.x have no rows of their own where a template makes them.
    let second = if level == Some(2) && dialect == Dialect::Four {
        let sql = queries::second_partitions(table, key);
        connection.query(&sql).await?
    } else {
        crate::Answer::default()
    };
    let columns = if dialect == Dialect::Four && needs_columns(&info) {
        // Without them such keys stay unsure, which costs latency only.
        connection
            .query(&queries::columns(table, key))
            .await
            .unwrap_or_default()
    } else {
        crate::Answer::default()
    };
    let read = read_partitioning(&info, &first.rows(), &second.rows(), &columns.rows());
    let Some(partitioning) = read else {
        tracing::warn!(%key, "the partitions of a table were not understood; it is served by any server");
        return Ok(Lookup::Missing);
    };
    let mut answers = Vec::new();
    for tablets in partitioning.tablets().chunks(queries::TABLETS_PER_QUERY) {
        let sql = queries::tablets(dialect, key, tablets);
        answers.push(connection.query(&sql).await?);
    }
    let rows: Vec<_> = answers.iter().flat_map(crate::Answer::rows).collect();
    let table = schema.into_partitioned(partitioning, &rows);
    Ok(Lookup::Table(Box::new(table)))
}

/// Whether a key is an ENUM (32) or a SET (33), computed from other columns, or has no default value that the
/// partition views tell.
fn needs_columns(info: &[AnswerRow<'_>]) -> bool {
    info.iter().any(|row| {
        matches!(row.number("part_key_type"), Some(32 | 33))
            || row
                .get("part_key_default_value")
                .is_none_or(|default| default.first() == Some(&22))
            || row
                .text("part_key_extra")
                .is_some_and(|text| !text.is_empty())
    })
}

/// A server that knows no routines, or not this one, sends it anywhere.
async fn load_routine(
    connection: &mut Asked<impl MetadataConnection>,
    key: &TableKey,
    name: &str,
) -> Result<Lookup, DiscoveryError> {
    let sql = queries::routine(connection.dialect, key, name);
    let answer = match connection.query(&sql).await {
        Ok(answer) => answer,
        Err(DiscoveryError::QueryRefused { .. }) => return Ok(Lookup::Missing),
        Err(error) => return Err(error),
    };
    let rows = answer.rows();
    let Some(routine) = rows.first() else {
        return Ok(Lookup::Missing);
    };
    let text = |column| routine.text(column).map(str::to_owned);
    Ok(Lookup::Routine {
        database: text("database_name").unwrap_or_else(|| key.database.to_string()),
        statement: text("routine_sql").unwrap_or_default(),
    })
}
