//! When a tie ends.

use super::*;
use odp_sql::Charset;

/// Runs statements that succeed, and tells which reasons are over, of those that there can be.
fn after(texts: &[&str]) -> Vec<PinReason> {
    let mut holdings = Holdings::default();
    let mut reasons = BTreeSet::new();
    for text in texts {
        let bytes = text.as_bytes();
        let outline = outline(bytes, Charset::Utf8);
        let effects = Effects::of(&outline, outline.uses());
        let dialect = Dialect::from(Charset::Utf8);
        let change = Change::read(bytes, dialect, &DatabaseName::new("test"));
        reasons.extend(effects.pins.iter().copied());
        for reason in &effects.pins {
            if !change.as_ref().is_some_and(|it| it.explains(*reason)) {
                holdings.lose_sight(*reason);
            }
        }
        if let Some(change) = change {
            holdings.note(change);
        }
    }
    let over = holdings.over();
    over.filter(|reason| reasons.contains(reason)).collect()
}

#[test]
fn whoever_holds_more_than_is_remembered_keeps_the_tie() {
    let mut holdings = Holdings::default();
    let name = |number: usize| number.to_string().into_bytes();
    for number in 0..=NAMES_MAX {
        holdings.note(Change::Prepared(name(number)));
    }
    for number in 0..=NAMES_MAX {
        holdings.note(Change::Deallocated(name(number)));
    }
    assert_eq!(holdings.over().count(), 0);
}

/// Statements, and the reasons that are over behind them.
const COURSES: &[(&[&str], &[PinReason])] = &[
    (&["PREPARE p FROM 'SELECT 1'"], &[]),
    (
        &["PREPARE p FROM 'SELECT 1'", "DEALLOCATE PREPARE p"],
        &[PinReason::TextPrepared],
    ),
    (
        &[
            "PREPARE p FROM 'SELECT 1'",
            "PREPARE q FROM 'SELECT 1'",
            "DROP PREPARE p",
        ],
        &[],
    ),
    // What it does when it runs stays behind.
    (
        &[
            "PREPARE p FROM 'CREATE TEMPORARY TABLE t (a INT)'",
            "DEALLOCATE PREPARE p",
        ],
        &[],
    ),
    (&["PREPARE p FROM @a", "DEALLOCATE PREPARE p"], &[]),
    (
        &["SELECT GET_LOCK('a', 1)", "SELECT RELEASE_LOCK('a')"],
        &[PinReason::Locks],
    ),
    (
        &[
            "SELECT GET_LOCK('a', 1)",
            "SELECT GET_LOCK('a', 1)",
            "DO RELEASE_LOCK('a')",
        ],
        &[],
    ),
    (
        &["SELECT GET_LOCK('a', 1)", "SELECT RELEASE_LOCK('A')"],
        &[],
    ),
    (
        &["SELECT GET_LOCK(v, 1) FROM t", "SELECT RELEASE_LOCK('a')"],
        &[],
    ),
    (
        &["SELECT GET_LOCK(v, 1) FROM t", "SELECT RELEASE_ALL_LOCKS()"],
        &[PinReason::Locks],
    ),
    (
        &[
            "LOCK TABLES a READ",
            "SELECT GET_LOCK('a', 1)",
            "SELECT RELEASE_ALL_LOCKS()",
        ],
        &[],
    ),
    (
        &["LOCK TABLES a READ", "UNLOCK TABLES"],
        &[PinReason::Locks],
    ),
    (
        &[
            "CREATE TEMPORARY TABLE t (a INT)",
            "DROP TEMPORARY TABLE test.t",
        ],
        &[PinReason::TemporaryTable],
    ),
    (
        &["CREATE TEMPORARY TABLE t (a INT)", "DROP TABLE other.t"],
        &[],
    ),
    (
        &[
            "CREATE TEMPORARY TABLE t (a INT)",
            "CREATE TEMPORARY TABLE u (a INT)",
            "DROP TABLE u",
        ],
        &[],
    ),
    (
        &[
            "PREPARE p FROM @a",
            "SELECT GET_LOCK('a', 1)",
            "SELECT RELEASE_LOCK('a')",
        ],
        &[],
    ),
];

#[test]
fn a_tie_ends_with_the_last_thing_that_is_held() {
    for (texts, over) in COURSES {
        assert_eq!(after(texts), *over, "{texts:?}");
    }
}
