//! SET: system variables, user variables, character sets, transaction characteristics.

use crate::cursor::Cursor;
use crate::engine::sql_error;
use crate::error::SqlError;
use crate::lexer::{Kind, Token};
use crate::session::{Answer, Session, Summary};
use crate::translate::expression;
use rusqlite::types::Value;

/// Whose variable is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Session,
    Global,
}

impl Session {
    /// Runs a SET whose first word has been taken.
    pub(super) fn set(&mut self, cursor: &mut Cursor<'_>) -> Result<Answer, SqlError> {
        let (mut scope, at) = (Scope::Session, *cursor);
        if cursor.accept("global") {
            scope = Scope::Global;
        } else if !cursor.accept("session") {
            cursor.accept("local");
        }
        if cursor.accept("transaction") {
            let next_only = at.sees("transaction");
            return self.set_transaction(cursor, scope, next_only);
        }
        *cursor = at;
        if cursor.accept("names") {
            return self.set_names(cursor);
        }
        if cursor.accept("charset") || cursor.accept_all(&["character", "set"]) {
            let charset = cursor.scalar()?;
            self.set_charset(&charset, None)?;
            return Ok(Answer::Ok(Summary::default()));
        }
        if cursor.accept("password") {
            return self.set_password(cursor);
        }
        for mut part in cursor.split_commas() {
            self.assign(&mut part)?;
        }
        Ok(Answer::Ok(Summary::default()))
    }

    fn assign(&mut self, part: &mut Cursor<'_>) -> Result<(), SqlError> {
        let mut scope = Scope::Session;
        if part.accept("global") {
            scope = Scope::Global;
        } else if !part.accept("session") {
            part.accept("local");
        }
        let target = part.take().ok_or_else(|| part.error())?;
        let name = match &target.kind {
            Kind::UserVariable(name) => {
                let value = self.right_side(part)?;
                self.facts.lock().variables.set_user(name, value);
                return Ok(());
            }
            Kind::SystemVariable { global, name } => {
                if *global {
                    scope = Scope::Global;
                }
                name.clone()
            }
            _ => target
                .name()
                .ok_or_else(|| part.error())?
                .to_ascii_lowercase(),
        };
        let value = self.right_side(part)?;
        let text = match value {
            Value::Null if name.starts_with("character_set_results") => String::new(),
            Value::Null => return Err(refused(&name, "NULL")),
            Value::Integer(number) => number.to_string(),
            Value::Real(number) => number.to_string(),
            Value::Text(text) => text,
            Value::Blob(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        };
        self.set_system(scope, &name, &text)
    }

    fn right_side(&mut self, part: &mut Cursor<'_>) -> Result<Value, SqlError> {
        if !part.accept_symbol("=") {
            part.expect_symbol(":=")?;
        }
        if let [
            Token {
                kind: Kind::Word(word) | Kind::Quoted(word),
                ..
            },
        ] = part.rest()
            && !word.eq_ignore_ascii_case("null")
        {
            return Ok(Value::Text(word.clone()));
        }
        self.evaluate(&part.text())
    }

    /// The value of an expression without tables, or with a sub-query.
    pub(super) fn evaluate(&mut self, text: &str) -> Result<Value, SqlError> {
        let database = self.database();
        let sql = if text.to_ascii_lowercase().contains("select") {
            let lexed = crate::lexer::lex(text.as_bytes())?;
            let select = [b"select ", text.as_bytes()].concat();
            let tokens = crate::lexer::lex(&select)?.tokens;
            let plan = self.plan(&select, &tokens, lexed.weak_read)?;
            plan.translated.sql.clone()
        } else {
            format!("SELECT {}", expression(text)?)
        };
        let engine = self.engine()?;
        if !database.is_empty() {
            engine.attach([database.as_str()])?;
        }
        let value = engine.connection.query_row(&sql, [], |row| row.get(0));
        match value {
            Err(rusqlite::Error::QueryReturnedNoRows) => Ok(Value::Null),
            other => other.map_err(|error| sql_error(&error)),
        }
    }

    fn set_system(&mut self, scope: Scope, name: &str, value: &str) -> Result<(), SqlError> {
        let value = self.facts.lock().variables.normalise(name, value)?;
        if scope == Scope::Global {
            let tenant = self.tenant();
            return Self::catalogue_result(
                self.node.shared.catalogue.set_global(&tenant, name, &value),
            );
        }
        let was_on = self.facts.lock().variables.is_on("autocommit");
        self.facts.lock().variables.set(name, &value);
        if let ("last_insert_id" | "identity", Ok(id)) = (name, value.parse()) {
            self.facts.lock().set_last_insert_id(id);
        }
        // Turning autocommit on commits what is open (MySQL manual, "autocommit").
        if name == "autocommit" && value == "ON" && !was_on {
            self.commit()?;
        }
        Ok(())
    }

    fn set_names(&mut self, cursor: &mut Cursor<'_>) -> Result<Answer, SqlError> {
        let charset = cursor.scalar()?;
        let collation = if cursor.accept("collate") {
            Some(cursor.scalar()?)
        } else {
            None
        };
        self.set_charset(&charset, collation.as_deref())?;
        Ok(Answer::Ok(Summary::default()))
    }

    fn set_charset(&mut self, charset: &str, collation: Option<&str>) -> Result<(), SqlError> {
        let charset = match charset.to_ascii_lowercase().as_str() {
            "utf8" | "utf8mb3" | "default" => "utf8mb4".to_owned(),
            other => other.to_owned(),
        };
        let collation = collation.map_or_else(
            || match charset.as_str() {
                "latin1" => "latin1_swedish_ci".to_owned(),
                "binary" => "binary".to_owned(),
                "gbk" => "gbk_chinese_ci".to_owned(),
                _ => "utf8mb4_general_ci".to_owned(),
            },
            str::to_owned,
        );
        for name in [
            "character_set_client",
            "character_set_connection",
            "character_set_results",
        ] {
            self.set_system(Scope::Session, name, &charset)?;
        }
        self.set_system(Scope::Session, "collation_connection", &collation)
    }

    /// `SET [SESSION] TRANSACTION ..`; without SESSION it holds for the next transaction only.
    fn set_transaction(
        &mut self,
        cursor: &mut Cursor<'_>,
        scope: Scope,
        next_only: bool,
    ) -> Result<Answer, SqlError> {
        for mut part in cursor.split_commas() {
            let (name, value) = if part.accept_all(&["isolation", "level"]) {
                let words: Vec<String> = part
                    .rest()
                    .iter()
                    .filter_map(|token| token.name())
                    .map(str::to_uppercase)
                    .collect();
                ("transaction_isolation", words.join("-"))
            } else if part.accept_all(&["read", "only"]) {
                ("transaction_read_only", "ON".to_owned())
            } else if part.accept_all(&["read", "write"]) {
                ("transaction_read_only", "OFF".to_owned())
            } else {
                return Err(part.error());
            };
            if next_only && scope == Scope::Session {
                self.facts
                    .lock()
                    .variables
                    .set("ob_proxy_set_trx_executed", "ON");
            } else {
                self.set_system(scope, name, &value)?;
            }
        }
        Ok(Answer::Ok(Summary::default()))
    }
}

fn refused(name: &str, value: &str) -> SqlError {
    SqlError::new(
        1231,
        format!("Variable '{name}' can't be set to the value of '{value}'"),
    )
}
