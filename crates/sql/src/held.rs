//! What a statement takes or gives back of that which a server holds for one session: prepared texts,
//! locks, temporary tables.

use crate::dialect::Dialect;
use crate::keyword as k;
use crate::lexer::{Lexer, Token};
use crate::name::{Name, TableRef};
use crate::table;
use memchr::memmem;

/// What the success of a statement means for what is held.
#[derive(Clone, Copy, Debug)]
pub enum Held<'a> {
    /// `PREPARE name FROM 'text'`.
    Prepared {
        /// Under this name.
        name: Name<'a>,
        /// The text, which has no escapes.
        text: &'a [u8],
    },
    /// `DEALLOCATE PREPARE name`, `DROP PREPARE name`.
    Deallocated(Name<'a>),
    /// `GET_LOCK('name', seconds)` was called once; whether the lock was got, only its answer says.
    Locked(&'a [u8]),
    /// `RELEASE_LOCK('name')` was called once.
    Unlocked(&'a [u8]),
    /// `RELEASE_ALL_LOCKS()` was called.
    UnlockedAll,
    /// `LOCK TABLES`.
    LockedTables,
    /// `UNLOCK TABLES`.
    UnlockedTables,
    /// `CREATE TEMPORARY TABLE`, of a table that was there perhaps.
    CreatedTemporary(TableRef<'a>),
    /// `DROP TABLE` of this table alone, temporary or not.
    Dropped(TableRef<'a>),
    /// `TRUNCATE TABLE`: no table comes or goes.
    Kept,
}

/// Reads a text that is one statement of these and nothing else, so that no part of it can mean more;
/// `None` for any other.
#[must_use]
pub fn held(text: &[u8], dialect: impl Into<Dialect>) -> Option<Held<'_>> {
    if memmem::find(text, b"/*!").is_some() || memmem::find(text, b"/*M!").is_some() {
        // Whether that is code is for the server's version to say.
        return None;
    }
    let mut lexer = Lexer::new(text, dialect.into());
    let Token::Word(first, key) = lexer.token() else {
        return None;
    };
    let found = match key {
        k::PREPARE => prepared(&mut lexer)?,
        k::DEALLOCATE | k::DROP if lexer.take_word(k::PREPARE) => {
            Held::Deallocated(table::name(&mut lexer)?)
        }
        k::DROP => dropped(&mut lexer)?,
        k::CREATE => return created(&mut lexer),
        k::TRUNCATE => {
            lexer.take_word(k::TABLE);
            table::plain(&mut lexer)?;
            Held::Kept
        }
        k::LOCK if takes(&mut lexer, b"TABLES") || takes(&mut lexer, b"TABLE") => {
            return is_alone(lexer).then_some(Held::LockedTables);
        }
        k::UNLOCK if takes(&mut lexer, b"TABLES") || takes(&mut lexer, b"TABLE") => {
            Held::UnlockedTables
        }
        k::SELECT => lock(&mut lexer)?,
        _ if first.eq_ignore_ascii_case(b"DO") => lock(&mut lexer)?,
        _ => return None,
    };
    while lexer.take_symbol(b';') {}
    (lexer.token() == Token::End).then_some(found)
}

fn prepared<'a>(lexer: &mut Lexer<'a>) -> Option<Held<'a>> {
    let name = table::name(lexer)?;
    if !lexer.take_word(k::FROM) {
        return None;
    }
    let text = plain_string(lexer.token())?;
    Some(Held::Prepared { name, text })
}

fn created<'a>(lexer: &mut Lexer<'a>) -> Option<Held<'a>> {
    if !lexer.take_word(k::TEMPORARY) || !lexer.take_word(k::TABLE) {
        return None;
    }
    if lexer.take_word(k::IF) && !(lexer.take_word(k::NOT) && lexer.take_word(k::EXISTS)) {
        return None;
    }
    let table = table::plain(lexer)?;
    is_alone(*lexer).then_some(Held::CreatedTemporary(table))
}

fn dropped<'a>(lexer: &mut Lexer<'a>) -> Option<Held<'a>> {
    lexer.take_word(k::TEMPORARY);
    if !lexer.take_word(k::TABLE) || (lexer.take_word(k::IF) && !lexer.take_word(k::EXISTS)) {
        return None;
    }
    let table = table::plain(lexer)?;
    if !takes(lexer, b"RESTRICT") {
        takes(lexer, b"CASCADE");
    }
    Some(Held::Dropped(table))
}

/// One call of a lock function with constants, which is evaluated exactly once.
fn lock<'a>(lexer: &mut Lexer<'a>) -> Option<Held<'a>> {
    let Token::Word(function, _) = lexer.token() else {
        return None;
    };
    if !lexer.take_symbol(b'(') {
        return None;
    }
    let found = if function.eq_ignore_ascii_case(k::RELEASE_ALL_LOCKS) {
        Held::UnlockedAll
    } else {
        let name = plain_string(lexer.token())?;
        if function.eq_ignore_ascii_case(b"RELEASE_LOCK") {
            Held::Unlocked(name)
        } else if function.eq_ignore_ascii_case(b"GET_LOCK") && lexer.take_symbol(b',') {
            lexer.take_symbol(b'-');
            let Token::Number(_) = lexer.token() else {
                return None;
            };
            Held::Locked(name)
        } else {
            return None;
        }
    };
    if !lexer.take_symbol(b')') {
        return None;
    }
    if takes(lexer, b"AS") {
        table::name(lexer)?;
    }
    Some(found)
}

/// What is between the quotes of a string that stands for exactly that.
fn plain_string(token: Token<'_>) -> Option<&[u8]> {
    let Token::String([quote @ (b'\'' | b'"'), body @ .., last]) = token else {
        return None;
    };
    let is_plain = |byte: &u8| *byte != b'\\' && byte != quote;
    (last == quote && body.iter().all(is_plain)).then_some(body)
}

fn takes(lexer: &mut Lexer<'_>, word: &[u8]) -> bool {
    let mut ahead = *lexer;
    let Token::Word(found, _) = ahead.token() else {
        return false;
    };
    let is_it = found.eq_ignore_ascii_case(word);
    if is_it {
        *lexer = ahead;
    }
    is_it
}

/// Whether no other statement follows.
fn is_alone(mut lexer: Lexer<'_>) -> bool {
    loop {
        match lexer.token() {
            Token::End => return true,
            Token::Symbol(b';') => {
                while lexer.take_symbol(b';') {}
                return lexer.token() == Token::End;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Charset;

    fn shown(text: &str) -> String {
        let bytes = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let name = |name: Name<'_>| bytes(name.as_bytes().unwrap());
        let table = |table: TableRef<'_>| {
            let database = table.database.map(name).unwrap_or_default();
            format!("{database}.{}", name(table.name))
        };
        match held(text.as_bytes(), Charset::Utf8) {
            None => "?".to_owned(),
            Some(Held::Prepared { name: of, text }) => format!("+{} {}", name(of), bytes(text)),
            Some(Held::Deallocated(of)) => format!("-{}", name(of)),
            Some(Held::Locked(of)) => format!("lock {}", bytes(of)),
            Some(Held::Unlocked(of)) => format!("unlock {}", bytes(of)),
            Some(Held::UnlockedAll) => "unlock all".to_owned(),
            Some(Held::LockedTables) => "lock tables".to_owned(),
            Some(Held::UnlockedTables) => "unlock tables".to_owned(),
            Some(Held::CreatedTemporary(of)) => format!("create {}", table(of)),
            Some(Held::Dropped(of)) => format!("drop {}", table(of)),
            Some(Held::Kept) => "kept".to_owned(),
        }
    }

    #[test]
    fn what_is_taken_and_given_back_is_told_only_when_it_is_certain() {
        for (text, expected) in [
            ("PREPARE p FROM 'SELECT 1'", "+p SELECT 1"),
            ("prepare `p` from \"select '1'\" ; ", "+p select '1'"),
            ("PREPARE p FROM 'SELECT ''1'''", "?"),
            ("PREPARE p FROM 'SELECT \\'1\\''", "?"),
            ("PREPARE p FROM @a", "?"),
            ("PREPARE p FROM 'SELECT 1'; SELECT 2", "?"),
            ("PREPARE p FROM 'SELECT 1' 'x'", "?"),
            ("DEALLOCATE PREPARE p", "-p"),
            ("DROP PREPARE p", "-p"),
            ("SELECT GET_LOCK('a', 5)", "lock a"),
            ("SELECT /* c */ get_lock(\"a\", -1) AS g;", "lock a"),
            ("DO GET_LOCK('a', 0.5)", "lock a"),
            ("SELECT GET_LOCK('a', 5) FROM t", "?"),
            ("SELECT GET_LOCK('a', 5), 1", "?"),
            ("SELECT GET_LOCK(@a, 5)", "?"),
            ("SELECT RELEASE_LOCK('a')", "unlock a"),
            ("SELECT RELEASE_LOCK('a') LIMIT 0", "?"),
            ("SELECT RELEASE_LOCK('a') WHERE 0", "?"),
            ("SELECT RELEASE_ALL_LOCKS()", "unlock all"),
            ("SELECT RELEASE_ALL_LOCKS(), GET_LOCK('a', 1)", "?"),
            ("SELECT IS_FREE_LOCK('a')", "?"),
            ("LOCK TABLES a READ, b WRITE", "lock tables"),
            ("LOCK TABLES a READ; SELECT 1", "?"),
            ("UNLOCK TABLES", "unlock tables"),
            ("UNLOCK TABLES; LOCK TABLES a READ", "?"),
            ("CREATE TEMPORARY TABLE t (a INT)", "create .t"),
            (
                "CREATE TEMPORARY TABLE IF NOT EXISTS d.t SELECT 1",
                "create d.t",
            ),
            ("CREATE OR REPLACE TEMPORARY TABLE t (a INT)", "?"),
            ("CREATE TABLE t (a INT)", "?"),
            ("CREATE TEMPORARY TABLE t (a INT); SELECT 1", "?"),
            ("DROP TEMPORARY TABLE IF EXISTS t", "drop .t"),
            ("DROP TABLE d.t CASCADE", "drop d.t"),
            ("DROP TABLE t, u", "?"),
            ("DROP TABLE /*!99999 d. */ t", "?"),
            ("TRUNCATE t", "kept"),
            ("ALTER TABLE t RENAME u", "?"),
            ("", "?"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }
}
