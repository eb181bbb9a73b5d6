//! Walks over tokens: the small reader that the hand-written parsers share.

use crate::error::SqlError;
use crate::lexer::{Kind, Token};

/// A position in a list of tokens, with the text they came from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a> {
    sql: &'a [u8],
    tokens: &'a [Token],
}

/// A possibly qualified name of a table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct TableName {
    /// The database, when the statement names one.
    pub(crate) database: Option<String>,
    /// The table.
    pub(crate) table: String,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(sql: &'a [u8], tokens: &'a [Token]) -> Self {
        Self { sql, tokens }
    }

    /// A cursor over other tokens of the same text.
    pub(crate) fn over(&self, tokens: &'a [Token]) -> Self {
        Self {
            sql: self.sql,
            tokens,
        }
    }

    pub(crate) fn rest(&self) -> &'a [Token] {
        self.tokens
    }

    pub(crate) fn peek(&self) -> Option<&'a Token> {
        self.tokens.first()
    }

    pub(crate) fn peek_at(&self, ahead: usize) -> Option<&'a Token> {
        self.tokens.get(ahead)
    }

    pub(crate) fn at_end(&self) -> bool {
        self.tokens.is_empty()
    }

    pub(crate) fn take(&mut self) -> Option<&'a Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    pub(crate) fn sees(&self, word: &str) -> bool {
        self.peek().is_some_and(|token| token.is_word(word))
    }

    pub(crate) fn sees_symbol(&self, symbol: &str) -> bool {
        self.peek().is_some_and(|token| token.is_symbol(symbol))
    }

    pub(crate) fn accept(&mut self, word: &str) -> bool {
        let seen = self.sees(word);
        if seen {
            self.take();
        }
        seen
    }

    /// Takes the words when all of them follow.
    pub(crate) fn accept_all(&mut self, words: &[&str]) -> bool {
        let mut tokens = self.tokens.iter();
        let all = words
            .iter()
            .all(|word| tokens.next().is_some_and(|token| token.is_word(word)));
        if all {
            self.tokens = tokens.as_slice();
        }
        all
    }

    pub(crate) fn accept_symbol(&mut self, symbol: &str) -> bool {
        let seen = self.sees_symbol(symbol);
        if seen {
            self.take();
        }
        seen
    }

    pub(crate) fn expect(&mut self, word: &str) -> Result<(), SqlError> {
        if self.accept(word) {
            Ok(())
        } else {
            Err(self.error())
        }
    }

    pub(crate) fn expect_symbol(&mut self, symbol: &str) -> Result<(), SqlError> {
        if self.accept_symbol(symbol) {
            Ok(())
        } else {
            Err(self.error())
        }
    }

    /// 1064 at this position.
    pub(crate) fn error(&self) -> SqlError {
        let start = self.peek().map_or(self.sql.len(), |token| token.start);
        SqlError::syntax(&String::from_utf8_lossy(
            self.sql.get(start..).unwrap_or_default(),
        ))
    }

    pub(crate) fn name(&mut self) -> Result<String, SqlError> {
        let name = self.peek().and_then(Token::name).map(str::to_owned);
        let name = name.ok_or_else(|| self.error())?;
        self.take();
        Ok(name)
    }

    pub(crate) fn table_name(&mut self) -> Result<TableName, SqlError> {
        let first = self.name()?;
        if self.accept_symbol(".") {
            let table = self.name()?;
            return Ok(TableName {
                database: Some(first),
                table,
            });
        }
        Ok(TableName {
            database: None,
            table: first,
        })
    }

    /// A number, a string or a bare word as text.
    pub(crate) fn scalar(&mut self) -> Result<String, SqlError> {
        let minus = self.accept_symbol("-");
        let text = match self.peek().map(|token| &token.kind) {
            Some(Kind::Text(text)) => String::from_utf8_lossy(text).into_owned(),
            Some(Kind::Number(text) | Kind::Word(text) | Kind::Quoted(text)) => text.clone(),
            _ => return Err(self.error()),
        };
        self.take();
        Ok(if minus { format!("-{text}") } else { text })
    }

    pub(crate) fn number<T: std::str::FromStr>(&mut self) -> Result<T, SqlError> {
        let at = *self;
        self.scalar()?.parse().map_err(|_| at.error())
    }

    /// The tokens inside the brackets that open here; moves behind the closing one.
    pub(crate) fn brackets(&mut self) -> Result<Cursor<'a>, SqlError> {
        self.expect_symbol("(")?;
        let inner = self.tokens;
        let mut depth = 1_usize;
        for (index, token) in inner.iter().enumerate() {
            depth = match token.kind {
                Kind::Symbol("(") => depth + 1,
                Kind::Symbol(")") => depth - 1,
                _ => depth,
            };
            if depth == 0 {
                let (inside, rest) = inner.split_at(index);
                self.tokens = rest.split_first().map_or(rest, |(_, rest)| rest);
                return Ok(Cursor {
                    sql: self.sql,
                    tokens: inside,
                });
            }
        }
        Err(self.error())
    }

    /// Splits at the commas outside brackets.
    pub(crate) fn split_commas(&self) -> Vec<Cursor<'a>> {
        split(self.tokens, ",")
            .into_iter()
            .map(|tokens| Cursor {
                sql: self.sql,
                tokens,
            })
            .collect()
    }

    /// The text from the first to the last of the tokens left.
    pub(crate) fn text(&self) -> String {
        self.text_of(self.tokens)
    }

    /// The text from the first to the last of `tokens`.
    pub(crate) fn text_of(&self, tokens: &[Token]) -> String {
        let start = tokens.first().map_or(0, |token| token.start);
        let end = tokens.last().map_or(0, |token| token.end);
        String::from_utf8_lossy(self.sql.get(start..end).unwrap_or_default()).into_owned()
    }
}

/// Splits tokens at a symbol outside brackets.
pub(crate) fn split<'a>(tokens: &'a [Token], symbol: &str) -> Vec<&'a [Token]> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_i32, 0);
    for (index, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Symbol("(") => depth += 1,
            Kind::Symbol(")") => depth -= 1,
            Kind::Symbol(text) if text == symbol && depth == 0 => {
                parts.push(tokens.get(start..index).unwrap_or_default());
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(tokens.get(start..).unwrap_or_default());
    parts
}
