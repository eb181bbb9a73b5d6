//! Statements as text.

use super::{Dialect, Script, Step};
use std::fmt::Write as _;

impl Script {
    /// Looks at something that must have followed the client, on some table's server.
    pub(super) fn observe(&mut self) -> Step {
        let mut sql = "SELECT ".to_owned();
        for number in 0..=self.random.below(3) {
            let expression = self.random.pick(&OBSERVED);
            // Writing to a string cannot fail.
            write!(sql, "{}{expression} AS c{number}", separator(number)).ok();
        }
        if self.random.chance(85) {
            let one = self.one();
            write!(sql, " FROM {one}").ok();
        }
        Self::query(sql)
    }

    /// Sets user variables, system variables or character sets.
    pub(super) fn assign(&mut self) -> Step {
        let mut sql = "SET ".to_owned();
        match self.random.below(10) {
            0 => sql.push_str(self.random.pick(&NAMES)),
            1..5 => {
                let variables = self.system_variables();
                sql.push_str(self.random.pick(variables));
            }
            _ => {
                for number in 0..=self.random.below(3) {
                    let (name, value) = (self.random.pick(&USERS), self.value());
                    write!(sql, "{}@{name} = {value}", separator(number)).ok();
                }
            }
        }
        Self::query(sql)
    }

    fn system_variables(&self) -> &'static [&'static str] {
        match self.dialect {
            Dialect::MariaDb => SYSTEM.split_at(12).0,
            _ => &SYSTEM,
        }
    }

    /// A literal or an expression over variables.
    pub(super) fn value(&mut self) -> String {
        match self.random.below(9) {
            0 => "NULL".to_owned(),
            1 => format!("{}", i64::from(self.random.below(1000)) - 500),
            2 => format!("{}.{:02}", self.random.below(90), self.random.below(100)),
            3 => "'it''s a \"quoted\" word'".to_owned(),
            4 => "'中文 ü €'".to_owned(),
            5 => format!("CONCAT('a', {})", self.random.below(50)),
            // A copy keeps the collation of the original, which an engine does not tell.
            6 if self.dialect == Dialect::SeekDb => "17".to_owned(),
            6 => format!("@{}", self.random.pick(&USERS)),
            7 => "''".to_owned(),
            _ => format!("'word {}'", self.random.below(100)),
        }
    }

    /// Changes or reads rows.
    pub(super) fn change_rows(&mut self) -> Step {
        let (table, key) = (self.table(), self.random.below(20));
        let one_value = self.value();
        Self::query(match self.random.below(16) {
            0..4 => format!("INSERT INTO {table} (k, v) VALUES ({key}, {one_value})"),
            4 => format!(
                "INSERT INTO {table} (k, v, d) VALUES ({key}, 'a', 1.5), ({key}, 'b', NULL)"
            ),
            5 | 6 => format!("UPDATE {table} SET v = {one_value} WHERE k = {key}"),
            7 => format!("DELETE FROM {table} WHERE k = {key} AND id > 40"),
            8 => format!("REPLACE INTO parted VALUES ({key}, 'r')"),
            9 => format!(
                "INSERT INTO parted VALUES ({key}, 'n') ON DUPLICATE KEY UPDATE v = {one_value}"
            ),
            10 => format!("SELECT k, v FROM parted WHERE k = {key}"),
            11 => "SELECT k, v FROM parted WHERE k < 10 ORDER BY k".to_owned(),
            12 => format!("SELECT COUNT(*), MAX(id) FROM {table}"),
            13 => format!("INSERT INTO {table} (k, v) SELECT k, v FROM parted WHERE k = {key}"),
            14 => format!(
                // A plan that is kept tells the width of whatever made it.
                "SELECT /*+ USE_PLAN_CACHE(NONE) */ '{}' AS wide",
                "w".repeat(self.random.below(30_000) as usize)
            ),
            _ => {
                format!("SELECT id, k, v, d, w FROM {table} WHERE k >= {key} ORDER BY id LIMIT 20")
            }
        })
    }

    pub(super) fn transaction(&mut self) -> Step {
        let sql = match self.random.below(20) {
            0..4 => "BEGIN",
            4 => "START TRANSACTION",
            5 => "START TRANSACTION READ ONLY",
            6..11 => "COMMIT",
            11..14 => "ROLLBACK",
            14 => "SAVEPOINT s",
            15 => "ROLLBACK TO s",
            16 => "RELEASE SAVEPOINT s",
            17 => "SET autocommit = 0",
            18 => "SET autocommit = 1",
            _ => self.random.pick(&CHARACTERISTICS),
        };
        Self::query(sql)
    }

    /// A transaction in several phases, begun and ended in one step: what it locks would stop the next session.
    /// In another transaction, and where there are none of these, every part of it fails.
    pub(super) fn phases(&mut self) -> Step {
        let (table, key) = (self.table(), self.random.below(20));
        let change = format!("INSERT INTO test.{table} (k, v) VALUES ({key}, 'xa')");
        let parts: &[&str] = match self.random.below(6) {
            0 => &[
                START,
                &change,
                "XA END 'x'",
                "XA PREPARE 'x'",
                "XA COMMIT 'x'",
            ],
            1 => &[
                START,
                &change,
                "XA END 'x'",
                "XA PREPARE 'x'",
                "XA ROLLBACK 'x'",
            ],
            2 => &[START, &change, "XA END 'x'", "XA COMMIT 'x' ONE PHASE"],
            3 => &[START, "COMMIT", "XA END 'x'", "XA ROLLBACK 'x'"],
            4 => &[
                START,
                "SELECT nonsense",
                "XA END 'x'",
                "XA PREPARE 'x'",
                "XA RECOVER",
                "XA COMMIT 'x'",
            ],
            _ => &["XA END 'x'", "XA RECOVER", "XA COMMIT 'x'"],
        };
        let query = |sql: &&str| [&[crate::wire::COM_QUERY], sql.as_bytes()].concat();
        Step::Pipeline(parts.iter().map(query).collect())
    }

    pub(super) fn fail(&mut self) -> Step {
        let (table, one) = (self.table(), self.one());
        Self::query(match self.random.below(8) {
            0 => "SELEC 1".to_owned(),
            1 => format!("SELECT missing FROM {one}"),
            2 => "SELECT 1 FROM no_such_table".to_owned(),
            3 => format!("INSERT INTO {one} VALUES (0), (1), (2), (3), (4), (5)"),
            4 => format!("INSERT INTO {table} (no_such_column) VALUES (1)"),
            5 => "SET no_such_variable = 1".to_owned(),
            6 => "USE no_such_database".to_owned(),
            _ => String::new(),
        })
    }

    /// What only the server of the statement before can answer.
    pub(super) fn of_last_statement(&mut self) -> Step {
        let one = self.one();
        Self::query(match self.random.below(7) {
            0 => return self.found_rows(),
            1 => "SELECT ROW_COUNT()".to_owned(),
            // They may tell a statement's id, which is each server's own.
            2 if self.dialect != Dialect::MariaDb => "SHOW WARNINGS".to_owned(),
            3 => "SELECT LAST_INSERT_ID()".to_owned(),
            4 => format!("SELECT LAST_INSERT_ID(), x FROM {one}"),
            5 => format!("SELECT ROW_COUNT(), x FROM {one}"),
            _ => "SHOW COUNT(*) WARNINGS".to_owned(),
        })
    }

    /// Rows, something else perhaps, and their number: no transaction begins in between, which would be
    /// on another server.
    fn found_rows(&mut self) -> Step {
        let mut commands = vec![format!(
            "SELECT x FROM test.one_0 LIMIT {}",
            self.random.below(2)
        )];
        match self.random.below(4) {
            0 => commands.push("SET @a = 'in between'".to_owned()),
            1 => commands.push("SELECT nonsense".to_owned()),
            2 => commands.push("UPDATE test.one_0 SET x = x".to_owned()),
            _ => {}
        }
        commands.push("SELECT FOUND_ROWS()".to_owned());
        let query = |sql: &String| [&[crate::wire::COM_QUERY], sql.as_bytes()].concat();
        Step::Pipeline(commands.iter().map(query).collect())
    }

    pub(super) fn choose_database(&mut self) -> Step {
        let name = if self.random.chance(65) {
            "test"
        } else {
            "other"
        };
        if self.random.chance(50) {
            return Self::query(format!("USE {name}"));
        }
        let mut command = vec![crate::wire::COM_INIT_DB];
        command.extend(name.as_bytes());
        Step::Command(command)
    }

    /// Several statements in one text, several results in one answer.
    pub(super) fn several(&mut self) -> Step {
        let mut sql = String::new();
        for number in 0..=self.random.below(3) {
            if number > 0 {
                sql.push_str("; ");
            }
            let (one, table) = (self.one(), self.table());
            let statement = match self.random.below(6) {
                0 => format!("SELECT x FROM {one}"),
                1 => format!("INSERT INTO test.{table} (k, v) VALUES (3, 'multi')"),
                2 => "SET @a = 'several'".to_owned(),
                3 => format!("UPDATE test.{table} SET d = d + 1 WHERE k = 3"),
                4 => "SELECT @a, @b".to_owned(),
                _ => "SELECT nonsense".to_owned(),
            };
            sql.push_str(&statement);
        }
        Self::query(sql)
    }

    /// What lives on one server and ties the client to it.
    pub(super) fn held_by_server(&mut self) -> Step {
        let one = self.one();
        let kind = self.random.below(14);
        Self::query(match kind {
            0..2 => format!("PREPARE p FROM 'SELECT x, ? AS y FROM {one}'"),
            2..4 => "EXECUTE p USING @a".to_owned(),
            4 => "DEALLOCATE PREPARE p".to_owned(),
            5 if self.has_temporary_tables() => {
                "CREATE TEMPORARY TABLE IF NOT EXISTS tmp (x INT)".to_owned()
            }
            6 if self.has_temporary_tables() => "INSERT INTO tmp VALUES (1), (2)".to_owned(),
            7 if self.has_temporary_tables() => "SELECT COUNT(*) FROM tmp".to_owned(),
            8 if self.has_temporary_tables() => "DROP TEMPORARY TABLE IF EXISTS tmp".to_owned(),
            9 if self.has_locks() => "SELECT GET_LOCK('mine', 5)".to_owned(),
            10 if self.has_locks() => "SELECT RELEASE_LOCK('mine')".to_owned(),
            11 => format!("LOCK TABLES {one} WRITE"),
            12 => "UNLOCK TABLES".to_owned(),
            _ => format!("SELECT x FROM {one}"),
        })
    }

    pub(super) fn load(&mut self) -> Step {
        let mut file = Vec::new();
        for row in 0..self.random.below(120) {
            file.extend(format!("{row}\tline {row}\n").into_bytes());
        }
        let table = if self.random.chance(90) {
            "loaded"
        } else {
            "not_there"
        };
        Step::Load(
            format!("LOAD DATA LOCAL INFILE 'any' INTO TABLE test.{table}"),
            file,
        )
    }
}

fn separator(number: u32) -> &'static str {
    if number == 0 { "" } else { ", " }
}

const START: &str = "XA START 'x'";

const USERS: [&str; 4] = ["a", "b", "long_name", "C"];

const OBSERVED: [&str; 18] = [
    "@a",
    "@b",
    "@long_name",
    "@c",
    "@never_set",
    "@@autocommit",
    "@@sql_mode",
    "@@time_zone",
    "@@group_concat_max_len",
    "@@character_set_client",
    "@@character_set_results",
    "@@collation_connection",
    "@@wait_timeout",
    "@@tx_isolation",
    "@@unique_checks",
    "DATABASE()",
    "LAST_INSERT_ID()",
    "1 + 1",
];

const NAMES: [&str; 6] = [
    "NAMES utf8mb4",
    "NAMES latin1",
    "NAMES gbk",
    "NAMES utf8mb4 COLLATE utf8mb4_bin",
    "character_set_results = NULL",
    "character_set_results = utf8mb4",
];

/// The last two are `OceanBase`'s own.
const SYSTEM: [&str; 14] = [
    "sql_mode = ''",
    "sql_mode = 'STRICT_ALL_TABLES'",
    "SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'",
    "time_zone = '+08:00'",
    "time_zone = '-03:30', @a = 'with time zone'",
    "@@session.group_concat_max_len = 2048",
    "group_concat_max_len = 1024",
    "wait_timeout = 3000",
    "unique_checks = 0",
    "unique_checks = 1",
    "SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "ob_query_timeout = 20000000",
    "ob_trx_timeout = 200000000",
];

const CHARACTERISTICS: [&str; 3] = [
    "SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET TRANSACTION READ ONLY",
    "SET TRANSACTION READ WRITE",
];
