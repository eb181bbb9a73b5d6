//! Reads accounts with the metadata user, on a connection of its own.

use super::Credentials;
use super::book::{AccountName, Known};
use crate::account::{Account, COLUMNS};
use crate::{MetaConnection, MetaLogin, PoolError, QueryResult};
use odp_cluster::{ServerAddr, TenantName};
use smol_str::SmolStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Where the reader finds servers, and how it logs in there.
pub struct CredentialSource {
    /// The metadata user; its tenant is `sys`.
    pub login: MetaLogin,
    /// The servers that may be asked now, best first.
    pub servers: Box<dyn Fn() -> Vec<ServerAddr> + Send + Sync>,
    /// How long one question may take.
    pub query_timeout: Duration,
}

/// Keeps [`Credentials`] up to date.
pub struct CredentialReader {
    credentials: Arc<Credentials>,
    source: CredentialSource,
    connection: Option<MetaConnection>,
}

impl CredentialReader {
    /// A reader for `credentials`.
    #[must_use]
    pub fn new(credentials: Arc<Credentials>, source: CredentialSource) -> Self {
        Self {
            credentials,
            source,
            connection: None,
        }
    }

    /// Answers questions as they come, and every known name anew each refresh interval.
    pub async fn run(mut self, refresh_interval: Duration) {
        let mut round = tokio::time::interval(refresh_interval);
        round.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let credentials = Arc::clone(&self.credentials);
        loop {
            tokio::select! {
                () = credentials.asked.notified() => {}
                _ = round.tick() => credentials.book.lock().refresh(Instant::now()),
            }
            self.answer_all().await;
        }
    }

    async fn answer_all(&mut self) {
        loop {
            let question = self.credentials.book.lock().next_question();
            let Some(name) = question else {
                return;
            };
            let read = match self.read(&name).await {
                Ok(read) => read,
                Err(error) => {
                    tracing::debug!(tenant = %name.tenant, user = %name.user, %error,
                        "an account cannot be read: the server decides on its logins");
                    None
                }
            };
            let now = Instant::now();
            self.credentials.book.lock().install(&name, read, now);
        }
    }

    /// Reads the accounts of a name; `None` when the answer cannot be understood.
    async fn read(&mut self, name: &AccountName) -> Result<Option<Known>, PoolError> {
        let tenant = tenant_id(&name.tenant);
        let user = quote(&name.user);
        let rows = self
            .ask(&format!(
                "SELECT {COLUMNS} FROM oceanbase.__all_virtual_user u WHERE tenant_id = {tenant} AND \
                 user_name = {user} ORDER BY user_id"
            ))
            .await?;
        let globals = self
            .ask(&format!(
                "SELECT MAX(gmt_modified) FROM oceanbase.__all_virtual_sys_variable WHERE tenant_id \
                 = {tenant}"
            ))
            .await?;
        Ok(Account::read(&rows, &name.user)
            .zip(only_value(&globals))
            .map(|(accounts, globals)| Known { accounts, globals }))
    }

    /// Asks on the open connection; a connection that fails is opened anew once.
    async fn ask(&mut self, sql: &str) -> Result<QueryResult, PoolError> {
        let limit = self.source.query_timeout;
        if let Some(connection) = &mut self.connection {
            match connection.query(sql, limit).await {
                Ok(result) => return Ok(result),
                Err(refusal @ PoolError::Refused { .. }) => return Err(refusal),
                Err(_) => self.connection = None,
            }
        }
        let Some(mut connection) = self.connect().await? else {
            return Ok(QueryResult::default());
        };
        let result = connection.query(sql, limit).await;
        if matches!(result, Ok(_) | Err(PoolError::Refused { .. })) {
            self.connection = Some(connection);
        }
        result
    }

    /// Connects to the first server that takes the login; `None` when there is no server to try.
    async fn connect(&self) -> Result<Option<MetaConnection>, PoolError> {
        let mut last = None;
        for addr in (self.source.servers)() {
            match MetaConnection::open(addr, &self.source.login).await {
                Ok(connection) => return Ok(Some(connection)),
                Err(error) => last = Some(error),
            }
        }
        last.map_or(Ok(None), Err)
    }
}

/// The tenant's id, or a query for it; `sys` has the same id everywhere, and is all that an engine on
/// one node has.
fn tenant_id(tenant: &TenantName) -> String {
    if tenant.as_str() == "sys" {
        return "1".to_owned();
    }
    format!(
        "(SELECT tenant_id FROM oceanbase.DBA_OB_TENANTS WHERE tenant_name = {} LIMIT 1)",
        quote(tenant.as_str())
    )
}

/// The one value of a result; `None` when it is NULL or there is none.
fn only_value(result: &QueryResult) -> Option<SmolStr> {
    let value = result.rows.first()?.first()?.as_deref()?;
    std::str::from_utf8(value).ok().map(SmolStr::new)
}

fn quote(text: &str) -> String {
    let doubled = text.replace('\\', "\\\\").replace('\'', "''");
    format!("'{doubled}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_quotes() {
        assert_eq!(quote("a'b\\"), "'a''b\\\\'");
        let tenant = tenant_id(&TenantName::new("x' OR '1"));
        assert!(tenant.contains("'x'' OR ''1'"), "{tenant}");
        assert_eq!(tenant_id(&TenantName::new("sys")), "1");
    }
}
