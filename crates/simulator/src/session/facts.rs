//! What a session is, as its SQL functions can see it.

use crate::catalogue::AccountName;
use crate::conditions::Clock;
use crate::variables::Variables;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A mark that somebody wants the running statement to end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Killed(Arc<AtomicBool>);

impl Killed {
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn clear(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// A session's facts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// What `CONNECTION_ID()` gives.
    pub(crate) visible_id: u32,
    /// The account that the login matched.
    pub(crate) account: AccountName,
    pub(crate) account_id: i64,
    pub(crate) tenant: String,
    pub(crate) tenant_id: i64,
    /// In lower case; empty for none.
    pub(crate) database: String,
    pub(crate) client_host: String,
    pub(crate) variables: Variables,
    pub(crate) row_count: i64,
    pub(crate) found_rows: i64,
    pub(crate) last_insert_id: u64,
    /// Rows that ON DUPLICATE KEY UPDATE changed in the running statement.
    pub(crate) updated_rows: u64,
    pub(crate) killed: Killed,
    /// The clock of the session's server.
    pub(crate) clock: Clock,
}

impl Facts {
    /// The mark, to be looked at while the facts are not locked.
    pub(crate) fn killed(&self) -> Killed {
        self.killed.clone()
    }

    /// Sets what `LAST_INSERT_ID()` gives.
    pub(crate) fn set_last_insert_id(&mut self, id: u64) {
        self.last_insert_id = id;
        self.variables.set("last_insert_id", &id.to_string());
    }
}
