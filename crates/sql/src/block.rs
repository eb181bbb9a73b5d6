//! Walks query blocks: finds the first table, the condition on it, and what ties the statement to a session.

use crate::condition;
use crate::hint::Hints;
use crate::keyword::{self as k, Key};
use crate::lexer::{Lexer, Mark, Token};
use crate::outline::{Body, Outline, Shared};
use crate::table::{self, Found};
use crate::tail;
use crate::uses::Uses;

/// Common table expressions that are followed one into another.
const MAX_HOPS: u32 = 8;

/// A walk over a statement from its verb to its end.
pub(crate) struct Walk<'a, 'o> {
    lexer: &'o mut Lexer<'a>,
    outline: &'o mut Outline<'a>,
    /// Behind WITH.
    with: Option<Mark>,
    search: Search,
    join: Join,
    /// Behind the last JOIN.
    joined: Option<Mark>,
    depth: u32,
    /// The depth of the block that the search is in.
    base: u32,
    hops: u32,
}

/// How far the search for the table and its condition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Search {
    /// For FROM.
    Table,
    /// For WHERE.
    Condition,
    Over,
}

/// What the ON that comes next says of the first table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Join {
    /// Which of its rows are read.
    Inner,
    /// The same as before, but the JOIN that comes next is a NATURAL one.
    BeforeNatural,
    /// The same as before, but the JOIN that comes next is an outer one.
    BeforeOuter,
    /// Nothing: all of its rows are kept.
    Outer,
}

impl<'a, 'o> Walk<'a, 'o> {
    /// A walk from where `lexer` stands, inside `depth` open parentheses.
    pub(crate) const fn new(
        lexer: &'o mut Lexer<'a>,
        outline: &'o mut Outline<'a>,
        with: Option<Mark>,
        depth: u32,
    ) -> Self {
        Self {
            lexer,
            outline,
            with,
            search: Search::Table,
            join: Join::Inner,
            joined: None,
            depth,
            base: depth,
            hops: 0,
        }
    }

    /// Reads a table where the lexer stands, as behind UPDATE.
    pub(crate) fn table(mut self) -> Self {
        self.factor();
        self
    }

    /// Does not look for a table or a condition any more.
    pub(crate) const fn over(mut self) -> Self {
        self.search = Search::Over;
        self
    }

    /// Walks to the end of the statement; the lexer then stands before its `;`.
    pub(crate) fn finish(mut self) {
        self.walk(0);
    }

    /// Walks to the end of the statement, or out of `floor` parentheses.
    fn walk(&mut self, floor: u32) {
        loop {
            match self.lexer.token() {
                Token::End => return,
                Token::Symbol(b';') => {
                    self.lexer.unread_symbol();
                    return;
                }
                Token::Symbol(b'(') => self.depth += 1,
                Token::Symbol(b')') => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth < floor {
                        return;
                    }
                    if self.depth < self.base {
                        self.base = self.depth;
                        self.leave_block();
                    }
                }
                // Most words are names.
                Token::Word(text, Key::NONE) if text.len() != k::RELEASE_ALL_LOCKS.len() => {}
                Token::Word(
                    _,
                    key @ (k::FROM
                    | k::JOIN
                    | k::STRAIGHT_JOIN
                    | k::LEFT
                    | k::FULL
                    | k::ON
                    | k::NATURAL
                    | k::USING
                    | k::WHERE
                    | k::UNION
                    | k::INTERSECT
                    | k::EXCEPT
                    | k::MINUS),
                ) => {
                    if self.depth == self.base {
                        self.clause(key);
                    }
                    if self.lexer.is_over() {
                        return;
                    }
                }
                Token::Word(text, key) => self.word(text, key),
                Token::Assign => self.outline.uses |= Uses::USER_VARIABLE_ASSIGNMENT,
                _ => {}
            }
        }
    }

    /// A keyword that belongs to the block searched.
    fn clause(&mut self, key: Key) {
        match (key, self.search) {
            (k::FROM | k::JOIN | k::STRAIGHT_JOIN, Search::Table) => self.factor(),
            (k::WHERE, Search::Condition) => self.condition(),
            (k::LEFT | k::FULL, Search::Condition) => self.join = Join::BeforeOuter,
            (k::NATURAL, Search::Condition) => self.join = Join::BeforeNatural,
            (k::JOIN | k::STRAIGHT_JOIN, Search::Condition) => self.join(),
            (k::ON, Search::Condition) => {
                let on = match self.join {
                    Join::Outer => &mut self.outline.outer_on,
                    _ => &mut self.outline.on,
                };
                on.get_or_insert(self.lexer.mark());
            }
            (k::USING, Search::Condition) => {
                let using = Some(self.lexer.mark());
                self.share(using);
            }
            (k::UNION | k::INTERSECT | k::EXCEPT | k::MINUS, Search::Condition) => {
                self.search = Search::Over;
            }
            _ => {}
        }
    }

    /// What JOIN leads to.
    fn join(&mut self) {
        self.joined = Some(self.lexer.mark());
        self.join = match self.join {
            Join::BeforeOuter => Join::Outer,
            Join::BeforeNatural => {
                self.share(None);
                Join::Inner
            }
            Join::Inner | Join::Outer => Join::Inner,
        };
    }

    /// Notes the first join that takes columns of two tables for one. An outer one does so too: a row without
    /// partner has NULL in the columns of the other table, which no comparison lets through.
    fn share(&mut self, using: Option<Mark>) {
        if let (Some(joined), None) = (self.joined, self.outline.shared) {
            self.outline.shared = Some(Shared { joined, using });
        }
    }

    /// The condition behind WHERE.
    fn condition(&mut self) {
        self.search = Search::Over;
        let start = self.lexer.mark();
        self.outline.body = match self.outline.on {
            None if let Some(only) = condition::only(self.lexer) => Body::Compared(only),
            _ => Body::Condition(start),
        };
    }

    /// A keyword or function that counts anywhere.
    fn word(&mut self, text: &'a [u8], key: Key) {
        match key {
            k::FOR => {
                let next = self.lexer.peek();
                self.outline.is_for_update |= matches!(next, Token::Word(_, k::UPDATE | k::SHARE));
            }
            k::LOCK => {
                self.outline.is_for_update |= matches!(self.lexer.peek(), Token::Word(_, k::IN));
            }
            k::INTO => {
                if matches!(self.lexer.peek(), Token::UserVariable(_)) {
                    self.outline.uses |= Uses::USER_VARIABLE_ASSIGNMENT;
                }
            }
            _ => self.outline.uses |= tail::of_word(text, key, self.lexer),
        }
    }

    fn leave_block(&mut self) {
        if self.search == Search::Condition {
            self.search = Search::Over;
        }
    }

    /// Reads the first table behind FROM, through parentheses and into a derived table.
    fn factor(&mut self) {
        let mut before = self.lexer.mark();
        let first = loop {
            match self.lexer.token() {
                Token::Symbol(b'(') => self.depth += 1,
                Token::Word(_, k::LATERAL) => {}
                Token::Word(_, k::SELECT) => {
                    self.base = self.depth;
                    self.outline.note_hint(self.lexer);
                    return;
                }
                Token::Word(_, k::DUAL) => {
                    self.search = Search::Over;
                    return;
                }
                other => break other,
            }
            before = self.lexer.mark();
        };
        let Some(found) = table::factor_from(first, self.lexer) else {
            self.lexer.reset(before);
            return;
        };
        self.search = Search::Condition;
        self.outline.table = Some(found.table);
        self.outline.partition = found.partition;
        if self.with.is_some()
            && let Some(body) = self.expression(&found, before)
        {
            if let Some(behind) = found.before_where {
                self.lexer.reset(behind);
            }
            self.follow(body);
            return;
        }
        match found.before_where {
            Some(_) if self.depth == self.base => self.condition(),
            Some(before) => self.lexer.reset(before),
            None => {}
        }
    }

    /// The body of the common table expression that `found` names, if it stands before the place `from` where
    /// it is used.
    fn expression(&self, found: &Found<'a>, from: Mark) -> Option<Mark> {
        let with = self.with.filter(|_| self.hops < MAX_HOPS)?;
        if found.table.database.is_some() {
            return None;
        }
        let mut with = self.lexer.at(with);
        with.take_word(k::RECURSIVE);
        loop {
            let name = table::name(&mut with)?;
            let body = expression_body(&mut with)?;
            if with.position() > from.position() {
                return None;
            }
            if name.same(&found.table.name) {
                return Some(body);
            }
            if !with.take_symbol(b',') {
                return None;
            }
        }
    }

    /// Takes table and condition from a common table expression instead.
    fn follow(&mut self, body: Mark) {
        self.outline.table = None;
        self.outline.partition = None;
        self.outline.on = None;
        self.outline.outer_on = None;
        self.outline.shared = None;
        let behind = self.lexer.mark();
        self.lexer.reset(body);
        let mut inner = Walk {
            lexer: &mut *self.lexer,
            outline: &mut *self.outline,
            with: self.with,
            search: Search::Table,
            join: Join::Inner,
            joined: None,
            depth: 1,
            base: 1,
            hops: self.hops + 1,
        };
        inner.walk(1);
        self.lexer.reset(behind);
        self.search = Search::Over;
    }
}

/// Reads `[(columns)] AS (body)` and gives the place behind the `(` of the body.
fn expression_body(lexer: &mut Lexer<'_>) -> Option<Mark> {
    if lexer.take_symbol(b'(') && !lexer.skip_group() {
        return None;
    }
    if !lexer.take_word(k::AS) || !lexer.take_symbol(b'(') {
        return None;
    }
    let body = lexer.mark();
    lexer.skip_group().then_some(body)
}

/// Reads over the common table expressions behind WITH.
pub(crate) fn skip_expressions(lexer: &mut Lexer<'_>) -> Option<()> {
    lexer.take_word(k::RECURSIVE);
    loop {
        table::name(lexer)?;
        expression_body(lexer)?;
        if !lexer.take_symbol(b',') {
            return Some(());
        }
    }
}

impl<'a> Outline<'a> {
    /// Reads a hint if one comes next.
    pub(crate) fn note_hint(&mut self, lexer: &mut Lexer<'a>) {
        if lexer.comes_slash() {
            self.take_hint(lexer);
        }
    }

    #[inline(never)]
    fn take_hint(&mut self, lexer: &mut Lexer<'a>) {
        if let Some(body) = lexer.take_hint() {
            let hints = Hints::read(body);
            self.hints.consistency = self.hints.consistency.or(hints.consistency);
            self.hints.query_timeout_us = self.hints.query_timeout_us.or(hints.query_timeout_us);
        }
    }
}
