//! Reads the statements that are no SELECT, INSERT, UPDATE or DELETE.

use crate::congestion;
use crate::keyword::{self as k, Key};
use crate::lexer::Token;
use crate::outline::Body;
use crate::reader::Reader;
use crate::table;
use crate::uses::Uses;
use crate::verb::Verb;

/// Words that may stand between CREATE, ALTER or DROP and what it is about.
const MAX_HEADER_TOKENS: u32 = 16;

impl Reader<'_, '_> {
    /// Reads the statement whose first word was `key` to its end.
    pub(crate) fn command(&mut self, key: Key) {
        self.outline.verb = match key {
            k::BEGIN => return self.begin(),
            k::CREATE | k::ALTER | k::DROP | k::RENAME => return self.schema_change(),
            k::SET => self.set(),
            k::SHOW => self.show(),
            k::ROLLBACK => self.rollback(),
            k::TRUNCATE => {
                self.lexer.take_word(k::TABLE);
                self.outline.table = table::plain(&mut self.lexer);
                Verb::Ddl
            }
            k::PURGE | k::FLASHBACK | k::COMMENT | k::AUDIT | k::NOAUDIT => Verb::Ddl,
            k::GRANT | k::REVOKE => Verb::Grant,
            k::ANALYZE | k::OPTIMIZE | k::CHECK | k::REPAIR | k::CHECKSUM => {
                self.table_behind(&[k::TABLE, k::TABLES]);
                Verb::Maintain
            }
            k::START if self.lexer.take_word(k::TRANSACTION) => Verb::Begin,
            k::COMMIT => Verb::Commit,
            k::SAVEPOINT => self.named(Verb::Savepoint),
            k::RELEASE if self.lexer.take_word(k::SAVEPOINT) => self.named(Verb::Savepoint),
            k::USE => self.named(Verb::Use),
            k::PREPARE => self.named(Verb::Prepare),
            k::EXECUTE => self.named(Verb::Execute),
            k::DEALLOCATE if self.lexer.take_word(k::PREPARE) => self.named(Verb::Deallocate),
            k::DESC | k::DESCRIBE | k::EXPLAIN => self.describe(),
            k::MERGE => {
                self.outline.note_hint(&mut self.lexer);
                self.lexer.take_word(k::INTO);
                if let Some(found) = table::factor(&mut self.lexer) {
                    self.outline.table = Some(found.table);
                    self.outline.partition = found.partition;
                }
                Verb::Merge
            }
            k::LOAD => {
                self.outline.note_hint(&mut self.lexer);
                self.table_behind(&[k::TABLE]);
                self.outline.partition = table::partition(&mut self.lexer);
                Verb::LoadData
            }
            k::CALL => {
                self.outline.table = table::plain(&mut self.lexer);
                Verb::Call
            }
            k::LOCK => {
                self.table_behind(&[k::TABLE, k::TABLES]);
                Verb::LockTables
            }
            k::UNLOCK => Verb::UnlockTables,
            k::KILL => {
                self.outline.body = Body::Kill(self.lexer.mark());
                Verb::Kill
            }
            k::XA => Verb::Xa,
            k::HELP => Verb::Help,
            k::GET => {
                if self.lexer.take_word(k::DIAGNOSTICS) {
                    self.outline.uses |= Uses::DIAGNOSTICS;
                }
                Verb::Other
            }
            _ => Verb::Other,
        };
        self.walk_over();
    }

    fn named(&mut self, verb: Verb) -> Verb {
        self.outline.name = table::name(&mut self.lexer);
        verb
    }

    fn rollback(&mut self) -> Verb {
        self.lexer.take_word(k::WORK);
        if !self.lexer.take_word(k::TO) {
            return Verb::Rollback;
        }
        self.lexer.take_word(k::SAVEPOINT);
        self.named(Verb::Savepoint)
    }

    /// BEGIN of a transaction, or of an anonymous block, which holds statements of its own.
    fn begin(&mut self) {
        self.lexer.take_word(k::WORK);
        if matches!(self.lexer.peek(), Token::End | Token::Symbol(b';')) {
            self.outline.verb = Verb::Begin;
            return;
        }
        self.outline.verb = Verb::Other;
        // All of the text is one statement.
        self.lexer.finish();
    }

    fn set(&mut self) -> Verb {
        let mut ahead = self.lexer;
        let mut token = ahead.token();
        if matches!(token, Token::Word(_, k::GLOBAL | k::SESSION | k::LOCAL)) {
            token = ahead.token();
        }
        if matches!(token, Token::Word(_, k::TRANSACTION)) {
            return Verb::SetTransaction;
        }
        if let Token::Word(word, _) = token {
            let is_assigned = matches!(ahead.peek(), Token::Assign | Token::Compare(_));
            if word.eq_ignore_ascii_case(b"role") && !is_assigned {
                self.outline.uses |= Uses::ROLE;
            } else if word.eq_ignore_ascii_case(b"password") {
                self.outline.uses |= Uses::PASSWORD;
            }
        }
        self.outline.body = Body::Settings(self.lexer.mark());
        let mut ahead = self.lexer;
        loop {
            match ahead.token() {
                Token::UserVariable(_)
                    if matches!(ahead.peek(), Token::Assign | Token::Compare(_)) =>
                {
                    self.outline.uses |= Uses::USER_VARIABLE_ASSIGNMENT;
                    return Verb::Set;
                }
                Token::End | Token::Symbol(b';') => return Verb::Set,
                _ => {}
            }
        }
    }

    fn show(&mut self) -> Verb {
        let mut ahead = self.lexer;
        if ahead.take_word(k::COUNT) && ahead.take_symbol(b'(') {
            ahead.skip_group();
        }
        ahead.take_word(k::FULL);
        match ahead.token() {
            Token::Word(_, k::WARNINGS | k::ERRORS) => self.outline.uses |= Uses::DIAGNOSTICS,
            Token::Word(_, k::TRACE) => self.outline.uses |= Uses::TRACE,
            Token::Word(word, _) if congestion::is_named(word) => {
                self.outline.body = Body::Congestion(ahead.mark());
            }
            Token::Word(word, _) if word.eq_ignore_ascii_case(b"processlist") => {
                self.outline.uses |= Uses::PROCESSLIST;
            }
            _ => {}
        }
        Verb::Show
    }

    fn describe(&mut self) -> Verb {
        let mut ahead = self.lexer;
        if ahead.take_word(k::FOR) {
            return Verb::Explain;
        }
        self.outline.table = table::plain(&mut ahead);
        let is_table = matches!(
            ahead.token(),
            Token::End
                | Token::Symbol(b';')
                | Token::Word(..)
                | Token::Quoted(_)
                | Token::String(_)
        );
        if self.outline.table.is_some() && is_table {
            return Verb::Describe;
        }
        self.outline.table = None;
        Verb::Explain
    }

    fn table_behind(&mut self, words: &[Key]) {
        for _ in 0..MAX_HEADER_TOKENS {
            match self.lexer.peek() {
                Token::End | Token::Symbol(b';') => return,
                Token::Word(_, key) if words.contains(&key) => {
                    self.lexer.token();
                    self.outline.table = table::plain(&mut self.lexer);
                    return;
                }
                _ => {
                    self.lexer.token();
                }
            }
        }
    }

    fn schema_change(&mut self) {
        self.outline.verb = Verb::Ddl;
        let mut is_index = false;
        for _ in 0..MAX_HEADER_TOKENS {
            let before = self.lexer;
            match self.lexer.token() {
                Token::Word(_, k::TEMPORARY) => self.outline.uses |= Uses::TEMPORARY_TABLE,
                Token::Word(_, k::TABLE | k::TABLES) => {
                    self.lexer.take_word(k::IF);
                    self.lexer.take_word(k::NOT);
                    self.lexer.take_word(k::EXISTS);
                    self.outline.table = table::plain(&mut self.lexer);
                    break;
                }
                Token::Word(_, k::INDEX) => is_index = true,
                Token::Word(_, k::ON) if is_index => {
                    self.outline.table = table::plain(&mut self.lexer);
                    break;
                }
                Token::Word(_, k::PREPARE) if !is_index => {
                    self.outline.verb = self.named(Verb::Deallocate);
                    break;
                }
                // A body in which a `;` separates statements of its own.
                Token::Word(
                    _,
                    k::PROCEDURE | k::FUNCTION | k::TRIGGER | k::EVENT | k::PACKAGE | k::TYPE,
                ) => return self.lexer.finish(),
                Token::Word(_, k::VIEW | k::DATABASE | k::SCHEMA | k::USER | k::SYSTEM)
                | Token::Symbol(b'(') => break,
                Token::End | Token::Symbol(b';') => {
                    self.lexer = before;
                    break;
                }
                _ => {}
            }
        }
        self.walk_over();
    }
}
