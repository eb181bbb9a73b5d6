//! Which tablets a statement touches, worked out without the proxy's code so that it checks it.

mod compute;
mod hash;
mod order;
mod touch;

pub(crate) use compute::tablets;
pub(crate) use touch::{Touch, touches};

use crate::catalogue::Catalogue;
use crate::error::SqlError;
use crate::node::Placement;
use crate::session::{internal, is_system};
use rusqlite::types::Value;

/// Whether server `node` leads the first partition that a statement with these parameters touches.
///
/// # Errors
/// 1146 for a table that the catalogue does not know.
pub(crate) fn placement(
    catalogue: &Catalogue,
    tenant: &str,
    node: i64,
    touches: &[Touch],
    values: &[Value],
) -> Result<Placement, SqlError> {
    let mut placement = Placement::Unknown;
    for touch in touches {
        let database = touch.table.database.as_deref().unwrap_or_default();
        if is_system(database) {
            continue;
        }
        let found = catalogue
            .table(tenant, database, &touch.table.table)
            .map_err(|error| internal(&error))?
            .ok_or_else(|| SqlError::no_table(database, &touch.table.table))?;
        if placement != Placement::Unknown || found.definition.view.is_some() {
            continue;
        }
        let Some(hit) = tablets(&found, touch, values) else {
            continue;
        };
        let first = hit.first().and_then(|tablet| found.leaders.get(tablet));
        let led = first == Some(&node);
        placement = if led { Placement::Hit } else { Placement::Miss };
    }
    Ok(placement)
}

#[cfg(test)]
mod tests;
