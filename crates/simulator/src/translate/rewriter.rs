//! The walk over tokens that writes SQLite text.

use crate::cursor::{Cursor, TableName};
use crate::error::SqlError;
use crate::lexer::{Kind, Token};
use crate::translate::clauses::{index_hint, interval, skip_lock, take_last_operand};
use crate::translate::{blob_literal, call, quote_bytes, quote_name, quote_text};

/// Words of MySQL that change nothing here and that SQLite does not know.
const DROPPED: [&str; 9] = [
    "sql_no_cache",
    "sql_cache",
    "sql_calc_found_rows",
    "sql_small_result",
    "sql_big_result",
    "high_priority",
    "low_priority",
    "binary",
    "distinctrow",
];

/// Words after which the list of tables is over.
const AFTER_TABLES: [&str; 11] = [
    "where", "group", "order", "having", "limit", "set", "union", "values", "select", "window",
    "except",
];

/// Writes SQLite text and collects what it meets.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, not a state"
)]
pub(crate) struct Rewriter<'a> {
    pub(crate) sql: &'a [u8],
    pub(crate) database: &'a str,
    pub(crate) out: String,
    pub(crate) tables: Vec<TableName>,
    pub(crate) locks: bool,
    pub(crate) into: Vec<String>,
    /// Names of common table expressions, which belong to no database.
    pub(crate) ctes: Vec<String>,
    /// Inside ON DUPLICATE KEY UPDATE, where `VALUES(c)` is the row that was refused.
    pub(crate) in_duplicate: bool,
    in_tables: bool,
    expects_table: bool,
}

impl<'a> Rewriter<'a> {
    pub(crate) fn new(sql: &'a [u8], database: &'a str) -> Self {
        Self {
            sql,
            database,
            out: String::with_capacity(sql.len() + 32),
            tables: Vec::new(),
            locks: false,
            into: Vec::new(),
            ctes: Vec::new(),
            in_duplicate: false,
            in_tables: false,
            expects_table: false,
        }
    }

    pub(crate) fn push(&mut self, text: &str) {
        if !self.out.is_empty() && !self.out.ends_with(' ') {
            self.out.push(' ');
        }
        self.out.push_str(text);
    }

    /// Rewrites all of `tokens`.
    pub(crate) fn tokens(&mut self, tokens: &[Token]) -> Result<(), SqlError> {
        let mut cursor = Cursor::new(self.sql, tokens);
        while !cursor.at_end() {
            self.step(&mut cursor)?;
        }
        Ok(())
    }

    fn step(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SqlError> {
        let Some(token) = cursor.peek() else {
            return Ok(());
        };
        if self.expects_table && !token.is_symbol("(") {
            self.expects_table = false;
            if token.name().is_some() && !token.is_word("select") {
                return self.table(cursor);
            }
        }
        match &token.kind {
            Kind::Word(word) => {
                let word = word.to_ascii_lowercase();
                self.word(&word, cursor)
            }
            Kind::Symbol("(") => self.group(cursor),
            Kind::UserVariable(name) => {
                cursor.take();
                self.user_variable(name, cursor)
            }
            _ => {
                cursor.take();
                self.literal(token);
                Ok(())
            }
        }
    }

    /// A bracketed group: a list of its own, so that commas inside never mean tables outside.
    fn group(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SqlError> {
        let inside = cursor.brackets()?;
        let in_tables = self.in_tables;
        let derived = inside.sees("select") || inside.sees("with");
        self.in_tables = in_tables && !derived;
        self.expects_table &= !derived;
        self.push("(");
        self.tokens(inside.rest())?;
        self.push(")");
        self.in_tables = in_tables;
        self.expects_table = false;
        Ok(())
    }

    fn literal(&mut self, token: &Token) {
        match &token.kind {
            Kind::Quoted(name) => self.push(&quote_name(name)),
            Kind::Text(bytes) => self.push(&quote_bytes(bytes)),
            Kind::Number(number) => self.push(number),
            Kind::Blob(bytes) => self.push(&blob_literal(bytes)),
            Kind::Parameter => self.push("?"),
            Kind::SystemVariable { global, name } => {
                let call = format!("mysql_sysvar({}, {})", quote_text(name), u8::from(*global));
                self.push(&call);
            }
            Kind::Symbol(symbol) => self.symbol(symbol),
            Kind::Word(_) | Kind::UserVariable(_) => {}
        }
    }

    fn symbol(&mut self, symbol: &str) {
        if symbol == "," && self.in_tables {
            self.expects_table = true;
        }
        let rewritten = match symbol {
            "||" => "OR",
            "&&" => "AND",
            "!" => "NOT",
            "<=>" => "IS",
            "/" => "* 1.0 /",
            other => other,
        };
        self.push(rewritten);
    }

    fn user_variable(&mut self, name: &str, cursor: &mut Cursor<'_>) -> Result<(), SqlError> {
        if !cursor.accept_symbol(":=") {
            self.push(&format!("mysql_uservar({})", quote_text(name)));
            return Ok(());
        }
        self.push(&format!("mysql_set_uservar({},", quote_text(name)));
        while !cursor.at_end() && !cursor.sees_symbol(",") && !cursor.sees("from") {
            self.step(cursor)?;
        }
        self.push(")");
        Ok(())
    }

    fn word(&mut self, word: &str, cursor: &mut Cursor<'_>) -> Result<(), SqlError> {
        let token = cursor.take();
        if cursor.sees_symbol("(") && call::rewrite(self, word, cursor)? {
            return Ok(());
        }
        if AFTER_TABLES.contains(&word) {
            self.in_tables = false;
        }
        match word {
            "from" if cursor.accept("dual") => {}
            "from" | "join" | "straight_join" => {
                self.in_tables = true;
                self.expects_table = true;
                self.push(if word == "straight_join" {
                    "join"
                } else {
                    word
                });
            }
            "for" if cursor.sees("update") || cursor.sees("share") => {
                self.locks = true;
                skip_lock(cursor);
            }
            "lock" if cursor.accept_all(&["in", "share", "mode"]) => self.locks = true,
            "into" => self.targets(cursor)?,
            "with" => self.common_tables(cursor)?,
            "force" | "use" | "ignore" if index_hint(cursor)? => {}
            "partition" if self.in_tables && cursor.sees_symbol("(") => {
                cursor.brackets()?;
            }
            "collate" => {
                let collation = cursor.scalar()?.to_ascii_lowercase();
                self.push(if collation.ends_with("_ci") {
                    "COLLATE NOCASE"
                } else {
                    "COLLATE BINARY"
                });
            }
            "div" => self.push("/"),
            "mod" if !cursor.sees_symbol("(") => self.push("%"),
            "rlike" => self.push("REGEXP"),
            "interval" => self.interval(cursor)?,
            "current_timestamp" | "localtime" | "localtimestamp" | "utc_timestamp" => {
                self.push("now()");
            }
            "current_date" => self.push("curdate()"),
            "current_time" => self.push("curtime()"),
            "value" | "values" if self.in_tables => self.push("VALUES"),
            "transaction" | "isnull" | "notnull" | "nothing" | "returning" => {
                self.push(&quote_name(word));
            }
            _ if DROPPED.contains(&word) => {
                if word == "distinctrow" {
                    self.push("DISTINCT");
                }
            }
            _ => self.push(token.and_then(Token::name).unwrap_or_default()),
        }
        Ok(())
    }

    fn targets(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SqlError> {
        loop {
            let Some(Kind::UserVariable(name)) = cursor.peek().map(|token| &token.kind) else {
                return Err(cursor.error());
            };
            self.into.push(name.clone());
            cursor.take();
            if !cursor.accept_symbol(",") {
                return Ok(());
            }
        }
    }

    fn common_tables(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SqlError> {
        self.push("WITH");
        if cursor.accept("recursive") {
            self.push("RECURSIVE");
        }
        loop {
            let name = cursor.name()?;
            self.push(&quote_name(&name));
            self.ctes.push(name);
            if cursor.sees_symbol("(") {
                self.group(cursor)?;
            }
            cursor.expect("as")?;
            self.push("AS");
            self.group(cursor)?;
            if !cursor.accept_symbol(",") {
                return Ok(());
            }
            self.push(",");
        }
    }

    /// `x + INTERVAL n UNIT`: what was written since the last operand becomes an argument.
    fn interval(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SqlError> {
        let (amount, unit) = interval(self, cursor)?;
        let (negative, cut) = match self.out.strip_suffix('-') {
            Some(front) => (true, front.len()),
            None => (
                false,
                self.out.strip_suffix('+').map_or(self.out.len(), str::len),
            ),
        };
        self.out.truncate(cut);
        let operand = take_last_operand(&mut self.out);
        let function = if negative { "date_sub" } else { "date_add" };
        self.push(&format!(
            "{function}({operand}, {amount}, {})",
            quote_text(&unit)
        ));
        Ok(())
    }

    /// A table: qualified with its database, so that attached databases never stand in for another.
    pub(crate) fn table(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SqlError> {
        let mut name = cursor.table_name()?;
        let is_cte = |cte: &String| cte.eq_ignore_ascii_case(&name.table);
        if name.database.is_none() && self.ctes.iter().any(is_cte) {
            self.push(&quote_name(&name.table));
            return Ok(());
        }
        if name.database.is_none() {
            if self.database.is_empty() {
                return Err(SqlError::none_selected());
            }
            name.database = Some(self.database.to_owned());
        }
        let database = name
            .database
            .clone()
            .unwrap_or_default()
            .to_ascii_lowercase();
        self.push(&format!(
            "{}.{}",
            quote_name(&database),
            quote_name(&name.table)
        ));
        name.database = Some(database);
        self.tables.push(name);
        Ok(())
    }

    /// Rewrites a query apart and gives the text.
    pub(crate) fn apart_with_tables(&mut self, tokens: &[Token]) -> Result<String, SqlError> {
        let saved = std::mem::take(&mut self.out);
        let result = super::select_list::select(self, tokens);
        let text = std::mem::replace(&mut self.out, saved);
        result.map(|()| text)
    }

    /// Rewrites tokens apart and gives the text.
    pub(crate) fn apart(&mut self, tokens: &[Token]) -> Result<String, SqlError> {
        let saved = std::mem::take(&mut self.out);
        let in_tables = std::mem::replace(&mut self.in_tables, false);
        let result = self.tokens(tokens);
        self.in_tables = in_tables;
        let text = std::mem::replace(&mut self.out, saved);
        result.map(|()| text)
    }
}
