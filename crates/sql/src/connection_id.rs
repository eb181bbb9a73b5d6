//! Puts a number in the place of `CONNECTION_ID()`: a server session that clients share was opened under
//! an id that is none of theirs.

use crate::dialect::Dialect;
use crate::keyword as k;
use crate::lexer::{Lexer, Token};
use memchr::memchr_iter;

/// `text` with `id` for each `CONNECTION_ID()` in it; `None` when there is none. A call that is a whole
/// item of the first SELECT list keeps its name there.
#[must_use]
pub fn with_connection_id(text: &[u8], dialect: impl Into<Dialect>, id: u32) -> Option<Vec<u8>> {
    const NAME: &[u8] = b"connection_id";
    let is_suspect = memchr_iter(b'_', text).any(|at| {
        at.checked_sub(b"connection".len())
            .and_then(|start| text.get(start..start + NAME.len()))
            .is_some_and(|word| word.eq_ignore_ascii_case(NAME))
    });
    if !is_suspect {
        return None;
    }
    let mut lexer = Lexer::new(text, dialect.into());
    let (mut out, mut copied) = (Vec::new(), 0);
    let mut before = Token::End;
    let (mut depth, mut in_list) = (0_u32, true);
    loop {
        let token = lexer.token();
        match token {
            Token::End => break,
            Token::Word(_, k::FROM) | Token::Symbol(b';') => in_list = false,
            Token::Symbol(b'(') => depth += 1,
            Token::Symbol(b')') => depth = depth.saturating_sub(1),
            Token::Word(word, k::CONNECTION_ID) => {
                let start = lexer.position() - word.len();
                let mut after = lexer;
                if after.take_symbol(b'(') && after.take_symbol(b')') {
                    let end = after.position();
                    out.extend_from_slice(text.get(copied..start).unwrap_or_default());
                    out.extend_from_slice(id.to_string().as_bytes());
                    let begins = matches!(before, Token::Word(_, k::SELECT) | Token::Symbol(b','));
                    let ends = matches!(
                        after.peek(),
                        Token::End | Token::Symbol(b',' | b';') | Token::Word(_, k::FROM)
                    );
                    if in_list && depth == 0 && begins && ends {
                        let call = text.get(start..end).unwrap_or_default();
                        out.extend_from_slice(b" AS `");
                        out.extend_from_slice(call);
                        out.push(b'`');
                    }
                    copied = end;
                    lexer = after;
                }
            }
            _ => {}
        }
        before = token;
    }
    if copied == 0 {
        return None;
    }
    out.extend_from_slice(text.get(copied..).unwrap_or_default());
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Charset;

    #[test]
    fn the_number_stands_where_the_call_stood() {
        for (text, expected) in [
            ("select connection_id()", "select 7 AS `connection_id()`"),
            (
                "SELECT 1, CONNECTION_ID ( ) , 2 FROM t",
                "SELECT 1, 7 AS `CONNECTION_ID ( )` , 2 FROM t",
            ),
            ("SELECT CONNECTION_ID() AS c;", "SELECT 7 AS c;"),
            ("SELECT CONNECTION_ID() + 1", "SELECT 7 + 1"),
            ("SELECT (CONNECTION_ID())", "SELECT (7)"),
            (
                "INSERT INTO t VALUES (1, connection_id()), (connection_id(), 2)",
                "INSERT INTO t VALUES (1, 7), (7, 2)",
            ),
            (
                "SELECT a FROM t WHERE a = CONNECTION_ID()",
                "SELECT a FROM t WHERE a = 7",
            ),
            (
                "DELETE FROM t; SELECT CONNECTION_ID()",
                "DELETE FROM t; SELECT 7",
            ),
        ] {
            let out = with_connection_id(text.as_bytes(), Charset::Utf8, 7);
            assert_eq!(
                out.map(|out| String::from_utf8(out).unwrap()).as_deref(),
                Some(expected)
            );
        }
    }

    #[test]
    fn what_only_looks_like_a_call_is_left_alone() {
        for text in [
            "SELECT 1",
            "SELECT 'connection_id()'",
            "SELECT connection_id FROM t",
            "SELECT `connection_id`()",
            "SELECT connection_id(1)",
            "SELECT 1 -- connection_id()",
            "SELECT my_connection_id()",
            "SELECT last_insert_id()",
        ] {
            assert_eq!(
                with_connection_id(text.as_bytes(), Charset::Utf8, 7),
                None,
                "{text}"
            );
        }
    }
}
