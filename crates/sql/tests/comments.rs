//! Comments at every place where they can hide something, and what looks like one.

mod written;

#[test]
fn comments_are_read_as_a_live_engine_reads_them() {
    for (text, expected) in [
        ("SELECT * FROM t WHERE k = /*!500005 */", "k=5"),
        ("SELECT * FROM t WHERE k = /*!5 */", "k=5"),
        ("SELECT * FROM t WHERE k = /*!99999 5 */", "k=5"),
        ("SELECT * FROM t WHERE k = /*! /* x */ 5 */", "k=5"),
        ("SELECT * FROM t WHERE k = 5 /* /* */", "k=5"),
        ("SELECT * FROM t WHERE k = 5 /*/ OR 1 */", "k=5"),
        (
            "SELECT * FROM t WHERE k = 5--1",
            "k=[Subtract 5 [Negate 1]]",
        ),
        ("SELECT * FROM t WHERE k = 5#OR 1", "k=5"),
        ("SELECT * FROM t WHERE k = 5 -- OR 1", "k=5"),
        ("SELECT * FROM t WHERE k = 5 /*+ OR 1 */", "k=5"),
        ("SELECT * FROM t WHERE k = '/*' /* ' */", "k='/*'"),
        ("SELECT * FROM t WHERE/**/k/**/=/**/5/**/", "k=5"),
        ("SELECT * FROM t WHERE k = 5 \0", "k=5"),
        ("SELECT * FROM t WHERE k = 5\u{a0}", "k=5\u{a0}"),
        ("SELECT * FROM t WHERE k = 5\u{a0}OR 1", "?"),
        ("SELECT * FROM t WHERE k = 'a' 'b'", "?"),
        ("SELECT * FROM t WHERE k = 'a", "?"),
    ] {
        assert_eq!(written::conditions(text), expected, "{text:?}");
    }
}
