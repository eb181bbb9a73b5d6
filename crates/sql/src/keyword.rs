//! Keywords as small integers, so that a word is looked up once and compared as a byte.

/// The place of a word in the table of keywords; words that are none share [`Key::NONE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key(u8);

impl Key {
    pub(crate) const NONE: Self = Self(u8::MAX);

    /// The key of the word of `length` bytes that `ahead` begins with.
    pub(crate) fn of(ahead: &[u8; LONGEST], length: usize) -> Self {
        Self::packed(u128::from_le_bytes(*ahead), length)
    }

    /// The key of `word`, which ends at `end`, wherever that is in `text`.
    pub(crate) fn of_last(text: &[u8], end: usize, word: &[u8]) -> Self {
        let length = word.len();
        if length <= SHORT {
            let pack = |packed: u32, byte: &u8| (packed << 8) | u32::from(*byte);
            return Self::packed(word.iter().rev().fold(0, pack).into(), length);
        }
        let start = end.saturating_sub(length);
        let (before, ahead) = text.split_at_checked(start).unwrap_or_default();
        let packed = match (ahead.first_chunk(), text.last_chunk::<LONGEST>()) {
            (Some(window), _) => u128::from_le_bytes(*window),
            (None, Some(window)) => {
                u128::from_le_bytes(*window) >> (8 * (before.len() + LONGEST - text.len()))
            }
            (None, None) => {
                let word = ahead.iter().take(length).rev();
                word.fold(0, |packed, byte| (packed << 8) | u128::from(*byte))
            }
        };
        Self::packed(packed, length)
    }

    /// The key of a word whose first byte is in the lowest place; what is above its length does not count.
    fn packed(bytes: u128, length: usize) -> Self {
        if !(SHORTEST..=LONGEST).contains(&length) {
            return Self::NONE;
        }
        let folded = fold(bytes & MASKS.get(length).copied().unwrap_or(0));
        let index = SLOTS.get(slot(folded)).copied().unwrap_or(u8::MAX);
        match FOLDED.get(usize::from(index)) {
            Some(keyword) if *keyword == folded => Self(index),
            _ => Self::NONE,
        }
    }

    /// The key of a keyword in this file.
    const fn named(name: &str) -> Self {
        let folded = fold_name(name);
        let mut index = 0;
        let mut rest: &[u128] = &FOLDED;
        while let [keyword, others @ ..] = rest {
            if *keyword == folded {
                return Self(index);
            }
            rest = others;
            index += 1;
        }
        Self::NONE
    }
}

/// The shortest word that is looked up, in bytes: columns often have one letter.
const SHORTEST: usize = 2;
/// A word of so many bytes is packed byte by byte.
const SHORT: usize = 4;
/// The longest word that is looked up, in bytes.
const LONGEST: usize = 16;

/// Keeps so many bytes of a packed word.
const MASKS: [u128; LONGEST + 1] = {
    let mut masks = [0; LONGEST + 1];
    let mut places = masks.as_mut_slice();
    let mut mask: u128 = 0;
    while let [place, rest @ ..] = places {
        *place = mask;
        mask = (mask << 8) | 0xFF;
        places = rest;
    }
    masks
};

/// Sets the bit that tells lower from upper case in every byte: of the bytes that words are made of, only
/// letters change places under it (`_` becomes 0x7F, which no word holds).
const fn fold(packed: u128) -> u128 {
    packed | u128::from_le_bytes([0x20; LONGEST])
}

const fn fold_name(name: &str) -> u128 {
    let mut packed = 0;
    let mut rest = name.as_bytes();
    while let [others @ .., byte] = rest {
        packed = (packed << 8) | (*byte as u128);
        rest = others;
    }
    assert!(name.len() <= LONGEST, "a keyword has at most 16 letters");
    fold(packed)
}

/// The only place where a word can be.
#[expect(clippy::cast_possible_truncation, reason = "a hash is made of parts")]
const fn slot(folded: u128) -> usize {
    let mixed = ((folded as u64) ^ ((folded >> 64) as u64).rotate_left(29)).wrapping_mul(MIX);
    (mixed >> (u64::BITS - SLOT_COUNT.ilog2())) as usize
}

/// Found by trying: gives every keyword a slot of its own. A keyword that is added may need another one.
const MIX: u64 = 0x2778_479c_984e_4ee7;

const SLOT_COUNT: usize = 2048;

/// Places in [`FOLDED`] by slot.
const SLOTS: [u8; SLOT_COUNT] = {
    let mut slots = [u8::MAX; SLOT_COUNT];
    let mut index = 0;
    let mut rest: &[u128] = &FOLDED;
    while let [keyword, others @ ..] = rest {
        let (_, tail) = slots.split_at_mut(slot(*keyword));
        if let [place, ..] = tail {
            assert!(
                *place == u8::MAX,
                "two keywords in one slot: try another MIX"
            );
            *place = index;
        }
        rest = others;
        index += 1;
    }
    slots
};

macro_rules! keywords {
    ($($name:ident)*) => {
        const FOLDED: [u128; [$(stringify!($name)),*].len()] = [$(fold_name(stringify!($name))),*];
        $(pub(crate) const $name: Key = Key::named(stringify!($name));)*
    };
}

keywords! {
    ALTER ANALYZE AND AS AUDIT BASIC BEGIN BETWEEN CALL CASE CHARACTER CHARSET CHECK CHECKSUM
    COLLATE COMMENT COMMIT CONNECT CONNECTION_ID COUNT CREATE CROSS DATABASE DATE DEALLOCATE DEFAULT
    DELAYED DELETE DESC DESCRIBE DIAGNOSTICS DROP DUAL END ERRORS EVENT EXCEPT EXECUTE EXISTS
    EXPLAIN EXTENDED EXTENDED_NOADDR FALSE FETCH FLASHBACK FOR FORCE FORMAT FOUND_ROWS FROM FROZEN
    FULL FUNCTION GET GET_LOCK GLOBAL GRANT GROUP HAVING HELP HIGH_PRIORITY IF IGNORE IN INDEX INNER
    INSERT INTERSECT INTO IS IS_FREE_LOCK IS_USED_LOCK JOIN KILL LAST_INSERT_ID LATERAL LEFT LIMIT
    LOAD LOCAL LOCK LOW_PRIORITY MERGE MINUS NAMES NATURAL NOAUDIT NOT NULL OF ON OPTIMIZE OR ORDER
    OUTLINE OVERWRITE PACKAGE PARTITION PARTITIONS PERSIST PLANREGRESS PREPARE PROCEDURE PURGE
    QUERY_TIMEOUT QUICK READ_CONSISTENCY RECURSIVE RELEASE RELEASE_LOCK RENAME REPAIR REPLACE
    RETURNING REVOKE RIGHT ROLLBACK ROUTE ROW ROW_COUNT SAVEPOINT SCHEMA SELECT SESSION SET SHARE
    SHOW START STRAIGHT_JOIN STRONG SUBPARTITION SYSTEM TABLE TABLES TEMPORARY TIME TIMESTAMP TO
    TRACE TRANSACTION TRIGGER TRUE TRUNCATE TYPE UNION UNLOCK UPDATE USE USER USING VALUE VALUES
    VIEW WARNINGS WEAK WHERE WINDOW WITH WORK XA XOR
}

/// `RELEASE_ALL_LOCKS` has a letter too many for the table.
pub(crate) const RELEASE_ALL_LOCKS: &[u8] = b"RELEASE_ALL_LOCKS";
