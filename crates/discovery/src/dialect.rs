//! Which form of the metadata queries a server understands.

use crate::{DiscoveryError, MetadataConnection, queries};

/// The form of the queries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `OceanBase` up to 3.x.
    Three,
    /// `OceanBase` from 4.0 on.
    Four,
}

impl Dialect {
    /// Asks a server for its version. One that does not say is taken for a new one: the next query
    /// shows what it has.
    ///
    /// # Errors
    /// When the server does not answer at all.
    pub(crate) async fn ask(
        connection: &mut impl MetadataConnection,
    ) -> Result<Self, DiscoveryError> {
        let answer = match connection.query(queries::VERSION).await {
            Ok(answer) => answer,
            Err(DiscoveryError::QueryRefused { .. }) => return Ok(Self::Four),
            Err(error) => return Err(error),
        };
        let rows = answer.rows();
        let version = rows.first().and_then(|row| row.text("cluster_version"));
        Ok(version.map_or(Self::Four, Self::of_version))
    }

    fn of_version(version: &str) -> Self {
        let major = version.split('.').next().and_then(|text| text.parse().ok());
        match major {
            Some(0..=3_u32) => Self::Three,
            _ => Self::Four,
        }
    }
}

/// A connection whose dialect is known.
#[derive(Debug)]
pub(crate) struct Asked<C> {
    pub(crate) connection: C,
    pub(crate) dialect: Dialect,
}

impl<C: MetadataConnection> Asked<C> {
    /// Finds out the dialect of a new connection.
    ///
    /// # Errors
    /// When the server does not answer.
    pub(crate) async fn new(mut connection: C) -> Result<Self, DiscoveryError> {
        let dialect = Dialect::ask(&mut connection).await?;
        Ok(Self {
            connection,
            dialect,
        })
    }

    /// Asks one question.
    ///
    /// # Errors
    /// Those of [`MetadataConnection::query`].
    pub(crate) async fn query(&mut self, sql: &str) -> Result<crate::Answer, DiscoveryError> {
        self.connection.query(sql).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_number_of_the_version_tells_the_dialect() {
        for (version, dialect) in [
            ("3.2.4.7", Dialect::Three),
            ("2.2.77", Dialect::Three),
            ("1.4.79", Dialect::Three),
            ("4.3.5.1", Dialect::Four),
            ("5.0", Dialect::Four),
            ("", Dialect::Four),
        ] {
            assert_eq!(Dialect::of_version(version), dialect, "{version}");
        }
    }
}
