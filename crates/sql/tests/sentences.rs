//! Statements as users write them, and what must be read from them.

mod written;

use odp_sql::{Charset, Class, CongestionScope, Consistency, Kill, KillScope, Uses, Verb, outline};
use written::{conditions, table};

fn verb(text: &str) -> Verb {
    outline(text.as_bytes(), Charset::Utf8).verb()
}

#[test]
fn the_verb_is_read_behind_comments_parentheses_and_explain() {
    let cases = [
        ("", Verb::Empty),
        (" ; -- nothing\n # nothing\n /* nothing */", Verb::Empty),
        ("select 1", Verb::Select),
        ("/* trace_id=1 */ SeLeCt 1", Verb::Select),
        ("/*!40101 SET NAMES utf8 */", Verb::Set),
        ("((SELECT 1) UNION (SELECT 2))", Verb::Select),
        ("WITH a AS (SELECT 1) SELECT * FROM a", Verb::Select),
        (
            "with a as (select 1) delete from t where k in (select * from a)",
            Verb::Delete,
        ),
        ("TABLE t", Verb::Select),
        ("VALUES ROW(1)", Verb::Select),
        ("INSERT INTO t VALUES (1)", Verb::Insert),
        ("REPLACE t VALUES (1)", Verb::Replace),
        ("UPDATE t SET a = 1", Verb::Update),
        ("DELETE FROM t", Verb::Delete),
        (
            "MERGE INTO t USING u ON (t.a = u.a) WHEN MATCHED THEN UPDATE SET b = 1",
            Verb::Merge,
        ),
        ("LOAD DATA LOCAL INFILE 'f' INTO TABLE t", Verb::LoadData),
        ("CALL p(1)", Verb::Call),
        ("BEGIN", Verb::Begin),
        ("BEGIN WORK;", Verb::Begin),
        ("START TRANSACTION READ ONLY", Verb::Begin),
        ("START SLAVE", Verb::Other),
        ("COMMIT", Verb::Commit),
        ("ROLLBACK WORK", Verb::Rollback),
        ("ROLLBACK TO SAVEPOINT a", Verb::Savepoint),
        ("RELEASE SAVEPOINT a", Verb::Savepoint),
        ("SET @a = 1", Verb::Set),
        (
            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
            Verb::SetTransaction,
        ),
        ("SET session transaction_isolation = 'x'", Verb::Set),
        ("USE d", Verb::Use),
        ("SHOW TABLES", Verb::Show),
        ("DESC t", Verb::Describe),
        ("EXPLAIN d.t c", Verb::Describe),
        ("EXPLAIN SELECT 1", Verb::Select),
        (
            "EXPLAIN EXTENDED_NOADDR FORMAT = json UPDATE t SET a = 1",
            Verb::Update,
        ),
        ("EXPLAIN FOR CONNECTION 5", Verb::Explain),
        ("KILL 5", Verb::Kill),
        ("PREPARE s FROM 'select 1'", Verb::Prepare),
        ("EXECUTE s USING @a", Verb::Execute),
        ("DEALLOCATE PREPARE s", Verb::Deallocate),
        ("DROP PREPARE s", Verb::Deallocate),
        ("LOCK TABLES t READ", Verb::LockTables),
        ("UNLOCK TABLES", Verb::UnlockTables),
        ("XA START 'a'", Verb::Xa),
        ("CREATE TABLE t (a int)", Verb::Ddl),
        ("GRANT ALL ON *.* TO u", Verb::Grant),
        ("ANALYZE TABLE t", Verb::Maintain),
        ("HELP 'x'", Verb::Help),
        ("DO 1", Verb::Other),
        ("?", Verb::Other),
    ];
    for (text, expected) in cases {
        assert_eq!(verb(text), expected, "{text}");
    }
}

#[test]
fn show_proxycongestion_says_which_servers_of_which_cluster() {
    use CongestionScope::{All, Listed};
    let cases = [
        ("SHOW PROXYCONGESTION", Some((Listed, None))),
        ("show  proxycongestion ;;", Some((Listed, None))),
        ("SHOW PROXYCONGESTION ALL", Some((All, None))),
        ("SHOW PROXYCONGESTION all 'obc'", Some((All, Some("obc")))),
        ("SHOW PROXYCONGESTION 'obc';", Some((Listed, Some("obc")))),
        ("SHOW PROXYCONGESTION \"o'c\"", Some((Listed, Some("o'c")))),
        ("SHOW PROXYCONGESTION 'o''c'", Some((Listed, Some("o'c")))),
        ("SHOW PROXYCONGESTION `all`", Some((Listed, Some("all")))),
        (
            "/* x */ show proxycongestion obc",
            Some((Listed, Some("obc"))),
        ),
        ("SHOW PROXYCONGESTION ''", Some((Listed, Some("")))),
        ("SHOW PROXYCONGESTION ALL ALL", Some((All, Some("ALL")))),
        ("SHOW PROXYCONGESTION a b", None),
        ("SHOW PROXYCONGESTION 5", None),
        ("SHOW PROXYCONGESTION; SELECT 1", None),
        ("SHOW PROXYCONGESTION 'obc", None),
        ("SHOW PROXYCONGESTIONS", None),
        ("SHOW TABLES", None),
        ("SELECT 1", None),
    ];
    for (text, expected) in cases {
        let found = outline(text.as_bytes(), Charset::Utf8).congestion();
        let found = found.map(|it| {
            let cluster = it.cluster.map(|name| name.decoded().collect::<Vec<u8>>());
            (it.scope, cluster)
        });
        let expected =
            expected.map(|(scope, cluster)| (scope, cluster.map(|it| it.as_bytes().to_vec())));
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn a_kill_by_number_says_what_it_ends() {
    let kill = |text: &'static str| outline(text.as_bytes(), Charset::Utf8).kill();
    let of = |scope, id| Some(Kill { scope, id });
    let cases = [
        ("KILL 5", of(KillScope::Connection, 5)),
        (
            "kill connection 4294967295 ;",
            of(KillScope::Connection, u32::MAX),
        ),
        (
            "/* why */ KILL /* what */ Query 77",
            of(KillScope::Query, 77),
        ),
        ("KILL 4294967296", None),
        ("KILL -5", None),
        ("KILL 5.0", None),
        ("KILL CONNECTION_ID()", None),
        ("KILL @id", None),
        ("KILL USER 'app'", None),
        ("KILL 5 6", None),
        ("KILL 5; SELECT 1", None),
        ("KILL", None),
        ("SELECT 5", None),
    ];
    for (text, expected) in cases {
        assert_eq!(kill(text), expected, "{text}");
    }
}

#[test]
fn each_verb_has_its_class() {
    let cases = [
        ("SELECT 1", Class::Read),
        ("REPLACE INTO t VALUES (1)", Class::Write),
        ("TRUNCATE t", Class::Ddl),
        ("COMMIT", Class::TransactionControl),
        ("SET NAMES gbk", Class::SessionState),
        ("KILL 1", Class::Other),
    ];
    for (text, expected) in cases {
        assert_eq!(verb(text).class(), expected, "{text}");
    }
}

#[test]
fn the_first_table_of_the_outer_block_is_found() {
    let cases = [
        ("SELECT 1", ""),
        ("SELECT 1 FROM DUAL WHERE 1 = 1", ""),
        ("SELECT 1 FROM `dual`", "dual"),
        ("SELECT * FROM t", "t"),
        ("SELECT*FROM`t`WHERE`k`=1", "t"),
        ("SELECT * FROM d.t AS x WHERE x.k = 1", "d.t as x"),
        ("SELECT * FROM `d`.`t` x, u", "d.t as x"),
        ("SELECT * FROM t x JOIN u ON 1", "t as x"),
        ("SELECT * FROM t JOIN u", "t"),
        ("SELECT * FROM t@link x", "t as x"),
        ("SELECT * FROM `a``b`", "a`b"),
        ("SELECT * FROM 1st", "1st"),
        ("SELECT EXTRACT(YEAR FROM d) FROM t", "t"),
        ("SELECT (SELECT max(a) FROM u) FROM t", "t"),
        ("SELECT 'FROM u' /* FROM v */ FROM t -- FROM w", "t"),
        (
            "SELECT * FROM (SELECT * FROM t WHERE k = 1) x WHERE c = 2",
            "t",
        ),
        ("SELECT * FROM ((t JOIN u))", "t"),
        ("(SELECT * FROM t) UNION (SELECT * FROM u)", "t"),
        ("SELECT 1 UNION SELECT * FROM u", "u"),
        ("WITH c AS (SELECT * FROM u) SELECT * FROM t, c", "t"),
        ("WITH c AS (SELECT * FROM u) SELECT * FROM c", "u"),
        (
            "WITH c (x) AS (SELECT 1 FROM u), e AS (SELECT * FROM c) SELECT * FROM e",
            "u",
        ),
        (
            "WITH RECURSIVE c AS (SELECT 1 FROM u UNION ALL SELECT * FROM c) SELECT * FROM c",
            "u",
        ),
        (
            "SELECT * FROM JSON_TABLE('[]', '$[*]' COLUMNS(a INT PATH '$')) j",
            "",
        ),
        ("TABLE d.t", "d.t"),
        ("EXPLAIN DELETE FROM t", "t"),
        ("SET @a = (SELECT 1 FROM t)", ""),
        ("CALL d.p(1)", ""),
    ];
    for (text, expected) in cases {
        assert_eq!(table(text), expected, "{text}");
    }
}

#[test]
fn the_table_that_is_changed_is_found() {
    let cases = [
        ("INSERT INTO t VALUES (1)", "t"),
        ("INSERT t SET a = 1", "t"),
        (
            "INSERT /*+ x */ IGNORE INTO d.t (a, b) SELECT * FROM u",
            "d.t",
        ),
        ("REPLACE LOW_PRIORITY INTO t (a) VALUES (1)", "t"),
        (
            "UPDATE LOW_PRIORITY IGNORE t x SET a = 1 WHERE k = 1",
            "t as x",
        ),
        ("UPDATE t, u SET t.a = u.a", "t"),
        ("DELETE FROM t WHERE k = 1", "t"),
        ("DELETE t WHERE k = 1", "t"),
        ("DELETE QUICK FROM t PARTITION (p0) LIMIT 1", "t"),
        (
            "DELETE x FROM t x JOIN u y ON x.a = y.a WHERE y.b = 1",
            "t as x",
        ),
        ("DELETE x, y FROM t x JOIN u y", "t as x"),
        (
            "DELETE FROM x.*, y USING t AS x JOIN u AS y WHERE x.a = y.a",
            "t as x",
        ),
        (
            "LOAD DATA INFILE 'f' REPLACE INTO TABLE d.t FIELDS TERMINATED BY ','",
            "d.t",
        ),
        ("MERGE INTO t x USING u ON (x.a = u.a)", "t as x"),
        ("TRUNCATE t", "t"),
        ("TRUNCATE TABLE d.t", "d.t"),
        ("CREATE TABLE IF NOT EXISTS t (a int)", "t"),
        ("CREATE TEMPORARY TABLE t (a int)", "t"),
        ("CREATE UNIQUE INDEX i ON t (a)", "t"),
        ("DROP TABLE IF EXISTS t, u", "t"),
        ("ALTER TABLE d.t ADD COLUMN a int", "d.t"),
        ("DROP DATABASE t", ""),
        ("ANALYZE TABLE t", "t"),
        ("LOCK TABLES t READ", "t"),
        ("DESC d.t", "d.t"),
    ];
    for (text, expected) in cases {
        assert_eq!(table(text), expected, "{text}");
    }
}

#[test]
fn a_single_partition_name_is_kept() {
    let cases = [
        ("SELECT * FROM t PARTITION (p0) x WHERE k = 1", Some("p0")),
        ("SELECT * FROM t SUBPARTITION (`p0`)", Some("p0")),
        ("SELECT * FROM t PARTITION (p0, p1)", None),
        ("INSERT INTO t PARTITION (p1) (a) VALUES (1)", Some("p1")),
        ("UPDATE t PARTITION(p2) SET a = 1", Some("p2")),
        ("DELETE FROM t PARTITION (p3)", Some("p3")),
    ];
    for (text, expected) in cases {
        let found = outline(text.as_bytes(), Charset::Utf8).partition();
        assert_eq!(found.is_some(), expected.is_some(), "{text}");
        assert!(
            found.is_none_or(|name| name.eq_ignore_case(expected.unwrap())),
            "{text}"
        );
    }
}

#[test]
fn hints_behind_the_verb_are_read() {
    let cases = [
        (
            "SELECT /*+ READ_CONSISTENCY(WEAK) */ 1",
            Some(Consistency::Weak),
            None,
        ),
        (
            "SELECT/*+index(t i) read_consistency( frozen ),query_timeout(500)*/1",
            Some(Consistency::Weak),
            Some(500),
        ),
        (
            "UPDATE /*+ READ_CONSISTENCY(STRONG) */ t SET a = 1",
            Some(Consistency::Strong),
            None,
        ),
        ("EXPLAIN SELECT /*+ QUERY_TIMEOUT(7) */ 1", None, Some(7)),
        ("SELECT /* READ_CONSISTENCY(WEAK) */ 1", None, None),
        ("SELECT 1 /*+ READ_CONSISTENCY(WEAK) */", None, None),
        (
            "SELECT /*+ READ_CONSISTENCY(WEAK",
            Some(Consistency::Weak),
            None,
        ),
        (
            "SELECT /*+ QUERY_TIMEOUT(99999999999999999999) */ 1",
            None,
            None,
        ),
    ];
    for (text, consistency, timeout) in cases {
        let found = outline(text.as_bytes(), Charset::Utf8);
        assert_eq!(found.consistency_hint(), consistency, "{text}");
        assert_eq!(found.query_timeout_us(), timeout, "{text}");
    }
}

#[test]
fn row_locks_are_noticed_in_every_form() {
    let locking = [
        "FOR UPDATE",
        "for update nowait",
        "FOR UPDATE WAIT 3",
        "FOR UPDATE SKIP LOCKED",
        "FOR SHARE",
        "LOCK IN SHARE MODE",
    ];
    for clause in locking {
        let text = format!("SELECT * FROM t WHERE k = 1 {clause}");
        assert!(
            outline(text.as_bytes(), Charset::Utf8).is_for_update(),
            "{text}"
        );
        assert_eq!(conditions(&text), "k=1", "{text}");
    }
    for text in [
        "SELECT 'FOR UPDATE'",
        "SELECT * FROM t FORCE INDEX FOR JOIN (i)",
        "SELECT substring(a FROM 1 FOR 2)",
    ] {
        assert!(
            !outline(text.as_bytes(), Charset::Utf8).is_for_update(),
            "{text}"
        );
    }
}

#[test]
fn features_tied_to_a_session_are_noticed() {
    let cases = [
        ("SELECT found_rows()", Uses::FOUND_ROWS),
        ("SELECT ROW_COUNT ( )", Uses::ROW_COUNT),
        (
            "SELECT * FROM t WHERE k = LAST_INSERT_ID()",
            Uses::LAST_INSERT_ID,
        ),
        (
            "INSERT INTO t VALUES (1, 'a_c'), (LAST_INSERT_ID(), 'x')",
            Uses::LAST_INSERT_ID,
        ),
        ("SELECT CONNECTION_ID()", Uses::CONNECTION_ID),
        ("SHOW COUNT(*) WARNINGS", Uses::DIAGNOSTICS),
        ("SHOW ERRORS LIMIT 1", Uses::DIAGNOSTICS),
        ("SHOW TRACE", Uses::TRACE),
        ("SHOW PROCESSLIST", Uses::PROCESSLIST),
        ("show full processlist", Uses::PROCESSLIST),
        ("SET ROLE r", Uses::ROLE),
        ("set role none", Uses::ROLE),
        ("SET role = 1", Uses::NONE),
        ("SET DEFAULT ROLE r TO u", Uses::NONE),
        ("SET PASSWORD FOR u = PASSWORD('x')", Uses::PASSWORD),
        ("set password = 'x'", Uses::PASSWORD),
        ("SELECT GET_LOCK('a', 1)", Uses::USER_LOCK),
        ("SELECT RELEASE_ALL_LOCKS()", Uses::USER_LOCK),
        ("CREATE TEMPORARY TABLE t (a int)", Uses::TEMPORARY_TABLE),
        ("SELECT @a := 1", Uses::USER_VARIABLE_ASSIGNMENT),
        ("SET autocommit = 1, @a = 1", Uses::USER_VARIABLE_ASSIGNMENT),
        ("SELECT a INTO @x FROM t", Uses::USER_VARIABLE_ASSIGNMENT),
        ("SELECT found_rows, 'ROW_COUNT()' FROM t", Uses::NONE),
        ("INSERT INTO t VALUES ('a_c:=')", Uses::NONE),
        ("SELECT @a", Uses::NONE),
    ];
    for (text, expected) in cases {
        assert_eq!(
            outline(text.as_bytes(), Charset::Utf8).uses(),
            expected,
            "{text}"
        );
    }
}

#[test]
fn the_first_statement_ends_at_its_semicolon() {
    let cases = [
        ("SELECT 1", 8, false),
        ("SELECT 1;", 8, false),
        ("SELECT 1; -- end", 8, false),
        ("SELECT 1; ;", 8, false),
        ("SELECT ';';", 10, false),
        ("SELECT 1; SELECT 2", 8, true),
        ("INSERT INTO t VALUES (';'); COMMIT", 26, true),
        ("INSERT INTO t VALUES (';')", 26, false),
        ("BEGIN; SELECT 1", 5, true),
        ("CREATE PROCEDURE p() BEGIN SELECT 1; END", 40, false),
        ("BEGIN NULL; END;", 16, false),
    ];
    for (text, length, is_multi) in cases {
        let found = outline(text.as_bytes(), Charset::Utf8);
        assert_eq!(found.first_length(), length, "{text}");
        assert_eq!(found.is_multi_statement(), is_multi, "{text}");
    }
}
