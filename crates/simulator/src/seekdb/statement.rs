//! What a statement does that the cluster must know of: which partitions it touches, whether it defines.

use crate::catalogue::Catalogue;
use crate::lexer::{Token, lex};
use crate::placement::{Touch, touches};
use crate::session::{TenantSchema, bindings::Bindings};
use crate::translate::translate;

/// What a statement is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Purpose {
    /// It reads, perhaps with a hint that asks for a weak read.
    Read { weak: bool },
    /// It changes rows.
    Write,
    /// It changes the schema.
    Define,
    /// It keeps a session in step or looks at the server: none of a script's errors.
    Settle,
    /// Anything else.
    #[default]
    Other,
}

/// A statement as far as it was read.
#[derive(Debug, Default)]
pub(super) struct Statement {
    pub(super) touches: Vec<Touch>,
    pub(super) purpose: Purpose,
    /// The database that it makes current.
    pub(super) uses: Option<String>,
}

/// A prepared statement.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) statement: Statement,
    pub(super) bindings: Bindings,
}

const READING: [&str; 3] = ["select", "with", "("];
const WRITING: [&str; 4] = ["insert", "replace", "update", "delete"];
const DEFINING: [&str; 5] = ["create", "drop", "alter", "truncate", "rename"];
const SETTLING: [&str; 3] = ["set", "use", "show"];

/// Reads the statements of a text; what cannot be read, the engine will judge.
pub(super) fn statements(
    sql: &[u8],
    database: &str,
    catalogue: &Catalogue,
    tenant: &str,
) -> Vec<Statement> {
    let Ok(lexed) = lex(sql) else {
        return vec![Statement::default()];
    };
    let parts = lexed.tokens.split(|token| token.is_symbol(";"));
    let mut database = database.to_owned();
    let mut statements = Vec::new();
    for tokens in parts.filter(|part| !part.is_empty()) {
        let mut statement = Statement::read(sql, tokens, &database, catalogue, tenant);
        if let Purpose::Read { weak } = &mut statement.purpose {
            *weak = lexed.weak_read;
        }
        if let Some(name) = &statement.uses {
            database.clone_from(name);
        }
        statements.push(statement);
    }
    statements
}

impl Statement {
    fn read(
        sql: &[u8],
        tokens: &[Token],
        database: &str,
        catalogue: &Catalogue,
        tenant: &str,
    ) -> Self {
        let first = tokens.first();
        let begins = |words: &[&str]| {
            let is = |word: &&str| {
                first.is_some_and(|token| token.is_word(word) || token.is_symbol(word))
            };
            words.iter().any(is)
        };
        let purpose = match () {
            () if begins(&READING) => Purpose::Read { weak: false },
            () if begins(&WRITING) => Purpose::Write,
            () if begins(&DEFINING) => Purpose::Define,
            () if begins(&SETTLING) => Purpose::Settle,
            () => Purpose::Other,
        };
        let touches = match purpose {
            Purpose::Read { .. } | Purpose::Write => {
                let schema = TenantSchema { catalogue, tenant };
                let translated = translate(sql, tokens, database, &schema).ok();
                translated.map(|translated| touches(sql, tokens, &translated.tables))
            }
            Purpose::Define | Purpose::Settle | Purpose::Other => None,
        };
        let second = tokens.get(1).and_then(Token::name);
        Self {
            touches: touches.unwrap_or_default(),
            purpose,
            uses: second
                .filter(|_| begins(&["use"]))
                .map(str::to_ascii_lowercase),
        }
    }
}
