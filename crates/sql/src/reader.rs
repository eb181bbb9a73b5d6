//! Reads a statement from its first keyword on.

use crate::block::{Walk, skip_expressions};
use crate::keyword::{self as k, Key};
use crate::lexer::{Lexer, Mark, Token};
use crate::outline::{Body, Explain, Outline};
use crate::table;
use crate::verb::Verb;

/// Reads one statement.
pub(crate) struct Reader<'a, 'o> {
    pub(crate) lexer: Lexer<'a>,
    pub(crate) outline: &'o mut Outline<'a>,
}

impl<'a, 'o> Reader<'a, 'o> {
    /// A reader of the statement that starts at `lexer`.
    pub(crate) const fn new(lexer: Lexer<'a>, outline: &'o mut Outline<'a>) -> Self {
        Self { lexer, outline }
    }
}

impl<'a> Reader<'a, '_> {
    /// Reads the statement and gives the place where reading stopped.
    pub(crate) fn read(mut self) -> Lexer<'a> {
        let mut start = self.lexer.mark();
        let mut token = self.lexer.token();
        while let Token::Symbol(b';') = token {
            start = self.lexer.mark();
            token = self.lexer.token();
        }
        if let Token::Word(_, k::EXPLAIN | k::DESC | k::DESCRIBE) = token {
            self.lexer.reset(start);
            self.explain();
            token = self.lexer.token();
        }
        self.statement(token);
        self.lexer
    }

    /// Reads the statement that starts with `token`.
    fn statement(&mut self, mut token: Token<'a>) {
        let mut depth = 0;
        let mut with = None;
        loop {
            match token {
                Token::Symbol(b'(') => depth += 1,
                Token::Word(_, k::WITH) if with.is_none() => {
                    with = Some(self.lexer.mark());
                    if skip_expressions(&mut self.lexer).is_none() {
                        self.outline.verb = Verb::Select;
                        return self.walk_over();
                    }
                }
                _ => break,
            }
            token = self.lexer.token();
        }
        match token {
            Token::Word(_, k::SELECT) => {
                self.outline.verb = Verb::Select;
                self.outline.note_hint(&mut self.lexer);
                self.walk(with, depth).finish();
            }
            Token::Word(_, key) => match key {
                k::TABLE | k::VALUES => {
                    self.outline.verb = Verb::Select;
                    self.walk(None, depth).table().finish();
                }
                k::INSERT | k::REPLACE => self.insert(key),
                k::UPDATE => self.update(with),
                k::DELETE => self.delete(with),
                _ => self.command(key),
            },
            Token::End => {}
            Token::Symbol(b';') => self.lexer.unread_symbol(),
            _ => {
                self.outline.verb = Verb::Other;
                self.walk_over();
            }
        }
    }

    /// EXPLAIN, DESC and DESCRIBE with their options, when a statement follows.
    fn explain(&mut self) {
        let start = self.lexer;
        if !matches!(
            self.lexer.token(),
            Token::Word(_, k::EXPLAIN | k::DESC | k::DESCRIBE)
        ) {
            self.lexer = start;
            return;
        }
        self.outline.note_hint(&mut self.lexer);
        let mut explain = Explain::Plan;
        loop {
            let before = self.lexer;
            match self.lexer.token() {
                Token::Word(_, k::ROUTE) => explain = Explain::Route,
                Token::Word(
                    _,
                    k::BASIC
                    | k::OUTLINE
                    | k::EXTENDED
                    | k::EXTENDED_NOADDR
                    | k::PLANREGRESS
                    | k::PARTITIONS
                    | k::ANALYZE,
                ) => {}
                Token::Word(_, k::FORMAT) => {
                    self.lexer.token();
                    self.lexer.token();
                }
                Token::Word(
                    _,
                    k::SELECT
                    | k::INSERT
                    | k::REPLACE
                    | k::UPDATE
                    | k::DELETE
                    | k::MERGE
                    | k::WITH
                    | k::CALL
                    | k::TABLE
                    | k::VALUES,
                )
                | Token::Symbol(b'(') => {
                    self.lexer = before;
                    self.outline.explain = explain;
                    return;
                }
                _ if explain == Explain::Route => {
                    self.lexer = before;
                    self.outline.explain = explain;
                    return;
                }
                _ => {
                    self.lexer = start;
                    return;
                }
            }
        }
    }

    fn insert(&mut self, key: Key) {
        self.outline.verb = if key == k::INSERT {
            Verb::Insert
        } else {
            Verb::Replace
        };
        self.outline.note_hint(&mut self.lexer);
        let (start, first) = self.behind_words(&[
            k::LOW_PRIORITY,
            k::DELAYED,
            k::HIGH_PRIORITY,
            k::IGNORE,
            k::OVERWRITE,
            k::INTO,
        ]);
        self.outline.table = table::plain_from(first, &mut self.lexer);
        if self.outline.table.is_none() {
            self.lexer.reset(start);
            return self.walk_over();
        }
        self.outline.partition = table::partition(&mut self.lexer);
        let mut columns = None;
        let before = self.lexer.mark();
        if self.lexer.take_symbol(b'(') {
            let inside = self.lexer.mark();
            // A list of columns, or a query in parentheses.
            match self.lexer.token() {
                Token::Word(_, k::SELECT | k::WITH) | Token::Symbol(b'(') => {
                    self.lexer.reset(before);
                }
                Token::Symbol(b')') => columns = Some(inside),
                _ => {
                    columns = Some(inside);
                    self.lexer.skip_group();
                }
            }
        }
        let before = self.lexer.mark();
        match self.lexer.token() {
            Token::Word(_, k::VALUES | k::VALUE) => {
                self.outline.body = Body::Values {
                    columns,
                    rows: self.lexer.mark(),
                };
            }
            Token::Word(_, k::SET) => {
                self.outline.body = Body::Assignments(self.lexer.mark());
                self.walk_over();
            }
            _ => {
                self.lexer.reset(before);
                self.walk_over();
            }
        }
    }

    fn update(&mut self, with: Option<Mark>) {
        self.outline.verb = Verb::Update;
        self.outline.note_hint(&mut self.lexer);
        self.skip_words(&[k::LOW_PRIORITY, k::IGNORE]);
        self.walk(with, 0).table().finish();
    }

    fn delete(&mut self, with: Option<Mark>) {
        self.outline.verb = Verb::Delete;
        self.outline.note_hint(&mut self.lexer);
        self.skip_words(&[k::LOW_PRIORITY, k::QUICK, k::IGNORE]);
        let has_from = self.lexer.take_word(k::FROM);
        let start = self.lexer.mark();
        // The names before USING, or before FROM, are aliases of tables that come behind it.
        let is_single = table::factor(&mut self.lexer).is_some()
            && !matches!(
                self.lexer.peek(),
                Token::Symbol(b',' | b'.') | Token::Word(_, k::USING | k::FROM)
            );
        self.lexer.reset(start);
        if is_single {
            return self.walk(with, 0).table().finish();
        }
        if !has_from {
            return self.walk(with, 0).finish();
        }
        while !matches!(
            self.lexer.peek(),
            Token::Word(_, k::USING | k::WHERE) | Token::End | Token::Symbol(b';')
        ) {
            self.lexer.token();
        }
        if self.lexer.take_word(k::USING) {
            self.walk(with, 0).table().finish();
        } else {
            self.walk_over();
        }
    }

    /// A walk over the rest of the statement.
    fn walk(&mut self, with: Option<Mark>, depth: u32) -> Walk<'a, '_> {
        Walk::new(&mut self.lexer, self.outline, with, depth)
    }

    /// Walks over the rest of a statement in which no table is looked for any more.
    pub(crate) fn walk_over(&mut self) {
        self.walk(None, 0).over().finish();
    }

    fn skip_words(&mut self, words: &[Key]) {
        loop {
            let before = self.lexer.mark();
            if !matches!(self.lexer.token(), Token::Word(_, key) if words.contains(&key)) {
                return self.lexer.reset(before);
            }
        }
    }

    /// Reads over these words and gives the token behind them and its place.
    fn behind_words(&mut self, words: &[Key]) -> (Mark, Token<'a>) {
        loop {
            let before = self.lexer.mark();
            match self.lexer.token() {
                Token::Word(_, key) if words.contains(&key) => {}
                token => return (before, token),
            }
        }
    }
}
