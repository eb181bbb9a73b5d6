//! DROP.

use crate::cursor::Cursor;
use crate::ddl::alter::Change;
use crate::error::SqlError;
use crate::session::define::{Target, done};
use crate::session::{Answer, Session};
use std::sync::Arc;

impl Session {
    /// Runs a DROP whose first word has been taken.
    pub(super) fn drop_object(&mut self, cursor: &mut Cursor<'_>) -> Result<Answer, SqlError> {
        if cursor.accept("index") {
            let name = cursor.name()?;
            cursor.expect("on")?;
            let table = cursor.table_name()?;
            let target = self.target(table)?;
            return self.change_table(&target, vec![Change::DropKey(name)]);
        }
        let kind = cursor.name()?.to_ascii_lowercase();
        let lenient = cursor.accept_all(&["if", "exists"]);
        match kind.as_str() {
            "database" | "schema" => self.drop_database(cursor, lenient),
            "table" | "tables" | "view" => {
                for mut part in cursor.split_commas() {
                    let name = part.table_name()?;
                    self.check_right("DROP", &name)?;
                    let target = self.target(name)?;
                    self.drop_table(&target, lenient)?;
                }
                Ok(done())
            }
            "user" => self.drop_users(cursor, lenient),
            _ => Err(SqlError::unsupported()),
        }
    }

    fn drop_database(
        &mut self,
        cursor: &mut Cursor<'_>,
        lenient: bool,
    ) -> Result<Answer, SqlError> {
        let name = cursor.name()?.to_ascii_lowercase();
        let tenant = self.tenant();
        let catalogue = Arc::clone(&self.node.shared.catalogue);
        if !Self::catalogue_result(catalogue.has_database(&tenant, &name))? {
            if lenient {
                return Ok(done());
            }
            let text = format!("Can't drop database '{name}'; database doesn't exist");
            return Err(SqlError::new(1008, text));
        }
        self.engine()?.forget(&name)?;
        Self::catalogue_result(catalogue.drop_database(&tenant, &name))?;
        if self.database() == name {
            self.facts.lock().database.clear();
            self.database_changed = true;
        }
        Ok(done())
    }

    fn drop_table(&mut self, target: &Target, lenient: bool) -> Result<(), SqlError> {
        let definition = match self.definition(target) {
            Ok(definition) => definition,
            Err(_) if lenient => return Ok(()),
            Err(_) => {
                let text = format!("Unknown table '{}.{}'", target.database, target.table);
                return Err(SqlError::new(1051, text));
            }
        };
        let kind = if definition.view.is_some() {
            "VIEW"
        } else {
            "TABLE"
        };
        let statement = format!("DROP {kind} IF EXISTS {}", target.quoted());
        self.write_batch(&target.database, &[statement])?;
        let catalogue = Arc::clone(&self.node.shared.catalogue);
        let dropped = catalogue.drop_table(&self.tenant(), &target.database, &target.table);
        Self::catalogue_result(dropped).map(drop)
    }
}
