//! Errors of data statements, completed with what only the statement tells.

use crate::error::SqlError;
use crate::session::Session;
use crate::session::data::Plan;
use crate::translate::Verb;
use rusqlite::types::Value;

impl Session {
    /// Adds to an error what only the statement tells.
    pub(super) fn explain(&self, error: SqlError, plan: &Plan, values: &[Value]) -> SqlError {
        match error.code {
            1062 => self.duplicate(error, plan, values),
            1048 => {
                let column = error.message.split('\'').nth(1).unwrap_or_default();
                let named = &plan.translated.named;
                let is_named = named.iter().any(|name| name.eq_ignore_ascii_case(column));
                if named.is_empty() || is_named || plan.translated.verb == Verb::Update {
                    return error;
                }
                SqlError::new(
                    1364,
                    format!("Field '{column}' doesn't have a default value"),
                )
            }
            _ => error,
        }
    }

    fn duplicate(&self, error: SqlError, plan: &Plan, values: &[Value]) -> SqlError {
        let list = error
            .message
            .rsplit("key '")
            .next()
            .unwrap_or_default()
            .trim_end_matches('\'');
        let columns: Vec<&str> = list
            .split(',')
            .map(|path| path.trim().rsplit('.').next().unwrap_or_default())
            .collect();
        let Some(touch) = plan.touches.first() else {
            return error;
        };
        let database = touch.table.database.clone().unwrap_or_default();
        let found = self
            .node
            .shared
            .catalogue
            .table(&self.tenant(), &database, &touch.table.table);
        let Ok(Some(found)) = found else { return error };
        let definition = &found.definition;
        let same = |names: &[String]| {
            names.len() == columns.len()
                && names
                    .iter()
                    .zip(&columns)
                    .all(|(name, column)| name.eq_ignore_ascii_case(column))
        };
        let key = if same(&definition.primary) {
            "PRIMARY".to_owned()
        } else {
            let key = definition
                .keys
                .iter()
                .find(|key| key.unique && same(&key.columns));
            key.map_or_else(|| columns.join("_"), |key| key.name.clone())
        };
        let entry: Vec<String> = columns
            .iter()
            .map(|column| {
                touch
                    .single_value(definition, column, values)
                    .unwrap_or_default()
            })
            .collect();
        SqlError::new(
            1062,
            format!("Duplicate entry '{}' for key '{key}'", entry.join("-")),
        )
    }
}
