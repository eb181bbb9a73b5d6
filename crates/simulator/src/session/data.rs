//! Data statements: translated, placed, executed on the engine.

use crate::catalogue::Catalogue;
use crate::ddl::definition::TableDef;
use crate::engine::sql_error;
use crate::error::SqlError;
use crate::lexer::{Kind, Token};
use crate::node::Placement;
use crate::placement::{Touch, placement, touches};
use crate::results::OutColumn;
use crate::session::shape::{bind, resolve, shape};
use crate::session::{Answer, Session, Summary};
use crate::translate::{Schema, Translated, Verb, translate};
use rusqlite::types::Value;
use std::sync::Arc;
use std::time::Instant;

/// A data statement ready to run.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) translated: Arc<Translated>,
    pub(crate) touches: Arc<Vec<Touch>>,
    /// A hint asks for a weak read.
    pub(crate) weak: bool,
}

/// The definitions of a tenant's tables.
pub(crate) struct TenantSchema<'a> {
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) tenant: &'a str,
}

impl Schema for TenantSchema<'_> {
    fn table(&self, database: &str, table: &str) -> Option<Arc<TableDef>> {
        let found = self
            .catalogue
            .table(self.tenant, database, table)
            .ok()
            .flatten()?;
        Some(Arc::clone(&found.definition))
    }
}

impl Session {
    /// Translates a data statement.
    pub(super) fn plan(
        &mut self,
        sql: &[u8],
        tokens: &[Token],
        weak: bool,
    ) -> Result<Plan, SqlError> {
        self.check_variables(tokens)?;
        let (tenant, database) = (self.tenant(), self.database());
        let schema = TenantSchema {
            catalogue: &self.node.shared.catalogue,
            tenant: &tenant,
        };
        let translated = translate(sql, tokens, &database, &schema)?;
        self.check_rights(&translated)?;
        let touches = touches(sql, tokens, &translated.tables);
        Ok(Plan {
            translated: Arc::new(translated),
            touches: Arc::new(touches),
            weak,
        })
    }

    /// The first table of a statement that writes is the one that it writes to.
    pub(super) fn check_rights(&self, translated: &Translated) -> Result<(), SqlError> {
        let writes = match translated.verb {
            Verb::Select => "SELECT",
            Verb::Insert | Verb::Replace => "INSERT",
            Verb::Update => "UPDATE",
            Verb::Delete => "DELETE",
        };
        let privileges = std::iter::once(writes).chain(std::iter::repeat("SELECT"));
        let mut tables = translated.tables.iter().zip(privileges);
        tables.try_for_each(|(table, privilege)| self.check_right(privilege, table))
    }

    /// 1193 for a system variable that does not exist.
    fn check_variables(&self, tokens: &[Token]) -> Result<(), SqlError> {
        for token in tokens {
            if let Kind::SystemVariable { name, .. } = &token.kind
                && self.facts.lock().variables.global(name).is_none()
            {
                return Err(SqlError::new(
                    1193,
                    format!("Unknown system variable '{name}'"),
                ));
            }
        }
        Ok(())
    }

    /// Runs a planned statement.
    pub(super) fn run_plan(&mut self, plan: &Plan, values: &[Value]) -> Result<Answer, SqlError> {
        self.scripted()?;
        self.node.count_statement();
        self.prepare_tables(&plan.translated)?;
        self.place(plan, values)?;
        let databases: Vec<&str> = plan
            .translated
            .tables
            .iter()
            .filter_map(|table| table.database.as_deref())
            .collect();
        self.engine()?.attach(databases)?;
        let writes = plan.translated.verb != Verb::Select;
        // With autocommit off, a plain read opens no transaction that a client could see.
        if writes || plan.translated.locks {
            self.touch_data();
        }
        let deadline = self.deadline();
        if writes || (plan.translated.locks && self.in_transaction) {
            self.start_writing(deadline)?;
        }
        let result = if writes {
            self.write(plan, values, deadline)
        } else {
            self.read(&plan.translated, values, deadline)
        };
        self.stop_writing();
        result.map_err(|error| self.explain(error, plan, values))
    }

    fn place(&mut self, plan: &Plan, values: &[Value]) -> Result<(), SqlError> {
        let weak = plan.weak
            || self
                .facts
                .lock()
                .variables
                .get("ob_read_consistency")
                .as_deref()
                == Some("WEAK");
        let weak = weak && plan.translated.verb == Verb::Select;
        let placement = placement(
            &self.node.shared.catalogue,
            &self.tenant(),
            self.node.id,
            &plan.touches,
            values,
        )?;
        let placement = match placement {
            Placement::Miss if weak => Placement::Unknown,
            placement => placement,
        };
        self.missed |= placement == Placement::Miss;
        self.node.count(placement);
        Ok(())
    }

    fn write(
        &mut self,
        plan: &Plan,
        values: &[Value],
        deadline: Instant,
    ) -> Result<Answer, SqlError> {
        self.facts.lock().updated_rows = 0;
        let text_statement = values.is_empty();
        let sql = &plan.translated.sql;
        let changes = self.retry(deadline, |session| {
            let Some(engine) = &session.engine else {
                return Ok(0);
            };
            if text_statement {
                engine.connection.prepare(sql)?.raw_execute()?;
            } else {
                let mut statement = engine.connection.prepare_cached(sql)?;
                bind(&mut statement, values)?;
                statement.raw_execute()?;
            }
            Ok(engine.connection.changes())
        })?;
        Ok(Answer::Ok(self.summary(&plan.translated, changes)))
    }

    fn summary(&mut self, translated: &Translated, changes: u64) -> Summary {
        let mut insert_id = 0;
        if translated.generates && changes > 0 {
            let last = self
                .engine
                .as_ref()
                .map_or(0, |engine| engine.connection.last_insert_rowid());
            insert_id = last
                .cast_unsigned()
                .saturating_sub(changes.saturating_sub(1));
        }
        let mut facts = self.facts.lock();
        if insert_id > 0 {
            facts.set_last_insert_id(insert_id);
        }
        let affected = changes + facts.updated_rows;
        facts.row_count = i64::try_from(affected).unwrap_or(i64::MAX);
        let info = if translated.verb == Verb::Update {
            format!("Rows matched: {changes}  Changed: {changes}  Warnings: 0")
        } else {
            String::new()
        };
        Summary {
            affected,
            insert_id,
            info,
        }
    }

    /// Fills the tables that are made up when they are read.
    fn prepare_tables(&mut self, translated: &Translated) -> Result<(), SqlError> {
        let reads_schema = |database: &str| {
            translated
                .tables
                .iter()
                .any(|table| table.database.as_deref() == Some(database))
        };
        if reads_schema("information_schema") {
            self.fill_information_schema()?;
        }
        Ok(())
    }

    /// The columns of a planned query, as far as they are known before it runs.
    pub(super) fn columns_of(&mut self, plan: &Plan) -> Result<Vec<OutColumn>, SqlError> {
        self.prepare_tables(&plan.translated)?;
        self.described(plan, |statement| resolve(&shape(statement), None))
    }

    /// Prepares a planned query, its databases attached, and reads something of it without running it.
    pub(super) fn described<T>(
        &mut self,
        plan: &Plan,
        read: impl FnOnce(&rusqlite::Statement<'_>) -> T,
    ) -> Result<T, SqlError> {
        let databases: Vec<&str> = plan
            .translated
            .tables
            .iter()
            .filter_map(|table| table.database.as_deref())
            .collect();
        let engine = self.engine()?;
        engine.attach(databases)?;
        let statement = engine.connection.prepare(&plan.translated.sql);
        let statement = statement.map_err(|error| sql_error(&error))?;
        Ok(read(&statement))
    }
}

/// Databases that belong to the server.
pub(crate) fn is_system(database: &str) -> bool {
    ["oceanbase", "information_schema", "mysql"].contains(&database)
}
