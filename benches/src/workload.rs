//! What the clients do.

use crate::Error;
use crate::client::{Client, Login};
use odp_protocol::CommandKind;
use std::fmt::Write as _;
use std::net::SocketAddr;

/// Rows of the table that points are selected from.
pub const ROWS: u64 = 10_000;
/// Rows of the table with rows of 10 kB.
pub const WIDE_ROWS: u64 = 100;

/// A kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Workload {
    /// One row by its key, as text.
    Point,
    /// One row by its key, prepared once and executed.
    Prepared,
    /// The transaction of sysbench's `oltp_read_write`: 20 statements.
    ReadWrite,
    /// One row of 10 kB.
    Wide,
    /// A result of 50 MB.
    Huge,
    /// Connect, one point select, quit.
    Connect,
    /// Connect, `SELECT 1`, quit: no table, no partition.
    Visit,
    /// Nothing: connections that are logged in.
    Idle,
}

/// One client of a workload.
#[derive(Debug)]
pub struct Session {
    workload: Workload,
    addr: SocketAddr,
    client: Client,
    random: u64,
    statement: u32,
    step: usize,
    text: String,
}

impl Workload {
    /// How the report names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Point => "point select",
            Self::Prepared => "point select, prepared",
            Self::ReadWrite => "oltp_read_write",
            Self::Wide => "10 kB row",
            Self::Huge => "50 MB result",
            Self::Connect => "connect, select, quit",
            Self::Visit => "connect, SELECT 1, quit",
            Self::Idle => "idle",
        }
    }
}

/// `oltp_read_write`: 10 points, 4 ranges, 2 updates, a delete and an insert between BEGIN and COMMIT.
const TRANSACTION: [Statement; 20] = {
    use Statement as S;
    [
        S::Begin,
        S::Point,
        S::Point,
        S::Point,
        S::Point,
        S::Point,
        S::Point,
        S::Point,
        S::Point,
        S::Point,
        S::Point,
        S::Range,
        S::Sum,
        S::Ordered,
        S::Distinct,
        S::UpdateIndex,
        S::UpdateOther,
        S::Delete,
        S::Insert,
        S::Commit,
    ]
};

#[derive(Debug, Clone, Copy)]
enum Statement {
    Begin,
    Point,
    Range,
    Sum,
    Ordered,
    Distinct,
    UpdateIndex,
    UpdateOther,
    Delete,
    Insert,
    Commit,
}

impl Session {
    /// Logs in and does everything that only the first statements of a connection pay for.
    ///
    /// # Errors
    /// When the login or a statement fails.
    pub async fn open(
        workload: Workload,
        addr: SocketAddr,
        login: &Login,
        number: u64,
    ) -> Result<Self, Error> {
        let mut session = Self {
            workload,
            addr,
            client: Client::connect(addr, login).await?,
            random: number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            statement: 0,
            step: 0,
            text: String::new(),
        };
        if workload == Workload::Visit {
            return Ok(session);
        }
        if workload == Workload::Prepared {
            let text = b"SELECT c FROM sbtest1 WHERE id=?";
            session.statement = session.client.prepare(text).await?;
        }
        // One statement for each partition opens a proxy's connections to all servers.
        for id in 1..=3 {
            match workload {
                Workload::Prepared => session.execute(id).await?,
                _ => session.point(id).await?,
            }
        }
        Ok(session)
    }

    /// Does one unit of work: a statement, or a connection with one.
    ///
    /// # Errors
    /// When it fails.
    pub async fn work(&mut self, login: &Login) -> Result<(), Error> {
        let id = self.random(ROWS);
        match self.workload {
            Workload::Point | Workload::Idle => self.point(id).await,
            Workload::Prepared => self.execute(id).await,
            Workload::ReadWrite => self.transaction_step(id).await,
            Workload::Wide => {
                let id = self.random(WIDE_ROWS);
                self.text(format_args!("SELECT c FROM wide WHERE id={id}"))
                    .await
            }
            Workload::Huge => {
                self.text(format_args!("SELECT c FROM huge WHERE id=7"))
                    .await
            }
            Workload::Connect => {
                self.client.quit().await?;
                self.client = Client::connect(self.addr, login).await?;
                self.point(id).await
            }
            Workload::Visit => {
                self.client.quit().await?;
                self.client = Client::connect(self.addr, login).await?;
                self.text(format_args!("SELECT 1")).await
            }
        }
    }

    /// Whether the client stands between two transactions.
    #[must_use]
    pub fn is_between(&self) -> bool {
        self.step == 0
    }

    async fn transaction_step(&mut self, id: u64) -> Result<(), Error> {
        let statement = TRANSACTION.get(self.step).copied();
        self.step = (self.step + 1) % TRANSACTION.len();
        let to = id + 99;
        match statement.unwrap_or(Statement::Commit) {
            Statement::Begin => self.text(format_args!("BEGIN")).await,
            Statement::Point => self.point(id).await,
            Statement::Range => {
                let range = format_args!("SELECT c FROM sbtest1 WHERE id BETWEEN {id} AND {to}");
                self.text(range).await
            }
            Statement::Sum => {
                let sum = format_args!("SELECT SUM(k) FROM sbtest1 WHERE id BETWEEN {id} AND {to}");
                self.text(sum).await
            }
            Statement::Ordered => {
                self.text(format_args!(
                    "SELECT c FROM sbtest1 WHERE id BETWEEN {id} AND {to} ORDER BY c"
                ))
                .await
            }
            Statement::Distinct => {
                self.text(format_args!(
                    "SELECT DISTINCT c FROM sbtest1 WHERE id BETWEEN {id} AND {to} ORDER BY c"
                ))
                .await
            }
            Statement::UpdateIndex => {
                self.text(format_args!("UPDATE sbtest1 SET k=k+1 WHERE id={id}"))
                    .await
            }
            Statement::UpdateOther => {
                self.text(format_args!("UPDATE sbtest1 SET c='y' WHERE id={id}"))
                    .await
            }
            Statement::Delete => {
                self.text(format_args!("DELETE FROM sbtest1 WHERE id={id}"))
                    .await
            }
            Statement::Insert => {
                // Replaces, so that two clients with the same key do not fail.
                self.text(format_args!(
                    "REPLACE INTO sbtest1 (id, k, c, pad) VALUES ({id}, 1, 'x', 'y')"
                ))
                .await
            }
            Statement::Commit => self.text(format_args!("COMMIT")).await,
        }
    }

    async fn point(&mut self, id: u64) -> Result<(), Error> {
        self.text(format_args!("SELECT c FROM sbtest1 WHERE id={id}"))
            .await
    }

    async fn execute(&mut self, id: u64) -> Result<(), Error> {
        // Statement, no cursor, one iteration, no NULL, types follow: one LONGLONG.
        let [a, b, c, d] = self.statement.to_le_bytes();
        let mut packet = [
            a, b, c, d, 0, 1, 0, 0, 0, 0, 1, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ];
        let (_, value) = packet.split_at_mut(13);
        value.copy_from_slice(&id.to_le_bytes());
        self.client.run(CommandKind::StmtExecute, &packet).await
    }

    async fn text(&mut self, text: std::fmt::Arguments<'_>) -> Result<(), Error> {
        self.text.clear();
        self.text
            .write_fmt(text)
            .expect("writing to a string does not fail");
        let kind = CommandKind::Query;
        self.client.run(kind, self.text.as_bytes()).await
    }

    /// A number from 1 to `below` (xorshift: good enough to spread keys, and free).
    fn random(&mut self, below: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % below + 1
    }
}
