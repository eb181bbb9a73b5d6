//! Reads a statement from its first keyword on.

use crate::block::{Walk, skip_expressions};
use crate::keyword::{self as k, Key};
use crate::lexer::{Lexer, Token};
use crate::outline::{Body, Explain, Outline};
use crate::table;
use crate::verb::Verb;

/// Reads one statement.
pub(crate) struct Reader<'a, 'o> {
    pub(crate) lexer: Lexer<'a>,
    pub(crate) outline: &'o mut Outline<'a>,
}

impl<'a> Reader<'a, '_> {
    /// Reads the statement.
    pub(crate) fn read(mut self) {
        let mut start = self.lexer.mark();
        let mut token = self.lexer.token();
        while token == Token::Symbol(b';') {
            start = self.lexer.mark();
            token = self.lexer.token();
        }
        if let Token::Word(_, k::EXPLAIN | k::DESC | k::DESCRIBE) = token {
            self.lexer.reset(start);
            self.explain();
            token = self.lexer.token();
        }
        self.outline.tail = self.statement(token);
    }

    /// Reads the statement that starts with `token` and gives the place where reading stopped.
    fn statement(&mut self, mut token: Token<'a>) -> Lexer<'a> {
        let mut depth = 0;
        let mut with = None;
        loop {
            match token {
                Token::Symbol(b'(') => depth += 1,
                Token::Word(_, k::WITH) if with.is_none() => {
                    with = Some(self.lexer);
                    if skip_expressions(&mut self.lexer).is_none() {
                        self.outline.verb = Verb::Select;
                        return self.walk(0).over().finish();
                    }
                }
                _ => break,
            }
            token = self.lexer.token();
        }
        match token {
            Token::Word(_, key) => match key {
                k::SELECT => {
                    self.outline.verb = Verb::Select;
                    self.outline.note_hint(&mut self.lexer);
                    Walk::new(self.lexer, self.outline, with, depth).finish()
                }
                k::TABLE | k::VALUES => {
                    self.outline.verb = Verb::Select;
                    self.walk(depth).table().finish()
                }
                k::INSERT | k::REPLACE => self.insert(key),
                k::UPDATE => self.update(with),
                k::DELETE => self.delete(with),
                _ => self.command(key),
            },
            Token::End => self.lexer,
            Token::Symbol(b';') => {
                self.lexer.unread_symbol();
                self.lexer
            }
            _ => {
                self.outline.verb = Verb::Other;
                self.walk(0).over().finish()
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

    fn insert(&mut self, key: Key) -> Lexer<'a> {
        self.outline.verb = if key == k::INSERT {
            Verb::Insert
        } else {
            Verb::Replace
        };
        self.outline.note_hint(&mut self.lexer);
        self.skip_words(&[
            k::LOW_PRIORITY,
            k::DELAYED,
            k::HIGH_PRIORITY,
            k::IGNORE,
            k::OVERWRITE,
            k::INTO,
        ]);
        self.outline.table = table::plain(&mut self.lexer);
        if self.outline.table.is_none() {
            return self.walk(0).over().finish();
        }
        self.outline.partition = table::partition(&mut self.lexer);
        let mut columns = None;
        let mut ahead = self.lexer;
        if ahead.take_symbol(b'(')
            && !matches!(
                ahead.peek(),
                Token::Word(_, k::SELECT | k::WITH) | Token::Symbol(b'(')
            )
        {
            columns = Some(ahead);
            ahead.skip_group();
            self.lexer = ahead;
        }
        ahead = self.lexer;
        match ahead.token() {
            Token::Word(_, k::VALUES | k::VALUE) => {
                self.lexer = ahead;
                self.outline.body = Body::Values {
                    columns,
                    rows: ahead,
                };
                ahead
            }
            Token::Word(_, k::SET) => {
                self.lexer = ahead;
                self.outline.body = Body::Assignments(ahead);
                self.walk(0).over().finish()
            }
            _ => self.walk(0).over().finish(),
        }
    }

    fn update(&mut self, with: Option<Lexer<'a>>) -> Lexer<'a> {
        self.outline.verb = Verb::Update;
        self.outline.note_hint(&mut self.lexer);
        self.skip_words(&[k::LOW_PRIORITY, k::IGNORE]);
        Walk::new(self.lexer, self.outline, with, 0)
            .table()
            .finish()
    }

    fn delete(&mut self, with: Option<Lexer<'a>>) -> Lexer<'a> {
        self.outline.verb = Verb::Delete;
        self.outline.note_hint(&mut self.lexer);
        self.skip_words(&[k::LOW_PRIORITY, k::QUICK, k::IGNORE]);
        let mut ahead = self.lexer;
        let has_from = ahead.take_word(k::FROM);
        let start = ahead;
        // The names before USING, or before FROM, are aliases of tables that come behind it.
        let is_single = table::factor(&mut ahead).is_some()
            && !matches!(
                ahead.peek(),
                Token::Symbol(b',' | b'.') | Token::Word(_, k::USING | k::FROM)
            );
        if is_single {
            return Walk::new(start, self.outline, with, 0).table().finish();
        }
        if has_from {
            self.lexer = start;
            while !matches!(
                self.lexer.peek(),
                Token::Word(_, k::USING | k::WHERE) | Token::End | Token::Symbol(b';')
            ) {
                self.lexer.token();
            }
            if !self.lexer.take_word(k::USING) {
                return self.walk(0).over().finish();
            }
            return Walk::new(self.lexer, self.outline, with, 0)
                .table()
                .finish();
        }
        Walk::new(self.lexer, self.outline, with, 0).finish()
    }

    /// A walk over the rest of the statement.
    pub(crate) fn walk(&mut self, depth: u32) -> Walk<'a, '_> {
        Walk::new(self.lexer, self.outline, None, depth)
    }

    pub(crate) fn skip_words(&mut self, words: &[Key]) {
        loop {
            let mut ahead = self.lexer;
            match ahead.token() {
                Token::Word(_, key) if words.contains(&key) => self.lexer = ahead,
                _ => return,
            }
        }
    }
}
