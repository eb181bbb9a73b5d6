//! One table's location: its partitions and where each of them is.

use crate::{DiscoveryError, MetadataConnection, queries};
use odp_routing::metadata::{Schema, read_partitioning};
use odp_routing::{Lookup, TableKey};

/// Asks for everything that routing needs of a table.
///
/// # Errors
/// Those of a query.
pub(crate) async fn load(
    connection: &mut impl MetadataConnection,
    key: &TableKey,
) -> Result<Lookup, DiscoveryError> {
    let sql = if key.is_servers() {
        queries::tenant_servers(key)
    } else {
        queries::schema(key)
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
    connection: &mut impl MetadataConnection,
    key: &TableKey,
    schema: Schema,
) -> Result<Lookup, DiscoveryError> {
    let table = schema.table_id;
    let info = connection
        .query(&queries::partition_info(table, key))
        .await?;
    let first = connection
        .query(&queries::first_partitions(table, key))
        .await?;
    let info = info.rows();
    let level = info.first().and_then(|row| row.number("part_level"));
    let second = if level == Some(2) {
        let sql = queries::second_partitions(table, key);
        connection.query(&sql).await?
    } else {
        crate::Answer::default()
    };
    let Some(partitioning) = read_partitioning(&info, &first.rows(), &second.rows()) else {
        tracing::warn!(%key, "the partitions of a table were not understood; it is served by any server");
        return Ok(Lookup::Missing);
    };
    let mut answers = Vec::new();
    for tablets in partitioning.tablets().chunks(queries::TABLETS_PER_QUERY) {
        answers.push(connection.query(&queries::tablets(key, tablets)).await?);
    }
    let rows: Vec<_> = answers.iter().flat_map(crate::Answer::rows).collect();
    let table = schema.into_partitioned(partitioning, &rows);
    Ok(Lookup::Table(Box::new(table)))
}
