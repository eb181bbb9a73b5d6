//! What can go wrong: in the simulator itself, and in a statement as MySQL would say it.

use std::fmt;

/// A failure of the simulator itself.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// A socket or a file.
    #[error("input or output failed: {0}")]
    Io(#[from] std::io::Error),
    /// The embedded engine.
    #[error("the embedded engine failed: {0}")]
    Engine(#[from] rusqlite::Error),
    /// A table handed in as JSON rows.
    #[error("the rows of a table are no JSON of the expected form: {0}")]
    Rows(#[from] serde_json::Error),
    /// A statement that the simulator runs for itself.
    #[error("a statement failed: {0}")]
    Statement(#[from] SqlError),
    /// Bytes of a client that are no MySQL protocol.
    #[error("a client broke the protocol: {0}")]
    Protocol(#[from] odp_protocol::ProtocolError),
    /// A server that the cluster does not have.
    #[error("the cluster has no server {0}")]
    NoSuchServer(String),
    /// A fault outside its ranges.
    #[error("{0}")]
    BadFault(String),
    /// A fault that cannot be brought about here or now.
    #[error("not possible: {0}")]
    Impossible(String),
    /// A server's process that cannot be reached.
    #[error("the process of server {0} does not answer: {1}")]
    Silent(String, String),
    /// A table or tablet that the cluster does not have.
    #[error("the cluster has no table or tablet {0}")]
    NoSuchTable(String),
}

/// The error of a statement, as it goes to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlError {
    /// MySQL's error number.
    pub code: u16,
    /// The SQLSTATE, five characters.
    pub state: &'static str,
    /// The text.
    pub message: String,
}

impl std::error::Error for SqlError {}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.code, self.state, self.message)
    }
}

impl SqlError {
    /// An error with its SQLSTATE looked up.
    pub(crate) fn new(code: u16, message: impl Into<String>) -> Self {
        Self {
            code,
            state: state_of(code),
            message: message.into(),
        }
    }

    /// 1064 near `rest`.
    pub(crate) fn syntax(rest: &str) -> Self {
        let near: String = rest.chars().take(80).collect();
        Self::new(
            1064,
            format!(
                "You have an error in your SQL syntax; check the manual that corresponds to your \
                 OceanBase version for the right syntax to use near '{near}' at line 1"
            ),
        )
    }

    /// 1146.
    pub(crate) fn no_table(database: &str, table: &str) -> Self {
        Self::new(1146, format!("Table '{database}.{table}' doesn't exist"))
    }

    /// 1049.
    pub(crate) fn no_database(database: &str) -> Self {
        Self::new(1049, format!("Unknown database '{database}'"))
    }

    /// 1046.
    pub(crate) fn none_selected() -> Self {
        Self::new(1046, "No database selected")
    }

    /// 1205.
    pub(crate) fn lock_timeout() -> Self {
        Self::new(
            1205,
            "Lock wait timeout exceeded; try restarting transaction",
        )
    }

    /// 1317.
    pub(crate) fn interrupted() -> Self {
        Self::new(1317, "Query execution was interrupted")
    }

    /// 5066, what a statement of a killed session ends with.
    pub(crate) fn session_interrupted() -> Self {
        Self::new(5066, "Session interrupted")
    }

    /// 1235.
    pub(crate) fn unsupported() -> Self {
        Self::new(1235, "Not supported feature or function")
    }
}

fn state_of(code: u16) -> &'static str {
    match code {
        1044 | 1045 | 1049 | 1061 | 1064 | 1065 | 1067 | 1068 | 1072 | 1091 | 1133 | 1142
        | 1235 | 1305 => "42000",
        1046 => "3D000",
        1048 | 1052 | 1062 | 1451 | 1452 => "23000",
        1050 => "42S01",
        1051 | 1146 => "42S02",
        1054 => "42S22",
        1058 | 1136 => "21S01",
        1060 => "42S21",
        1213 => "40001",
        1264 => "22003",
        1317 => "70100",
        1406 => "22001",
        _ => "HY000",
    }
}
