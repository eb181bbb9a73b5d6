//! Features of a statement that tie it to one session or one server.

use core::ops::{BitOr, BitOrAssign};

/// A set of such features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uses(u16);

impl Uses {
    /// Nothing of note.
    pub const NONE: Self = Self(0);
    /// `FOUND_ROWS()`: wants the server of the previous SELECT.
    pub const FOUND_ROWS: Self = Self(1);
    /// `ROW_COUNT()`: wants the server of the previous statement.
    pub const ROW_COUNT: Self = Self(1 << 1);
    /// `LAST_INSERT_ID()`.
    pub const LAST_INSERT_ID: Self = Self(1 << 2);
    /// `CONNECTION_ID()`.
    pub const CONNECTION_ID: Self = Self(1 << 3);
    /// SHOW WARNINGS or SHOW ERRORS (also with COUNT(*)), GET DIAGNOSTICS: wants the server of the previous statement.
    pub const DIAGNOSTICS: Self = Self(1 << 4);
    /// `GET_LOCK()`, `RELEASE_LOCK()`, `RELEASE_ALL_LOCKS()`, `IS_FREE_LOCK()`, `IS_USED_LOCK()`.
    pub const USER_LOCK: Self = Self(1 << 5);
    /// CREATE or DROP TEMPORARY TABLE.
    pub const TEMPORARY_TABLE: Self = Self(1 << 6);
    /// `@a := …`, `SET @a = …`, `… INTO @a`.
    pub const USER_VARIABLE_ASSIGNMENT: Self = Self(1 << 7);
    /// `SHOW TRACE`: wants the server of the previous statement.
    pub const TRACE: Self = Self(1 << 8);
    /// `SHOW [FULL] PROCESSLIST`: its rows begin with ids of sessions.
    pub const PROCESSLIST: Self = Self(1 << 9);
    /// `SET ROLE`.
    pub const ROLE: Self = Self(1 << 10);
    /// `SET PASSWORD`.
    pub const PASSWORD: Self = Self(1 << 11);

    /// Whether every feature of `other` is in this set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any feature of `other` is in this set.
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether the set is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for Uses {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Uses {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}
