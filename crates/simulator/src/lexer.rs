//! Tokens of the MySQL dialect: enough to read and rewrite a statement without a full grammar.

use crate::error::SqlError;

/// What a token is, with its decoded value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// A bare word: a keyword or a name.
    Word(String),
    /// A name in backticks.
    Quoted(String),
    /// A string literal, escapes resolved; not always UTF-8.
    Text(Vec<u8>),
    /// A number as it is written.
    Number(String),
    /// `x'..'`, `0x..`, `b'..'` or `_binary'..'`.
    Blob(Vec<u8>),
    /// `@name`, without the sign.
    UserVariable(String),
    /// `@@name`, `@@session.name` or `@@global.name`.
    SystemVariable {
        /// Whether `global.` stood in front.
        global: bool,
        /// The name.
        name: String,
    },
    /// `?` of a prepared statement.
    Parameter,
    /// An operator or a bracket.
    Symbol(&'static str),
}

/// A token and where it stands in the text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Token {
    /// Whether this is the bare word `word`.
    pub(crate) fn is_word(&self, word: &str) -> bool {
        matches!(&self.kind, Kind::Word(text) if text.eq_ignore_ascii_case(word))
    }

    /// Whether this is the operator or bracket `symbol`.
    pub(crate) fn is_symbol(&self, symbol: &str) -> bool {
        matches!(self.kind, Kind::Symbol(text) if text == symbol)
    }

    /// The name, when the token can be one.
    pub(crate) fn name(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(name) | Kind::Quoted(name) => Some(name),
            _ => None,
        }
    }
}

/// The tokens of a text and what its hints say.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Lexed {
    pub(crate) tokens: Vec<Token>,
    /// A hint `READ_CONSISTENCY(WEAK)` was seen.
    pub(crate) weak_read: bool,
}

const SYMBOLS: [&str; 37] = [
    "<=>", "->>", "->", "<<", ">>", "<=", ">=", "<>", "!=", ":=", "&&", "||", "<", ">", "=", "(",
    ")", ",", ".", ";", "+", "-", "*", "/", "%", "!", "~", "^", "&", "|", ":", "{", "}", "[", "]",
    "\\", "@",
];

/// Splits `sql` into tokens; comments fall away, `/*! .. */` counts as text.
///
/// # Errors
/// 1064 for a string or name without an end and for a byte that begins no token.
pub(crate) fn lex(sql: &[u8]) -> Result<Lexed, SqlError> {
    let mut scanner = Scanner {
        bytes: sql,
        at: 0,
        lexed: Lexed::default(),
    };
    while scanner.skip_blanks() {
        let start = scanner.at;
        let kind = scanner.token()?;
        let end = scanner.at;
        scanner.lexed.tokens.push(Token { kind, start, end });
    }
    Ok(scanner.lexed)
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    lexed: Lexed,
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}

impl Scanner<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn text(&self, start: usize) -> String {
        String::from_utf8_lossy(self.bytes.get(start..self.at).unwrap_or_default()).into_owned()
    }

    /// Moves to the next token; false at the end.
    fn skip_blanks(&mut self) -> bool {
        loop {
            match (self.peek(0), self.peek(1), self.peek(2)) {
                _ if self.at >= self.bytes.len() => return false,
                (b'#', ..) => self.skip_line(),
                (b'-', b'-', third) if third <= b' ' => self.skip_line(),
                (b'/', b'*', b'!') => {
                    self.at += 3;
                    self.skip_while(|byte| byte.is_ascii_digit());
                }
                (b'/', b'*', _) => self.skip_comment(),
                (b'*', b'/', _) => self.at += 2,
                (blank, ..) if blank <= b' ' => self.at += 1,
                _ => return true,
            }
        }
    }

    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) {
        while self.at < self.bytes.len() && wanted(self.peek(0)) {
            self.at += 1;
        }
    }

    fn skip_line(&mut self) {
        self.skip_while(|byte| byte != b'\n');
    }

    fn skip_comment(&mut self) {
        let start = self.at;
        self.at += 2;
        while self.at < self.bytes.len() && !(self.peek(0) == b'*' && self.peek(1) == b'/') {
            self.at += 1;
        }
        self.at = (self.at + 2).min(self.bytes.len());
        let hint = self.text(start).to_ascii_lowercase();
        if hint.starts_with("/*+") && hint.replace(' ', "").contains("read_consistency(weak)") {
            self.lexed.weak_read = true;
        }
    }

    fn token(&mut self) -> Result<Kind, SqlError> {
        let first = self.peek(0);
        match first {
            b'\'' | b'"' => self.string(first).map(Kind::Text),
            b'`' => {
                let name = self.string(b'`')?;
                Ok(Kind::Quoted(String::from_utf8_lossy(&name).into_owned()))
            }
            b'0'..=b'9' => Ok(self.number()),
            b'.' if self.peek(1).is_ascii_digit() && !self.after_name() => Ok(self.number()),
            b'@' => self.variable(),
            b'?' => {
                self.at += 1;
                Ok(Kind::Parameter)
            }
            _ if is_name_byte(first) => self.word(),
            _ => self.symbol(),
        }
    }

    fn after_name(&self) -> bool {
        self.lexed
            .tokens
            .last()
            .is_some_and(|token| token.end == self.at && token.name().is_some())
    }

    fn symbol(&mut self) -> Result<Kind, SqlError> {
        let rest = self.rest();
        let found = SYMBOLS
            .iter()
            .find(|symbol| rest.starts_with(symbol.as_bytes()));
        let symbol = *found.ok_or_else(|| SqlError::syntax(&self.tail()))?;
        self.at += symbol.len();
        Ok(Kind::Symbol(symbol))
    }

    fn tail(&self) -> String {
        String::from_utf8_lossy(self.rest()).into_owned()
    }

    /// A string or name in `quote`, with MySQL's escapes (none inside backticks).
    fn string(&mut self, quote: u8) -> Result<Vec<u8>, SqlError> {
        let start = self.at;
        self.at += 1;
        let mut value = Vec::new();
        loop {
            if self.at >= self.bytes.len() {
                self.at = start;
                return Err(SqlError::syntax(&self.tail()));
            }
            let byte = self.peek(0);
            self.at += 1;
            if byte == quote && self.peek(0) == quote {
                self.at += 1;
                value.push(quote);
            } else if byte == quote {
                return Ok(value);
            } else if byte == b'\\' && quote != b'`' {
                let escaped = self.peek(0);
                self.at += 1;
                push_escaped(&mut value, escaped);
            } else {
                value.push(byte);
            }
        }
    }

    fn number(&mut self) -> Kind {
        let start = self.at;
        if self.peek(0) == b'0' && matches!(self.peek(1), b'x' | b'b') {
            let radix = self.peek(1);
            self.at += 2;
            let digits = self.at;
            self.skip_while(|byte| byte.is_ascii_hexdigit());
            let digits = self.text(digits);
            return Kind::Blob(if radix == b'x' {
                hex_bytes(&digits)
            } else {
                bit_bytes(&digits)
            });
        }
        self.skip_while(|byte| byte.is_ascii_digit());
        if self.peek(0) == b'.' {
            self.at += 1;
            self.skip_while(|byte| byte.is_ascii_digit());
        }
        let signed = usize::from(matches!(self.peek(1), b'+' | b'-'));
        if matches!(self.peek(0), b'e' | b'E') && self.peek(1 + signed).is_ascii_digit() {
            self.at += 1 + signed;
            self.skip_while(|byte| byte.is_ascii_digit());
        }
        Kind::Number(self.text(start))
    }

    fn variable(&mut self) -> Result<Kind, SqlError> {
        self.at += 1;
        if self.peek(0) == b'@' {
            self.at += 1;
            let name = self.variable_name()?.to_ascii_lowercase();
            let (scope, bare) = match name.split_once('.') {
                Some((scope @ ("global" | "session" | "local"), bare)) => (scope, bare),
                _ => ("session", name.as_str()),
            };
            return Ok(Kind::SystemVariable {
                global: scope == "global",
                name: bare.to_owned(),
            });
        }
        self.variable_name().map(Kind::UserVariable)
    }

    fn variable_name(&mut self) -> Result<String, SqlError> {
        let quote = self.peek(0);
        if matches!(quote, b'\'' | b'"' | b'`') {
            let name = self.string(quote)?;
            return Ok(String::from_utf8_lossy(&name).into_owned());
        }
        let start = self.at;
        self.skip_while(|byte| is_name_byte(byte) || byte == b'.' || byte == b'`');
        Ok(self.text(start).replace('`', ""))
    }

    /// A word, or a literal with an introducer (`x'..'`, `_utf8mb4'..'`, `_gbk X'..'`).
    fn word(&mut self) -> Result<Kind, SqlError> {
        let start = self.at;
        self.skip_while(is_name_byte);
        let word = self.text(start);
        let quote = self.peek(0);
        if word.starts_with('_')
            && let [b' ', b'x' | b'X', b'\'', ..] = self.rest()
        {
            self.at += 2;
            let bytes = hex_bytes(&String::from_utf8_lossy(&self.string(b'\'')?));
            return Ok(Kind::Text(bytes));
        }
        if !matches!(quote, b'\'' | b'"') {
            return Ok(Kind::Word(word));
        }
        match word.to_ascii_lowercase().as_str() {
            "x" => Ok(Kind::Blob(hex_bytes(&String::from_utf8_lossy(
                &self.string(quote)?,
            )))),
            "b" => Ok(Kind::Blob(bit_bytes(&String::from_utf8_lossy(
                &self.string(quote)?,
            )))),
            "_binary" => self.string(quote).map(Kind::Blob),
            "n" | "_utf8" | "_utf8mb4" | "_latin1" => self.string(quote).map(Kind::Text),
            _ => Ok(Kind::Word(word)),
        }
    }
}

fn push_escaped(value: &mut Vec<u8>, escaped: u8) {
    match escaped {
        b'0' => value.push(0),
        b'b' => value.push(8),
        b'n' => value.push(b'\n'),
        b'r' => value.push(b'\r'),
        b't' => value.push(b'\t'),
        b'Z' => value.push(26),
        b'%' | b'_' => value.extend([b'\\', escaped]),
        other => value.push(other),
    }
}

fn hex_bytes(digits: &str) -> Vec<u8> {
    let padded = if digits.len() % 2 == 1 {
        format!("0{digits}")
    } else {
        digits.to_owned()
    };
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    padded.as_bytes().chunks(2).filter_map(pair).collect()
}

fn bit_bytes(digits: &str) -> Vec<u8> {
    let value = u64::from_str_radix(digits, 2).unwrap_or(0);
    let length = digits.len().div_ceil(8).min(8);
    value.to_be_bytes().into_iter().skip(8 - length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(sql: &str) -> Vec<Kind> {
        lex(sql.as_bytes())
            .unwrap()
            .tokens
            .into_iter()
            .map(|token| token.kind)
            .collect()
    }

    #[test]
    fn literals_and_names_are_decoded() {
        assert_eq!(
            kinds("select `a``b`, 'it\\'s', \"x\"\"y\", 0x4142, x'00ff', _binary'\\0', 1.5e3"),
            vec![
                Kind::Word("select".to_owned()),
                Kind::Quoted("a`b".to_owned()),
                Kind::Symbol(","),
                Kind::Text(b"it's".to_vec()),
                Kind::Symbol(","),
                Kind::Text(b"x\"y".to_vec()),
                Kind::Symbol(","),
                Kind::Blob(b"AB".to_vec()),
                Kind::Symbol(","),
                Kind::Blob(vec![0, 255]),
                Kind::Symbol(","),
                Kind::Blob(vec![0]),
                Kind::Symbol(","),
                Kind::Number("1.5e3".to_owned()),
            ]
        );
    }

    #[test]
    fn comments_fall_away_and_hints_are_heard() {
        let lexed = lex(b"/*+READ_CONSISTENCY(WEAK)*/ select -- no\n 1 /*! + 1 */ # end").unwrap();
        assert!(lexed.weak_read);
        assert_eq!(lexed.tokens.len(), 4);
    }

    #[test]
    fn variables_know_their_scope() {
        assert_eq!(
            kinds("@@global.x @@y @z"),
            vec![
                Kind::SystemVariable {
                    global: true,
                    name: "x".to_owned()
                },
                Kind::SystemVariable {
                    global: false,
                    name: "y".to_owned()
                },
                Kind::UserVariable("z".to_owned()),
            ]
        );
    }

    #[test]
    fn a_string_without_an_end_is_a_syntax_error() {
        assert_eq!(lex(b"select 'x").unwrap_err().code, 1064);
    }
}
