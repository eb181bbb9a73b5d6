//! What of a session decides how its statements are cut into tokens.

use crate::charset::Charset;
use crate::escape::Backslash;

/// What double quotes stand around (`sql_mode` without or with `ANSI_QUOTES`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DoubleQuotes {
    /// Strings.
    #[default]
    Strings,
    /// Names.
    Names,
}

/// How the bytes of a session's statements are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// `character_set_client`.
    pub charset: Charset,
    /// `NO_BACKSLASH_ESCAPES` of `sql_mode`.
    pub backslash: Backslash,
    /// `ANSI_QUOTES` of `sql_mode`.
    pub double_quotes: DoubleQuotes,
}

impl From<Charset> for Dialect {
    /// The usual modes.
    fn from(charset: Charset) -> Self {
        Self {
            charset,
            backslash: Backslash::Escapes,
            double_quotes: DoubleQuotes::Strings,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Literal, outline};

    fn read(text: &str, backslash: Backslash, double_quotes: DoubleQuotes) -> (String, bool) {
        let dialect = Dialect {
            backslash,
            double_quotes,
            ..Charset::Utf8.into()
        };
        let outline = outline(text.as_bytes(), dialect);
        let table = outline.table().map(|table| table.name);
        let table = table.and_then(|name| name.as_bytes()).unwrap_or_default();
        let has_value = outline.only_comparison().is_some_and(|only| {
            only.column.column.eq_ignore_case("k") && only.value != Literal::Unsure
        });
        (String::from_utf8_lossy(table).into_owned(), has_value)
    }

    #[test]
    fn a_backslash_ends_no_string_where_it_is_plain() {
        let text = r"select '\', v from t where k = 'a\'";
        let plain = read(text, Backslash::IsPlain, DoubleQuotes::Strings);
        assert_eq!(plain, ("t".to_owned(), true));
        let escaping = read(text, Backslash::Escapes, DoubleQuotes::Strings);
        assert_ne!(escaping, plain);
        let text = r"select '\'', v from wrong where k = 1 -- ', v from t where k = 1";
        let escaping = read(text, Backslash::Escapes, DoubleQuotes::Strings);
        assert_eq!(escaping, ("wrong".to_owned(), true));
        let plain = read(text, Backslash::IsPlain, DoubleQuotes::Strings);
        assert_eq!(plain, ("t".to_owned(), true));
    }

    #[test]
    fn double_quotes_stand_around_names_where_the_mode_says_so() {
        let text = r#"select "x" from "t" where "k" = 'a'"#;
        let names = read(text, Backslash::Escapes, DoubleQuotes::Names);
        assert_eq!(names, ("t".to_owned(), true));
        let text = r#"select * from t where k = "v""#;
        assert!(read(text, Backslash::Escapes, DoubleQuotes::Strings).1);
        // A comparison of two columns gives no value.
        assert!(!read(text, Backslash::Escapes, DoubleQuotes::Names).1);
        // In a name, a backslash is one.
        let text = r#"select "\" from t where k = 1"#;
        let names = read(text, Backslash::Escapes, DoubleQuotes::Names);
        assert_eq!(names, ("t".to_owned(), true));
    }
}
