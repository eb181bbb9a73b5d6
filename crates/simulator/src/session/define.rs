//! Data definition: on the engine's files and in the catalogue, with an implicit commit before.

use crate::cursor::{Cursor, TableName};
use crate::ddl::alter::{self, Change};
use crate::ddl::create::{self, CreateTable, Source};
use crate::ddl::definition::{ColumnDef, KeyDef, TableDef};
use crate::ddl::sqlite::create_statements;
use crate::error::SqlError;
use crate::session::{Answer, Session, Summary};
use crate::translate::{quote_name, quote_text};
use std::sync::Arc;

/// An OK without contents.
pub(super) fn done() -> Answer {
    Answer::Ok(Summary::default())
}

/// A table with its database filled in.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) database: String,
    pub(super) table: String,
}

impl Target {
    /// As SQLite wants it.
    pub(super) fn quoted(&self) -> String {
        format!("{}.{}", quote_name(&self.database), quote_name(&self.table))
    }
}

impl Session {
    /// Runs a statement of data definition.
    pub(super) fn define(&mut self, cursor: &mut Cursor<'_>) -> Result<Answer, SqlError> {
        self.commit()?;
        let answer = self.define_inner(cursor);
        self.announce_schema();
        answer
    }

    /// Tells a proxy that the schema has changed.
    pub(super) fn announce_schema(&self) {
        let version = std::time::UNIX_EPOCH
            .elapsed()
            .map_or(0, |since| since.as_micros());
        self.facts
            .lock()
            .variables
            .announce("ob_last_schema_version", &version.to_string());
    }

    fn define_inner(&mut self, cursor: &mut Cursor<'_>) -> Result<Answer, SqlError> {
        let verb = cursor.name()?.to_ascii_lowercase();
        match verb.as_str() {
            "create" => self.create(cursor),
            "drop" => self.drop_object(cursor),
            "alter" => self.alter(cursor),
            "truncate" => {
                cursor.accept("table");
                let name = cursor.table_name()?;
                let target = self.target(name)?;
                let definition = self.definition(&target)?;
                let mut statements = vec![format!("DELETE FROM {}", target.quoted())];
                if definition.auto_column().is_some() {
                    statements.push(format!(
                        "DELETE FROM {}.sqlite_sequence WHERE name = {}",
                        quote_name(&target.database),
                        quote_text(&target.table)
                    ));
                }
                self.write_batch(&target.database, &statements)?;
                Ok(done())
            }
            "grant" => self.grant(cursor),
            "revoke" => self.revoke(cursor),
            "rename" => {
                cursor.expect("table")?;
                for mut part in cursor.split_commas() {
                    let from = part.table_name()?;
                    part.expect("to")?;
                    let to = part.table_name()?;
                    self.rename(from, to)?;
                }
                Ok(done())
            }
            _ => Ok(done()),
        }
    }

    /// Fills in the current database.
    pub(super) fn target(&self, name: TableName) -> Result<Target, SqlError> {
        let database = name
            .database
            .unwrap_or_else(|| self.database())
            .to_ascii_lowercase();
        if database.is_empty() {
            return Err(SqlError::none_selected());
        }
        Ok(Target {
            database,
            table: name.table,
        })
    }

    /// The definition of a table, or 1146.
    pub(super) fn definition(&self, target: &Target) -> Result<Arc<TableDef>, SqlError> {
        let catalogue = &self.node.shared.catalogue;
        let found = catalogue.table(&self.tenant(), &target.database, &target.table);
        match Self::catalogue_result(found)? {
            Some(found) => Ok(Arc::clone(&found.definition)),
            None => Err(SqlError::no_table(&target.database, &target.table)),
        }
    }

    /// Whether there is such a table.
    pub(super) fn exists(&self, target: &Target) -> bool {
        self.definition(target).is_ok()
    }

    /// Runs statements on a database's file as one transaction.
    pub(super) fn write_batch(
        &mut self,
        database: &str,
        statements: &[String],
    ) -> Result<(), SqlError> {
        self.engine()?.attach([database])?;
        let deadline = self.deadline();
        self.start_writing(deadline)?;
        let result = self.retry(deadline, |session| {
            let Some(engine) = &session.engine else {
                return Ok(());
            };
            let connection = &engine.connection;
            connection.execute_batch("BEGIN IMMEDIATE")?;
            let all = statements
                .iter()
                .try_for_each(|sql| connection.execute_batch(sql));
            let end = if all.is_ok() { "COMMIT" } else { "ROLLBACK" };
            connection.execute_batch(end).and(all)
        });
        self.stop_writing();
        result
    }

    fn create(&mut self, cursor: &mut Cursor<'_>) -> Result<Answer, SqlError> {
        if cursor.accept_all(&["or", "replace"]) && cursor.sees("view") {
            cursor.take();
            return self.create_view(cursor);
        }
        if cursor.accept("temporary") {
            return Err(SqlError::unsupported());
        }
        if cursor.accept("database") || cursor.accept("schema") {
            return self.create_database(cursor);
        }
        if cursor.accept("table") {
            let request = create::parse(cursor)?;
            return self.create_table(request);
        }
        if cursor.accept("view") {
            return self.create_view(cursor);
        }
        if cursor.accept("user") {
            return self.create_users(cursor);
        }
        let unique = cursor.accept("unique");
        if !unique {
            cursor.accept("fulltext");
        }
        if cursor.accept("index") {
            return self.create_index(cursor, unique);
        }
        Err(cursor.error())
    }

    fn create_database(&mut self, cursor: &mut Cursor<'_>) -> Result<Answer, SqlError> {
        let lenient = cursor.accept_all(&["if", "not", "exists"]);
        let name = cursor.name()?;
        let catalogue = Arc::clone(&self.node.shared.catalogue);
        let created = catalogue.create_database(&self.tenant(), &name.to_ascii_lowercase());
        if Self::catalogue_result(created)? || lenient {
            return Ok(Answer::Ok(Summary {
                affected: 1,
                ..Summary::default()
            }));
        }
        Err(SqlError::new(
            1007,
            format!("Can't create database '{name}'; database exists"),
        ))
    }

    fn create_table(&mut self, request: CreateTable) -> Result<Answer, SqlError> {
        self.check_right("CREATE", &request.name)?;
        let target = self.target(request.name)?;
        if self.exists(&target) {
            if request.if_not_exists {
                return Ok(done());
            }
            return Err(SqlError::new(
                1050,
                format!("Table '{}' already exists", target.table),
            ));
        }
        let (definition, query) = match request.source {
            Source::Columns(definition) => (definition, None),
            Source::Like(other) => {
                let other = self.target(other)?;
                (TableDef::clone(&*self.definition(&other)?), None)
            }
            Source::Query(definition, query) => {
                (self.query_definition(definition, &query)?, Some(query))
            }
        };
        let statements = create_statements(&target.database, &target.table, &definition)?;
        self.write_batch(&target.database, &statements)?;
        let catalogue = Arc::clone(&self.node.shared.catalogue);
        let tenant = self.tenant();
        Self::catalogue_result(catalogue.create_table(
            &tenant,
            &target.database,
            &target.table,
            &definition,
        ))?;
        match query {
            Some(query) => {
                let names: Vec<String> = definition
                    .columns
                    .iter()
                    .map(|column| format!("`{}`", column.name))
                    .collect();
                let sql = format!(
                    "INSERT INTO `{}`.`{}` ({}) {query}",
                    target.database,
                    target.table,
                    names.join(", ")
                );
                let tokens = crate::lexer::lex(sql.as_bytes())?.tokens;
                self.statement(sql.as_bytes(), &tokens, false)
            }
            None => Ok(done()),
        }
    }

    /// The columns of `CREATE TABLE .. AS SELECT`.
    fn query_definition(
        &mut self,
        mut definition: TableDef,
        query: &str,
    ) -> Result<TableDef, SqlError> {
        let tokens = crate::lexer::lex(query.as_bytes())?.tokens;
        let plan = self.plan(query.as_bytes(), &tokens, false)?;
        for column in self.declared_columns(&plan)? {
            if definition.column(&column.name).is_none() {
                definition.columns.push(column);
            }
        }
        Ok(definition)
    }

    fn create_view(&mut self, cursor: &mut Cursor<'_>) -> Result<Answer, SqlError> {
        let name = cursor.table_name()?;
        let target = self.target(name)?;
        cursor.expect("as")?;
        let query = cursor.text();
        let plan = self.plan(query.as_bytes(), cursor.rest(), false)?;
        let columns = self.declared_columns(&plan)?;
        let statements = [
            format!("DROP VIEW IF EXISTS {}", target.quoted()),
            format!("CREATE VIEW {} AS {}", target.quoted(), plan.translated.sql),
        ];
        self.write_batch(&target.database, &statements)?;
        let definition = TableDef {
            columns,
            view: Some(query),
            ..TableDef::default()
        };
        let catalogue = Arc::clone(&self.node.shared.catalogue);
        let tenant = self.tenant();
        Self::catalogue_result(catalogue.drop_table(&tenant, &target.database, &target.table))?;
        Self::catalogue_result(catalogue.create_table(
            &tenant,
            &target.database,
            &target.table,
            &definition,
        ))?;
        Ok(done())
    }

    fn create_index(&mut self, cursor: &mut Cursor<'_>, unique: bool) -> Result<Answer, SqlError> {
        let name = cursor.name()?;
        while !cursor.at_end() && !cursor.sees("on") {
            cursor.take();
        }
        cursor.expect("on")?;
        let table = cursor.table_name()?;
        let target = self.target(table)?;
        let columns = create::key_columns(cursor)?;
        self.change_table(
            &target,
            vec![Change::AddKey(KeyDef {
                name,
                columns,
                unique,
            })],
        )
    }

    fn declared_columns(
        &mut self,
        plan: &crate::session::data::Plan,
    ) -> Result<Vec<ColumnDef>, SqlError> {
        self.described(plan, |statement| {
            let columns = statement.columns();
            columns
                .map(|column| alter::column_of_query(&column))
                .collect()
        })
    }
}
