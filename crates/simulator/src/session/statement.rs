//! Statements: the first words decide who answers.

use crate::cursor::Cursor;
use crate::error::SqlError;
use crate::lexer::{Kind, Token};
use crate::results::OutColumn;
use crate::session::{Answer, Session, Summary};
use rusqlite::types::Value;

impl Session {
    /// Answers one statement; `tokens` are its tokens in the text `sql`.
    pub(super) fn statement(
        &mut self,
        sql: &[u8],
        tokens: &[Token],
        weak: bool,
    ) -> Result<Answer, SqlError> {
        let mut cursor = Cursor::new(sql, tokens);
        let first = match tokens.first().map(|token| &token.kind) {
            Some(Kind::Word(word)) => word.to_ascii_lowercase(),
            Some(Kind::Symbol("(")) => "select".to_owned(),
            _ => return Err(cursor.error()),
        };
        if first != "show" {
            self.warnings.clear();
        }
        match first.as_str() {
            "select" | "insert" | "replace" | "update" | "delete" | "with" | "values" => {
                let plan = self.plan(sql, tokens, weak)?;
                self.run_plan(&plan, &[])
            }
            "create" | "drop" | "alter" | "truncate" | "rename" | "grant" | "revoke"
            | "analyze" | "optimize" => {
                self.scripted()?;
                self.node.count_statement();
                self.define(&mut cursor)
            }
            _ => self.other_statement(&first, &mut cursor, weak),
        }
    }

    fn other_statement(
        &mut self,
        first: &str,
        cursor: &mut Cursor<'_>,
        weak: bool,
    ) -> Result<Answer, SqlError> {
        // What a proxy keeps a session in step with is none of the client's statements.
        if !["set", "use", "show"].contains(&first) {
            self.scripted()?;
        }
        let whole = *cursor;
        cursor.take();
        self.node.count_statement();
        match first {
            "begin" => self.begin(),
            "start" => {
                cursor.expect("transaction")?;
                self.begin()
            }
            "commit" => self.commit(),
            "rollback" => self.rollback_statement(cursor),
            "savepoint" => {
                let name = cursor.name()?;
                self.savepoint("SAVEPOINT", &name)
            }
            "release" => {
                cursor.expect("savepoint")?;
                let name = cursor.name()?;
                self.savepoint("RELEASE", &name)
            }
            "set" => self.set(cursor),
            "use" => {
                let name = cursor.name()?;
                self.use_database(&name)
                    .map(|()| Answer::Ok(Summary::default()))
            }
            "show" => self.show(cursor),
            "desc" | "describe" if !is_query(cursor) => self.describe(cursor),
            "explain" | "desc" | "describe" => Ok(explain(&whole)),
            "kill" => {
                let query = cursor.accept("query");
                cursor.accept("connection");
                let id = cursor.number()?;
                self.kill(id, !query)
            }
            "prepare" => self.prepare_named(cursor),
            "execute" => self.execute_named(cursor, weak),
            "deallocate" => {
                cursor.expect("prepare")?;
                let name = cursor.name()?;
                self.deallocate_named(&name)
            }
            "do" | "lock" | "unlock" | "flush" | "reset" => Ok(Answer::Ok(Summary::default())),
            "call" => Err(SqlError::new(1305, "PROCEDURE does not exist")),
            _ => Err(whole.error()),
        }
    }

    fn rollback_statement(&mut self, cursor: &mut Cursor<'_>) -> Result<Answer, SqlError> {
        cursor.accept("work");
        if cursor.accept("to") {
            cursor.accept("savepoint");
            let name = cursor.name()?;
            return self.savepoint("ROLLBACK TO", &name);
        }
        self.rollback()
    }
}

/// A plan in the form of OceanBase; its contents are of no meaning.
fn explain(whole: &Cursor<'_>) -> Answer {
    let row = |text: &str| vec![Value::Text(text.to_owned())];
    let text = whole.text();
    let rows = vec![
        row("======================================"),
        row("|ID|OPERATOR   |NAME|EST.ROWS|EST.TIME(us)|"),
        row("|0 |TABLE SCAN |    |1       |4           |"),
        row(&format!("Statement: {text}")),
    ];
    Answer::Table(vec![OutColumn::text("Query Plan")], rows)
}

/// Whether a statement follows, not a table.
fn is_query(cursor: &Cursor<'_>) -> bool {
    [
        "select", "insert", "update", "delete", "replace", "extended", "format", "with",
    ]
    .iter()
    .any(|word| cursor.sees(word))
        || cursor.sees_symbol("(")
}
