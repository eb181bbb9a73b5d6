//! Changes of tables that exist: ALTER, RENAME, and building anew what SQLite cannot alter.

use crate::cursor::{Cursor, TableName};
use crate::ddl::alter::{self, Change};
use crate::ddl::definition::{KeyDef, TableDef};
use crate::ddl::sqlite::{column_clause, create_statements, index_name, index_statement};
use crate::error::SqlError;
use crate::session::define::{Target, done};
use crate::session::{Answer, Session};
use crate::translate::{quote_name, quote_text};
use std::sync::Arc;

impl Session {
    /// RENAME TABLE, inside one database.
    pub(super) fn rename(&mut self, from: TableName, to: TableName) -> Result<(), SqlError> {
        let (from, to) = (self.target(from)?, self.target(to)?);
        let definition = self.definition(&from)?;
        if self.exists(&to) {
            return Err(SqlError::new(
                1050,
                format!("Table '{}' already exists", to.table),
            ));
        }
        if from.database != to.database {
            return Err(SqlError::unsupported());
        }
        let mut statements: Vec<String> = definition
            .keys
            .iter()
            .map(|key| drop_index(&from.database, &from.table, &key.name))
            .collect();
        statements.push(format!(
            "ALTER TABLE {} RENAME TO {}",
            from.quoted(),
            quote_name(&to.table)
        ));
        statements.extend(
            definition
                .keys
                .iter()
                .map(|key| index_statement(&to.database, &to.table, key)),
        );
        self.write_batch(&from.database, &statements)?;
        let catalogue = Arc::clone(&self.node.shared.catalogue);
        Self::catalogue_result(catalogue.rename_table(
            &self.tenant(),
            (&from.database, &from.table),
            (&to.database, &to.table),
        ))
    }

    /// ALTER TABLE.
    pub(super) fn alter(&mut self, cursor: &mut Cursor<'_>) -> Result<Answer, SqlError> {
        if cursor.accept("user") {
            return self.alter_user(cursor);
        }
        if !cursor.accept("table") {
            return Ok(done());
        }
        let name = cursor.table_name()?;
        self.check_right("ALTER", &name)?;
        let target = self.target(name.clone())?;
        let changes = alter::parse(cursor)?;
        if let [Change::Rename(to)] = changes.as_slice() {
            self.rename(name, to.clone())?;
            return Ok(done());
        }
        self.change_table(&target, changes)
    }

    /// Applies changes to a table and its definition.
    pub(super) fn change_table(
        &mut self,
        target: &Target,
        changes: Vec<Change>,
    ) -> Result<Answer, SqlError> {
        let mut definition = TableDef::clone(&*self.definition(target)?);
        let mut statements = Vec::new();
        for change in changes {
            let rebuild = alter::apply(&change, &mut definition)?;
            if rebuild {
                statements = self.rebuild(target, &definition)?;
            } else {
                statements.extend(change_statements(target, &change)?);
            }
        }
        self.write_batch(&target.database, &statements)?;
        let catalogue = Arc::clone(&self.node.shared.catalogue);
        Self::catalogue_result(catalogue.redefine_table(
            &self.tenant(),
            &target.database,
            &target.table,
            &definition,
        ))?;
        Ok(done())
    }

    /// The statements that build the table anew where SQLite cannot alter it.
    fn rebuild(&self, target: &Target, definition: &TableDef) -> Result<Vec<String>, SqlError> {
        let old = self.definition(target)?;
        let new = Target {
            table: format!("{}/new", target.table),
            ..target.clone()
        };
        let plain = TableDef {
            keys: Vec::new(),
            ..definition.clone()
        };
        let mut statements = create_statements(&new.database, &new.table, &plain)?;
        let kept: Vec<String> = definition
            .columns
            .iter()
            .filter(|column| column.generated.is_none() && old.column(&column.name).is_some())
            .map(|column| quote_name(&column.name))
            .collect();
        let list = kept.join(", ");
        statements.push(format!(
            "INSERT INTO {} ({list}) SELECT {list} FROM {}",
            new.quoted(),
            target.quoted()
        ));
        statements.push(format!("DROP TABLE {}", target.quoted()));
        statements.push(format!(
            "ALTER TABLE {} RENAME TO {}",
            new.quoted(),
            quote_name(&target.table)
        ));
        let index = |key: &KeyDef| index_statement(&target.database, &target.table, key);
        statements.extend(definition.keys.iter().map(index));
        Ok(statements)
    }
}

fn drop_index(database: &str, table: &str, key: &str) -> String {
    format!(
        "DROP INDEX IF EXISTS {}.{}",
        quote_name(database),
        quote_name(&index_name(table, key))
    )
}

fn change_statements(target: &Target, change: &Change) -> Result<Vec<String>, SqlError> {
    Ok(match change {
        Change::AddKey(key) => vec![index_statement(&target.database, &target.table, key)],
        Change::DropKey(name) => vec![drop_index(&target.database, &target.table, name)],
        Change::AddColumn(column, _) => {
            vec![format!(
                "ALTER TABLE {} ADD COLUMN {}",
                target.quoted(),
                column_clause(column)?
            )]
        }
        Change::DropColumn(name) => {
            vec![format!(
                "ALTER TABLE {} DROP COLUMN {}",
                target.quoted(),
                quote_name(name)
            )]
        }
        Change::AutoIncrement(next) => vec![format!(
            "UPDATE {}.sqlite_sequence SET seq = {} WHERE name = {}",
            quote_name(&target.database),
            next.saturating_sub(1),
            quote_text(&target.table)
        )],
        _ => Vec::new(),
    })
}
