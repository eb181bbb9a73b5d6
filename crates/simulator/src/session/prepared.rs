//! Prepared statements, of the binary protocol and of SQL text.

use crate::cursor::Cursor;
use crate::error::{SimulatorError, SqlError};
use crate::lexer::{Kind, Token, lex};
use crate::session::bindings::Bindings;
use crate::session::data::Plan;
use crate::session::{Answer, Encoding, Session, Summary};
use crate::translate::Verb;
use crate::variables::literal;
use odp_protocol::{Column, ColumnType, PrepareOk, put_eof};
use rusqlite::types::Value;

/// A statement of `COM_STMT_PREPARE`.
#[derive(Debug)]
pub(crate) struct Prepared {
    sql: Vec<u8>,
    tokens: Vec<Token>,
    bindings: Bindings,
    /// Kept for data statements as long as the current database stays.
    plan: Option<(String, Plan)>,
    weak: bool,
}

/// Statements that cannot be prepared (error 1295).
const UNPREPARED: [&str; 7] = [
    "begin",
    "start",
    "use",
    "prepare",
    "execute",
    "deallocate",
    "kill",
];

fn is_data(tokens: &[Token]) -> bool {
    let verbs = ["select", "insert", "replace", "update", "delete", "with"];
    let first = tokens.first();
    first.is_some_and(|token| token.is_symbol("(") || verbs.iter().any(|verb| token.is_word(verb)))
}

impl Session {
    /// `COM_STMT_PREPARE`.
    pub(super) fn prepare(&mut self, sql: &[u8]) -> Result<(), SimulatorError> {
        self.warnings.clear();
        match self.make_prepared(sql) {
            Ok((prepared, columns)) => self.put_prepared(prepared, &columns),
            Err(error) => self.put_failure(&error),
        }
    }

    fn make_prepared(&mut self, sql: &[u8]) -> Result<(Prepared, Vec<Column>), SqlError> {
        let lexed = lex(sql)?;
        let mut tokens = lexed.tokens;
        while tokens.last().is_some_and(|token| token.is_symbol(";")) {
            tokens.pop();
        }
        if tokens.is_empty() {
            return Err(SqlError::new(1065, "Query was empty"));
        }
        if tokens
            .first()
            .is_some_and(|token| UNPREPARED.iter().any(|word| token.is_word(word)))
        {
            return Err(SqlError::new(
                1295,
                "This command is not supported in the prepared statement protocol yet",
            ));
        }
        let marks = tokens
            .iter()
            .filter(|token| token.kind == Kind::Parameter)
            .count();
        let mut prepared = Prepared {
            sql: sql.to_vec(),
            tokens,
            bindings: Bindings::new(u16::try_from(marks).map_err(|_| {
                SqlError::new(1390, "Prepared statement contains too many placeholders")
            })?),
            plan: None,
            weak: lexed.weak_read,
        };
        let mut columns = Vec::new();
        if is_data(&prepared.tokens) {
            let plan = self.plan(&prepared.sql, &prepared.tokens, prepared.weak)?;
            // The engine checks names and syntax, whatever the statement does.
            let shown = self.columns_of(&plan)?;
            if plan.translated.verb == Verb::Select && plan.translated.into.is_empty() {
                columns = shown.into_iter().map(|column| column.column).collect();
            }
            prepared.plan = Some((self.database(), plan));
        } else if prepared
            .tokens
            .first()
            .is_some_and(|token| token.is_word("show"))
        {
            columns.push(Column::new(
                "Value",
                ColumnType::MYSQL_TYPE_VAR_STRING,
                45,
                1024,
            ));
        }
        Ok((prepared, columns))
    }

    fn put_prepared(
        &mut self,
        prepared: Prepared,
        columns: &[Column],
    ) -> Result<(), SimulatorError> {
        let id = self.next_prepared;
        self.next_prepared += 1;
        let answer = PrepareOk {
            statement: id,
            columns: u16::try_from(columns.len()).unwrap_or(u16::MAX),
            parameters: prepared.bindings.parameters,
            warnings: 0,
        };
        let status = self.status();
        self.wire.packet(|out| answer.put(out))?;
        let mark = Column::new("?", ColumnType::MYSQL_TYPE_VAR_STRING, 63, 0);
        for _ in 0..prepared.bindings.parameters {
            self.wire.packet(|out| mark.put(out))?;
        }
        if prepared.bindings.parameters > 0 {
            self.wire.packet(|out| put_eof(out, status, 0))?;
        }
        for column in columns {
            self.wire.packet(|out| column.put(out))?;
        }
        if !columns.is_empty() {
            self.wire.packet(|out| put_eof(out, status, 0))?;
        }
        self.prepared.insert(id, prepared);
        self.put_extra_ok()
    }

    /// `COM_STMT_EXECUTE`; a cursor is never opened, the whole result comes at once.
    pub(super) fn execute(&mut self, id: u32, packet: &[u8]) -> Result<(), SimulatorError> {
        let Some(mut prepared) = self.prepared.remove(&id) else {
            self.missed = true;
            let text = "Unknown prepared statement handler given to EXECUTE";
            return self.put_failure(&SqlError::new(1243, text));
        };
        self.encoding = Encoding::Binary;
        self.warnings.clear();
        *self.handle.running.lock() = Some(String::from_utf8_lossy(&prepared.sql).into_owned());
        let result = match prepared.bindings.values(packet) {
            Ok(values) => self.run_prepared(&mut prepared, &values),
            Err(error) => Err(SqlError::new(
                1210,
                format!("Incorrect arguments to EXECUTE: {error}"),
            )),
        };
        *self.handle.running.lock() = None;
        prepared.bindings.clear();
        self.prepared.insert(id, prepared);
        self.put_result(result)
    }

    fn run_prepared(
        &mut self,
        prepared: &mut Prepared,
        values: &[Value],
    ) -> Result<Answer, SqlError> {
        if !is_data(&prepared.tokens) {
            let sql = with_literals(&prepared.sql, &prepared.tokens, values);
            let tokens = lex(&sql)?.tokens;
            return self.statement(&sql, &tokens, prepared.weak);
        }
        let database = self.database();
        let planned = prepared
            .plan
            .take()
            .filter(|(planned_in, _)| *planned_in == database);
        let plan = match planned {
            Some((_, plan)) => {
                self.check_rights(&plan.translated)?;
                plan
            }
            None => self.plan(&prepared.sql, &prepared.tokens, prepared.weak)?,
        };
        let result = self.run_plan(&plan, values);
        prepared.plan = Some((database, plan));
        result
    }

    /// `COM_STMT_SEND_LONG_DATA`.
    pub(super) fn long_data(&mut self, id: u32, packet: &[u8]) {
        if let Some(prepared) = self.prepared.get_mut(&id) {
            prepared.bindings.send_ahead(packet);
        }
    }

    /// `COM_STMT_RESET`.
    pub(super) fn reset_prepared(&mut self, id: u32) -> Result<(), SimulatorError> {
        if let Some(prepared) = self.prepared.get_mut(&id) {
            prepared.bindings.clear();
            return self.put_ok(&Summary::default());
        }
        let text = "Unknown prepared statement handler given to RESET";
        self.put_failure(&SqlError::new(1243, text))
    }

    /// `PREPARE name FROM 'text' | @variable`.
    pub(super) fn prepare_named(&mut self, cursor: &mut Cursor<'_>) -> Result<Answer, SqlError> {
        let name = cursor.name()?.to_ascii_lowercase();
        cursor.expect("from")?;
        let text = match cursor.peek().map(|token| &token.kind) {
            Some(Kind::UserVariable(variable)) => {
                match self.facts.lock().variables.user(variable) {
                    Value::Text(text) => text,
                    _ => return Err(cursor.error()),
                }
            }
            _ => cursor.scalar()?,
        };
        self.make_prepared(text.as_bytes())?;
        self.named.insert(name, text);
        Ok(Answer::Ok(Summary::default()))
    }

    /// `EXECUTE name [USING @a, @b]`.
    pub(super) fn execute_named(
        &mut self,
        cursor: &mut Cursor<'_>,
        weak: bool,
    ) -> Result<Answer, SqlError> {
        let name = cursor.name()?.to_ascii_lowercase();
        let text = self
            .named
            .get(&name)
            .cloned()
            .ok_or_else(|| unknown_handler(&name, "EXECUTE"))?;
        let mut values = Vec::new();
        if cursor.accept("using") {
            for part in cursor.split_commas() {
                let Some(Kind::UserVariable(variable)) = part.peek().map(|token| &token.kind)
                else {
                    return Err(part.error());
                };
                values.push(self.facts.lock().variables.user(variable));
            }
        }
        let lexed = lex(text.as_bytes())?;
        let marks = lexed
            .tokens
            .iter()
            .filter(|token| token.kind == Kind::Parameter)
            .count();
        if marks != values.len() {
            return Err(SqlError::new(1210, "Incorrect arguments to EXECUTE"));
        }
        if !is_data(&lexed.tokens) {
            let sql = with_literals(text.as_bytes(), &lexed.tokens, &values);
            let tokens = lex(&sql)?.tokens;
            return self.statement(&sql, &tokens, weak);
        }
        let plan = self.plan(text.as_bytes(), &lexed.tokens, weak || lexed.weak_read)?;
        self.run_plan(&plan, &values)
    }

    /// `DEALLOCATE PREPARE name`.
    pub(super) fn deallocate_named(&mut self, name: &str) -> Result<Answer, SqlError> {
        match self.named.remove(&name.to_ascii_lowercase()) {
            Some(_) => Ok(Answer::Ok(Summary::default())),
            None => Err(unknown_handler(name, "DEALLOCATE PREPARE")),
        }
    }
}

/// The text of a statement with its parameters written into it, for one that the engine does not run.
fn with_literals(sql: &[u8], tokens: &[Token], values: &[Value]) -> Vec<u8> {
    let mut text = Vec::with_capacity(sql.len());
    let (mut at, mut values) = (0, values.iter());
    for token in tokens {
        if token.kind != Kind::Parameter {
            continue;
        }
        text.extend_from_slice(sql.get(at..token.start).unwrap_or_default());
        text.extend(values.next().map(literal).unwrap_or_default().into_bytes());
        at = token.end;
    }
    let end = tokens.last().map_or(sql.len(), |token| token.end);
    text.extend_from_slice(sql.get(at..end).unwrap_or_default());
    text
}

fn unknown_handler(name: &str, place: &str) -> SqlError {
    SqlError::new(
        1243,
        format!("Unknown prepared statement handler ({name}) given to {place}"),
    )
}
