//! The accounts of a simulated cluster in the engine.

use super::{METADATA_USER, ROOT, SeekDb};
use crate::error::SimulatorError;

impl SeekDb {
    /// Creates an account that may do everything, or changes its password.
    pub(crate) fn put_account(&self, user: &str, password: &str) -> Result<(), SimulatorError> {
        if [ROOT, METADATA_USER].contains(&user) {
            return Ok(());
        }
        let (user, password) = (quoted(user), quoted(password));
        self.ask(|client| {
            for sql in [
                format!("CREATE USER IF NOT EXISTS {user}"),
                format!("ALTER USER {user} IDENTIFIED BY {password}"),
                format!("GRANT ALL ON *.* TO {user}"),
            ] {
                client.query(&sql)?;
            }
            Ok(())
        })
    }
}

/// A string literal of MySQL's dialect.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// Splits a login name into user and tenant, as an `OBServer` does.
pub(super) fn split(name: &[u8]) -> (String, String) {
    let name = String::from_utf8_lossy(name);
    let (user, tenant) = name.split_once('@').unwrap_or((&name, "sys"));
    (user.trim_matches('\'').to_owned(), tenant.to_owned())
}

/// Whether a login under this name asks for the state of the cluster.
pub(super) fn asks_for_metadata(user: &str, tenant: &str) -> bool {
    user == METADATA_USER && tenant.eq_ignore_ascii_case("sys")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_and_literals_quoted_as_a_server_reads_them() {
        let is = |name: &[u8], user: &str, tenant: &str| {
            assert_eq!(split(name), (user.to_owned(), tenant.to_owned()));
        };
        is(b"app@demo", "app", "demo");
        is(b"'app'@demo", "app", "demo");
        is(b"root", "root", "sys");
        assert!(asks_for_metadata("proxyro", "SYS"));
        assert!(!asks_for_metadata("proxyro", "demo"));
        assert_eq!(quoted(r"it's a \"), r"'it''s a \\'");
    }
}
