//! A generated conversation with a server: every command of the protocol, in an order that a seed
//! decides, without regard to what the server says to it.
//!
//! Most statements name a table, and the tables are led by different servers: a proxy that plays the
//! script switches its server all the time, and everything that follows a client must follow there.

mod binary;
mod commands;
mod differ;
mod player;
mod random;
mod statements;

pub use differ::differ;
pub use random::Random;

use binary::Slot;

/// What the servers behind the script can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// The simulated cluster.
    Simulator,
    /// The real `OceanBase` engine: no temporary tables, XA or user locks.
    SeekDb,
    /// `MariaDB`.
    MariaDb,
}

/// One command, or a few that are sent at once.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// A new connection.
    Login,
    /// A command as it goes on the wire.
    Command(Vec<u8>),
    /// Commands in one write.
    Pipeline(Vec<Vec<u8>>),
    /// A statement that asks for a local file, and what is in it.
    Load(String, Vec<u8>),
    /// A PREPARE, whose statement gets this number.
    Prepare(usize, String),
    /// A command with a prepared statement's id at bytes 1 to 4.
    Prepared(usize, Vec<u8>),
}

/// The endless script of a seed.
#[derive(Debug)]
pub struct Script {
    seed: u64,
    random: Random,
    dialect: Dialect,
    slots: Vec<Slot>,
    steps: u32,
}

impl Script {
    /// The script of this seed for these servers.
    #[must_use]
    pub fn new(seed: u64, dialect: Dialect) -> Self {
        Self {
            seed,
            random: Random::new(seed),
            dialect,
            slots: Vec::new(),
            steps: 0,
        }
    }

    /// What must be there before the script starts: statements for one connection with database `test`.
    #[must_use]
    pub fn setup() -> Vec<String> {
        let mut setup = vec![
            "DROP DATABASE IF EXISTS other".to_owned(),
            "CREATE DATABASE other".to_owned(),
            "CREATE TABLE other.here (x INT PRIMARY KEY)".to_owned(),
            "INSERT INTO other.here VALUES (77)".to_owned(),
        ];
        for number in 0..TABLES {
            setup.extend([
                format!("DROP TABLE IF EXISTS one_{number}"),
                format!("CREATE TABLE one_{number} (x INT PRIMARY KEY)"),
                format!("INSERT INTO one_{number} VALUES ({number})"),
                format!("DROP TABLE IF EXISTS t_{number}"),
                format!(
                    "CREATE TABLE t_{number} (id BIGINT AUTO_INCREMENT PRIMARY KEY, k INT, \
                     v VARCHAR(200), d DECIMAL(10,2), w DATETIME(6))"
                ),
            ]);
        }
        setup.extend([
            "DROP TABLE IF EXISTS parted".to_owned(),
            "CREATE TABLE parted (k INT PRIMARY KEY, v VARCHAR(200)) PARTITION BY HASH (k) PARTITIONS 6"
                .to_owned(),
            "DROP TABLE IF EXISTS loaded".to_owned(),
            "CREATE TABLE loaded (a INT, b VARCHAR(100))".to_owned(),
        ]);
        setup
    }

    fn has_temporary_tables(&self) -> bool {
        self.dialect != Dialect::SeekDb
    }

    fn has_locks(&self) -> bool {
        self.dialect != Dialect::SeekDb
    }

    fn query(sql: impl Into<String>) -> Step {
        let mut command = vec![crate::wire::COM_QUERY];
        command.extend(sql.into().into_bytes());
        Step::Command(command)
    }

    fn table(&mut self) -> String {
        format!("t_{}", self.random.below(TABLES))
    }

    /// A table of one row, to take an expression to that table's server.
    fn one(&mut self) -> String {
        format!("test.one_{}", self.random.below(TABLES))
    }
}

impl Iterator for Script {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        self.steps += 1;
        if self.steps % SESSION == 1 {
            self.slots.clear();
            return Some(Step::Login);
        }
        Some(match self.random.below(100) {
            0..18 => self.observe(),
            18..30 => self.assign(),
            30..48 => self.change_rows(),
            48..58 => self.transaction(),
            58..63 => self.fail(),
            63..69 => self.of_last_statement(),
            69..72 => self.choose_database(),
            72..92 => self.prepared(),
            92..95 => self.several(),
            95..97 if self.random.chance(20) => self.phases(),
            95..97 => self.held_by_server(),
            97..98 => self.load(),
            _ => self.command(),
        })
    }
}

/// Tables of each kind: with three servers, each leads some.
const TABLES: u32 = 6;
/// Steps between two logins.
const SESSION: u32 = 250;
