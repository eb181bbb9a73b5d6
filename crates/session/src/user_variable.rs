//! A user variable, and how it is set on another server session so that it is the same there.
//!
//! A server reports text as a literal in the character set of the connection, with backslashes as
//! escapes whatever `sql_mode` says. Read by a server session that is set up otherwise, the literal would
//! be another text, or one of another collation: then it goes as bytes with their collation.

use crate::collation;
use bytes::{BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// A value as a server has reported it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UserVariable {
    /// An SQL literal.
    pub(crate) value: Bytes,
    /// The collation of the connection at that time, where it was not the login's.
    pub(crate) collation: Option<SmolStr>,
    pub(crate) version: u64,
}

/// How user variables are written for a server session.
#[derive(Debug)]
pub(crate) struct Spelling<'a> {
    /// The session has never changed how its statements are read: literals go as they are.
    pub(crate) is_plain: bool,
    /// The collation of the login.
    pub(crate) login: &'a str,
    /// The session's present collation, where it is not the login's.
    pub(crate) current: Option<SmolStr>,
}

impl Spelling<'_> {
    /// Whether the variable can be set while the connection has the session's present character set. An
    /// `OBServer` tells the proxy of it in that set, and closes the connection when it cannot.
    pub(crate) fn fits(&self, variable: &UserVariable) -> bool {
        let present = self.charset(self.current.as_deref());
        let any = [None, Some("utf8mb4")].contains(&present);
        let own = self.charset(variable.collation.as_deref());
        any || variable.value.is_ascii() || own == present
    }

    fn charset<'b>(&'b self, collation: Option<&'b str>) -> Option<&'b str> {
        collation::name(collation.unwrap_or(self.login)).map(|(charset, _)| charset)
    }

    /// Appends `` @`name` = value,``.
    pub(crate) fn put(&self, sql: &mut BytesMut, name: &str, variable: &UserVariable) {
        put_name(sql, name);
        let value = &variable.value;
        let named = variable.collation.as_deref().unwrap_or(self.login);
        let text = value
            .strip_prefix(b"'")
            .and_then(|rest| rest.strip_suffix(b"'"));
        match (text, collation::name(named)) {
            _ if value.is_empty() => sql.put_slice(b"NULL"),
            (Some(text), Some((charset, collation))) if !self.is_plain => {
                put_bytes(sql, text, charset, collation);
            }
            _ => sql.put_slice(value),
        }
        sql.put_u8(b',');
    }
}

/// Appends `` @`name` = ``.
pub(crate) fn put_name(sql: &mut BytesMut, name: &str) {
    sql.put_slice(b" @`");
    sql.put_slice(name.replace('`', "``").as_bytes());
    sql.put_slice(b"` = ");
}

/// Appends what stands between the quotes of a literal as bytes in hexadecimal.
fn put_bytes(sql: &mut BytesMut, text: &[u8], charset: &str, collation: &str) {
    const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
    sql.put_u8(b'_');
    sql.put_slice(charset.as_bytes());
    sql.put_slice(b" X'");
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        let byte = match byte {
            b'\\' => bytes.next().map_or(byte, |&escaped| unescaped(escaped)),
            byte => byte,
        };
        for digit in [byte >> 4, byte & 0xF] {
            sql.extend(DIGITS.get(usize::from(digit)));
        }
    }
    sql.put_slice(b"' COLLATE ");
    sql.put_slice(collation.as_bytes());
}

/// The byte that a backslash and this one stand for (MySQL manual, "String Literals").
fn unescaped(byte: u8) -> u8 {
    match byte {
        b'0' => 0,
        b'b' => 8,
        b't' => b'\t',
        b'n' => b'\n',
        b'r' => b'\r',
        b'Z' => 0x1A,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(value: &'static [u8], collation: Option<&str>) -> UserVariable {
        UserVariable {
            value: Bytes::from_static(value),
            collation: collation.map(SmolStr::new),
            version: 1,
        }
    }

    fn spelling(is_plain: bool, current: Option<&str>) -> Spelling<'static> {
        Spelling {
            is_plain,
            login: "utf8mb4_general_ci",
            current: current.map(SmolStr::new),
        }
    }

    fn put(spelling: &Spelling<'_>, variable: &UserVariable) -> String {
        let mut sql = BytesMut::new();
        spelling.put(&mut sql, "a`b", variable);
        String::from_utf8(sql.to_vec()).unwrap()
    }

    #[test]
    fn text_keeps_its_bytes_and_its_collation() {
        let plain = variable(br"'it\'s'", None);
        assert_eq!(put(&spelling(true, None), &plain), r" @`a``b` = 'it\'s',");
        assert_eq!(
            put(&spelling(false, None), &plain),
            " @`a``b` = _utf8mb4 X'69742773' COLLATE utf8mb4_general_ci,"
        );
        // A trail byte that is a backslash comes escaped, as every such byte does.
        let gbk = variable(b"'\xD5\\\\\\''", Some("gbk_chinese_ci"));
        assert_eq!(
            put(&spelling(false, None), &gbk),
            " @`a``b` = _gbk X'D55C27' COLLATE gbk_chinese_ci,"
        );
        for other in [&b"1.50"[..], b"NULL", b"X'FF00'", b""] {
            let text = if other.is_empty() {
                &b"NULL"[..]
            } else {
                other
            };
            let text = String::from_utf8_lossy(text);
            let other = UserVariable {
                value: Bytes::copy_from_slice(other),
                ..variable(b"", None)
            };
            assert_eq!(
                put(&spelling(false, None), &other),
                format!(" @`a``b` = {text},")
            );
        }
    }

    #[test]
    fn text_that_the_present_character_set_may_not_have_does_not_fit() {
        let chinese = variable("'中'".as_bytes(), None);
        assert!(spelling(false, None).fits(&chinese));
        assert!(!spelling(false, Some("latin1_swedish_ci")).fits(&chinese));
        assert!(spelling(false, Some("28")).fits(&variable(b"'\xD6\xD0'", Some("gbk_bin"))));
        assert!(spelling(false, Some("latin1_swedish_ci")).fits(&variable(b"'ascii'", None)));
    }
}
