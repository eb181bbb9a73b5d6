//! Keywords as integers, so that a word is compared once and not letter by letter.

/// A word of at most 16 bytes with its ASCII letters in lower case, packed into an integer; longer
/// words and words with bytes outside ASCII letters, digits, `_` and `$` equal no constant here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key(u128);

impl Key {
    /// The key of `word`.
    pub(crate) fn of(word: &[u8]) -> Self {
        let mut packed = [0; 16];
        let Some(front) = packed.get_mut(..word.len()) else {
            return Self(0);
        };
        front.copy_from_slice(word);
        Self::fold(packed)
    }

    const fn of_constant(word: &str) -> Self {
        let mut packed = [0; 16];
        // The one copy that a constant function can make without an index.
        let (mut source, mut target) = (word.as_bytes(), packed.as_mut_slice());
        while let ([byte, rest @ ..], [place, places @ ..]) = (source, target) {
            *place = *byte;
            source = rest;
            target = places;
        }
        assert!(source.is_empty(), "a keyword has at most 16 letters");
        Self::fold(packed)
    }

    /// Sets the bit that tells lower from upper case in every byte: of the bytes that words are made of, only
    /// letters change places under it (`_` becomes 0x7F, which no word holds).
    const fn fold(packed: [u8; 16]) -> Self {
        Self(u128::from_le_bytes(packed) | u128::from_le_bytes([0x20; 16]))
    }
}

macro_rules! keywords {
    ($($name:ident)*) => {
        $(pub(crate) const $name: Key = Key::of_constant(stringify!($name));)*
    };
}

keywords! {
    ALTER ANALYZE AND AS AUDIT BASIC BEGIN BETWEEN CALL CASE CHECK CHECKSUM COMMENT COMMIT CONNECT
    CONNECTION_ID COUNT CREATE CROSS DATABASE DATE DEALLOCATE DEFAULT DELAYED DELETE DESC DESCRIBE
    DIAGNOSTICS DROP DUAL END ERRORS EVENT EXCEPT EXECUTE EXISTS EXPLAIN EXTENDED EXTENDED_NOADDR
    FALSE FETCH FLASHBACK FOR FORCE FORMAT FOUND_ROWS FROM FROZEN FULL FUNCTION GET GET_LOCK GLOBAL
    GRANT GROUP HAVING HELP HIGH_PRIORITY IF IGNORE IN INDEX INNER INSERT INTERSECT INTO IS
    IS_FREE_LOCK IS_USED_LOCK JOIN KILL LAST_INSERT_ID LATERAL LEFT LIMIT LOAD LOCAL LOCK
    LOW_PRIORITY MERGE MINUS NATURAL NOAUDIT NOT NULL OF ON OPTIMIZE OR ORDER OUTLINE OVERWRITE
    PACKAGE PARTITION PARTITIONS PLANREGRESS PREPARE PROCEDURE PURGE QUERY_TIMEOUT QUICK
    READ_CONSISTENCY RECURSIVE RELEASE RELEASE_LOCK RENAME REPAIR REPLACE RETURNING REVOKE RIGHT
    ROLLBACK ROUTE ROW ROW_COUNT SAVEPOINT SCHEMA SELECT SESSION SET SHARE SHOW START STRAIGHT_JOIN
    STRONG SUBPARTITION SYSTEM TABLE TABLES TEMPORARY TIME TIMESTAMP TO TRACE TRANSACTION TRIGGER
    TRUE TRUNCATE TYPE UNION UNLOCK UPDATE USE USER USING VALUE VALUES VIEW WARNINGS WEAK WHERE
    WINDOW WITH WORK XA XOR
}

/// `RELEASE_ALL_LOCKS` has a letter too many for a [`Key`].
pub(crate) const RELEASE_ALL_LOCKS: &[u8] = b"RELEASE_ALL_LOCKS";
