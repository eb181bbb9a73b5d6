//! Whom discovery asks, as traits: an `OBServer` in service, a script in tests.

use crate::DiscoveryError;
use odp_cluster::ServerAddr;
use odp_routing::Probed;
use odp_routing::metadata::MetadataRow;
use std::time::Duration;

/// Opens connections that answer metadata queries.
pub trait MetadataSource {
    /// A connection.
    type Connection: MetadataConnection;

    /// Connects to `addr` and logs in, within a time limit of its own.
    ///
    /// # Errors
    /// [`DiscoveryError::LoginRefused`] or [`DiscoveryError::Unreachable`].
    fn open(
        &self,
        addr: ServerAddr,
    ) -> impl Future<Output = Result<Self::Connection, DiscoveryError>>;

    /// Finds out whether `addr` says anything within `limit`: a greeting, an error, whatever.
    fn probe(&self, addr: ServerAddr, limit: Duration) -> impl Future<Output = Probed>;
}

/// A connection that answers metadata queries.
pub trait MetadataConnection {
    /// Asks one question, within a time limit of its own.
    ///
    /// # Errors
    /// [`DiscoveryError::QueryRefused`] or [`DiscoveryError::Unreachable`].
    fn query(&mut self, sql: &str) -> impl Future<Output = Result<Answer, DiscoveryError>>;
}

/// The rows of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// The columns' names.
    pub columns: Vec<String>,
    /// The values in the columns' order; `None` is NULL.
    pub rows: Vec<Vec<Option<Vec<u8>>>>,
}

impl Answer {
    /// The rows, each with access by column name.
    pub(crate) fn rows(&self) -> Vec<AnswerRow<'_>> {
        let columns = &self.columns;
        let rows = self.rows.iter();
        rows.map(|values| AnswerRow { columns, values }).collect()
    }
}

/// One row of an [`Answer`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct AnswerRow<'a> {
    columns: &'a [String],
    values: &'a [Option<Vec<u8>>],
}

impl<'a> AnswerRow<'a> {
    pub(crate) fn text(self, column: &str) -> Option<&'a str> {
        std::str::from_utf8(self.value(column)?).ok()
    }

    pub(crate) fn number(self, column: &str) -> Option<i64> {
        self.text(column)?.parse().ok()
    }

    fn value(self, column: &str) -> Option<&'a [u8]> {
        let is = |name: &String| name.eq_ignore_ascii_case(column);
        let at = self.columns.iter().position(is)?;
        self.values.get(at)?.as_deref()
    }
}

impl MetadataRow for AnswerRow<'_> {
    fn get(&self, column: &str) -> Option<&[u8]> {
        self.value(column)
    }
}
