//! SHOW.

use crate::cursor::Cursor;
use crate::ddl::show_create::show_create;
use crate::engine::like;
use crate::error::SqlError;
use crate::registry::SessionRow;
use crate::results::OutColumn;
use crate::session::{Answer, Session};
use rusqlite::types::Value;

/// A text, for rows.
pub(super) fn text(value: impl Into<String>) -> Value {
    Value::Text(value.into())
}

/// A result of text columns.
pub(super) fn table(names: &[&str], rows: Vec<Vec<Value>>) -> Answer {
    Answer::Table(
        names.iter().map(|name| OutColumn::text(name)).collect(),
        rows,
    )
}

/// What LIKE or WHERE leaves over; a WHERE is understood as far as it holds one string.
pub(super) enum Filter {
    All,
    Like(String),
    Where(String),
}

impl Filter {
    /// Reads the end of a SHOW.
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Self, SqlError> {
        if cursor.accept("like") {
            return Ok(Self::Like(cursor.scalar()?));
        }
        if cursor.accept("where") {
            let mut strings = cursor.rest().iter().filter_map(|token| match &token.kind {
                crate::lexer::Kind::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
                _ => None,
            });
            return Ok(strings.next_back().map_or(Self::All, Self::Where));
        }
        if cursor.at_end() {
            Ok(Self::All)
        } else {
            Err(cursor.error())
        }
    }

    pub(super) fn keeps(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Like(pattern) | Self::Where(pattern) => like(pattern, name, '\\'),
        }
    }
}

impl Session {
    /// Answers a SHOW whose first word has been taken.
    pub(crate) fn show(&mut self, cursor: &mut Cursor<'_>) -> Result<Answer, SqlError> {
        let full = cursor.accept("full");
        cursor.accept("extended");
        let global = cursor.accept("global");
        cursor.accept("session");
        let what = cursor.name()?.to_ascii_lowercase();
        match what.as_str() {
            "databases" | "schemas" => self.show_databases(cursor),
            "tables" => self.show_tables(cursor, full),
            "columns" | "fields" => self.show_columns(cursor, full),
            "create" => self.show_create(cursor),
            "index" | "indexes" | "keys" => self.show_index(cursor),
            "table" => {
                cursor.expect("status")?;
                self.show_table_status(cursor)
            }
            "variables" => self.show_variables(cursor, global),
            "status" => {
                let filter = Filter::parse(cursor)?;
                let known = [
                    ("Threads_connected", "1"),
                    ("Uptime", "1"),
                    ("Questions", "1"),
                ];
                let rows = known.iter().filter(|(name, _)| filter.keeps(name));
                let rows = rows
                    .map(|(name, value)| vec![text(*name), text(*value)])
                    .collect();
                Ok(table(&["Variable_name", "Value"], rows))
            }
            "warnings" | "errors" => Ok(self.show_warnings()),
            "processlist" => Ok(self.show_processlist(full)),
            "grants" => {
                let user = self.facts.lock().account.user.clone();
                let row = text(format!("GRANT ALL PRIVILEGES ON *.* TO '{user}'"));
                Ok(table(&[&format!("Grants for {user}@%")], vec![vec![row]]))
            }
            "engines" => Ok(engines()),
            "collation" => Ok(collations(&Filter::parse(cursor)?)),
            "charset" | "character" => {
                cursor.accept("set");
                Ok(charsets(&Filter::parse(cursor)?))
            }
            "plugins" | "triggers" | "events" | "procedure" | "function" | "open"
            | "privileges" | "tablegroups" | "parameters" => Ok(table(&["Name"], Vec::new())),
            "trace" => Ok(table(&["Title", "KeyValue", "Time"], Vec::new())),
            "tenant" => Ok(table(
                &["Current_tenant_name"],
                vec![vec![text(self.tenant())]],
            )),
            _ => Err(cursor.error()),
        }
    }

    fn show_databases(&mut self, cursor: &mut Cursor<'_>) -> Result<Answer, SqlError> {
        let filter = Filter::parse(cursor)?;
        let catalogue = &self.node.shared.catalogue;
        let mut names = Self::catalogue_failure(catalogue.databases(&self.tenant()))?;
        names.extend([
            "information_schema".to_owned(),
            "mysql".to_owned(),
            "oceanbase".to_owned(),
        ]);
        names.sort();
        let rows = names.into_iter().filter(|name| filter.keeps(name));
        Ok(table(
            &["Database"],
            rows.map(|name| vec![text(name)]).collect(),
        ))
    }

    fn show_variables(
        &mut self,
        cursor: &mut Cursor<'_>,
        global: bool,
    ) -> Result<Answer, SqlError> {
        let filter = Filter::parse(cursor)?;
        let facts = self.facts.lock();
        let all = facts
            .variables
            .all()
            .into_iter()
            .filter(|(name, _)| filter.keeps(name));
        let rows = all
            .map(|(name, value)| {
                let value = if global {
                    facts.variables.global(&name).unwrap_or(value)
                } else {
                    value
                };
                vec![text(name), text(value)]
            })
            .collect();
        Ok(table(&["Variable_name", "Value"], rows))
    }

    fn show_create(&mut self, cursor: &mut Cursor<'_>) -> Result<Answer, SqlError> {
        let kind = cursor.name()?.to_ascii_lowercase();
        if kind == "database" || kind == "schema" {
            cursor.accept_all(&["if", "not", "exists"]);
            let name = cursor.name()?;
            let sql = format!("CREATE DATABASE `{name}` DEFAULT CHARACTER SET = utf8mb4");
            return Ok(table(
                &["Database", "Create Database"],
                vec![vec![text(name), text(sql)]],
            ));
        }
        let (database, name) = self.named_table(cursor)?;
        let found = self.catalogue_table(&database, &name)?;
        let sql = show_create(&name, &found.definition);
        if found.definition.view.is_some() {
            let names = [
                "View",
                "Create View",
                "character_set_client",
                "collation_connection",
            ];
            let row = vec![
                text(name),
                text(sql),
                text("utf8mb4"),
                text("utf8mb4_general_ci"),
            ];
            return Ok(table(&names, vec![row]));
        }
        Ok(table(
            &["Table", "Create Table"],
            vec![vec![text(name), text(sql)]],
        ))
    }

    fn show_warnings(&self) -> Answer {
        let rows = self.warnings.iter().map(|(code, message)| {
            vec![
                text("Error"),
                Value::Integer(i64::from(*code)),
                text(message.clone()),
            ]
        });
        let columns = vec![
            OutColumn::text("Level"),
            OutColumn::integer("Code"),
            OutColumn::text("Message"),
        ];
        Answer::Table(columns, rows.collect())
    }

    fn show_processlist(&self, full: bool) -> Answer {
        let tenant = self.tenant();
        let mut columns = vec![OutColumn::integer("Id"), OutColumn::text("User")];
        if full {
            columns.push(OutColumn::text("Tenant"));
        }
        columns.extend(["Host", "db", "Command"].map(OutColumn::text));
        columns.push(OutColumn::integer("Time"));
        columns.extend(["State", "Info"].map(OutColumn::text));
        if full {
            columns.extend(["Ip", "Port", "Proxy_sessid"].map(OutColumn::text));
        }
        let sessions = self.node.shared.sessions();
        let visible = sessions
            .iter()
            .filter(|session| session.identity.tenant == tenant || tenant == "sys");
        let row = |session: &SessionRow| {
            let running = session.running.clone();
            let seconds = i64::try_from(session.seconds).unwrap_or(0);
            let database = session.database.clone();
            let mut row = vec![
                Value::Integer(i64::from(session.identity.visible_id)),
                text(&*session.identity.user),
            ];
            if full {
                row.push(text(&*session.identity.tenant));
            }
            row.push(text(&*session.identity.peer));
            row.push(if database.is_empty() {
                Value::Null
            } else {
                text(database)
            });
            row.push(text(if running.is_some() { "Query" } else { "Sleep" }));
            row.push(Value::Integer(seconds));
            row.push(text(if running.is_some() { "ACTIVE" } else { "SLEEP" }));
            row.push(running.map_or(Value::Null, text));
            if full {
                let addr = self.node.addr();
                row.extend([text(addr.ip().to_string()), text(addr.port().to_string())]);
                row.push(text(session.identity.proxy_id.to_string()));
            }
            row
        };
        Answer::Table(columns, visible.map(row).collect())
    }
}

fn engines() -> Answer {
    let names = [
        "Engine",
        "Support",
        "Comment",
        "Transactions",
        "XA",
        "Savepoints",
    ];
    let row = [
        "OceanBase",
        "DEFAULT",
        "Supports transactions",
        "YES",
        "YES",
        "YES",
    ];
    table(&names, vec![row.into_iter().map(text).collect()])
}

fn collations(filter: &Filter) -> Answer {
    let known = [
        ("utf8mb4_general_ci", "utf8mb4", 45, "Yes"),
        ("utf8mb4_bin", "utf8mb4", 46, ""),
        ("utf8mb4_unicode_ci", "utf8mb4", 224, ""),
        ("binary", "binary", 63, "Yes"),
        ("latin1_swedish_ci", "latin1", 8, "Yes"),
        ("gbk_chinese_ci", "gbk", 28, "Yes"),
    ];
    let mut columns = vec![OutColumn::text("Collation"), OutColumn::text("Charset")];
    columns.push(OutColumn::integer("Id"));
    columns.extend(["Default", "Compiled"].map(OutColumn::text));
    columns.push(OutColumn::integer("Sortlen"));
    let rows =
        known
            .iter()
            .filter(|(name, ..)| filter.keeps(name))
            .map(|(name, charset, id, default)| {
                let sort = Value::Integer(1);
                vec![
                    text(*name),
                    text(*charset),
                    Value::Integer(*id),
                    text(*default),
                    text("Yes"),
                    sort,
                ]
            });
    Answer::Table(columns, rows.collect())
}

fn charsets(filter: &Filter) -> Answer {
    let known = [
        ("utf8mb4", "UTF-8 Unicode", "utf8mb4_general_ci", 4),
        ("binary", "Binary pseudo charset", "binary", 1),
        ("latin1", "cp1252 West European", "latin1_swedish_ci", 1),
        ("gbk", "GBK Simplified Chinese", "gbk_chinese_ci", 2),
    ];
    let mut columns: Vec<OutColumn> = ["Charset", "Description", "Default collation"]
        .iter()
        .map(|name| OutColumn::text(name))
        .collect();
    columns.push(OutColumn::integer("Maxlen"));
    let kept = known.iter().filter(|(name, ..)| filter.keeps(name));
    let rows = kept.map(|(name, description, collation, length)| {
        vec![
            text(*name),
            text(*description),
            text(*collation),
            Value::Integer(*length),
        ]
    });
    Answer::Table(columns, rows.collect())
}
