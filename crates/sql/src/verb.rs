//! What a statement does, by its first keywords.

/// The statement's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// SELECT, also WITH … SELECT, TABLE t and VALUES ROW(…).
    Select,
    /// INSERT.
    Insert,
    /// REPLACE.
    Replace,
    /// UPDATE.
    Update,
    /// DELETE.
    Delete,
    /// MERGE (Oracle mode).
    Merge,
    /// `LOAD DATA [LOCAL] INFILE`.
    LoadData,
    /// CALL.
    Call,
    /// BEGIN, START TRANSACTION.
    Begin,
    /// COMMIT.
    Commit,
    /// ROLLBACK without TO.
    Rollback,
    /// SAVEPOINT, RELEASE SAVEPOINT, ROLLBACK TO.
    Savepoint,
    /// SET of variables, NAMES, CHARACTER SET, PASSWORD, ROLE.
    Set,
    /// `SET [GLOBAL|SESSION] TRANSACTION`.
    SetTransaction,
    /// USE.
    Use,
    /// SHOW.
    Show,
    /// DESC, DESCRIBE, EXPLAIN of a table.
    Describe,
    /// EXPLAIN of something that is not a statement known here.
    Explain,
    /// KILL.
    Kill,
    /// PREPARE name FROM.
    Prepare,
    /// EXECUTE name.
    Execute,
    /// DEALLOCATE or DROP PREPARE name.
    Deallocate,
    /// LOCK TABLES.
    LockTables,
    /// UNLOCK TABLES.
    UnlockTables,
    /// XA.
    Xa,
    /// CREATE, ALTER, DROP, TRUNCATE, RENAME and the other changes of schema.
    Ddl,
    /// GRANT, REVOKE.
    Grant,
    /// ANALYZE, OPTIMIZE, CHECK, REPAIR, CHECKSUM TABLE.
    Maintain,
    /// HELP.
    Help,
    /// Anything else.
    Other,
    /// Nothing but blanks and comments.
    Empty,
}

/// The groups that routing policies tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Reads data.
    Read,
    /// Changes data.
    Write,
    /// Changes the schema or privileges.
    Ddl,
    /// Starts, ends or marks a transaction.
    TransactionControl,
    /// Changes the state of the session.
    SessionState,
    /// Anything else.
    Other,
}

impl Verb {
    /// The group of this verb. CALL counts as a write: what the routine does is not known.
    #[must_use]
    pub const fn class(self) -> Class {
        match self {
            Self::Select | Self::Show | Self::Describe | Self::Explain | Self::Help => Class::Read,
            Self::Insert
            | Self::Replace
            | Self::Update
            | Self::Delete
            | Self::Merge
            | Self::LoadData
            | Self::Call => Class::Write,
            Self::Ddl | Self::Grant | Self::Maintain => Class::Ddl,
            Self::Begin | Self::Commit | Self::Rollback | Self::Savepoint | Self::Xa => {
                Class::TransactionControl
            }
            Self::Set
            | Self::SetTransaction
            | Self::Use
            | Self::Prepare
            | Self::Execute
            | Self::Deallocate
            | Self::LockTables
            | Self::UnlockTables => Class::SessionState,
            Self::Kill | Self::Other | Self::Empty => Class::Other,
        }
    }
}
