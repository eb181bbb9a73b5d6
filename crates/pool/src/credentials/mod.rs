//! What the proxy knows of the clients' accounts, read from the cluster and kept for a while.
//!
//! Sessions ask without waiting: what is not known yet is queued for the [`CredentialReader`], and the
//! server decides on that login.

mod book;
mod reader;

pub use book::{AccountName, Known};
pub use reader::{CredentialReader, CredentialSource};

use book::Book;
use odp_cluster::TenantName;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// When a server was seen to let an account do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    at: Instant,
    doubts: u64,
}

/// The accounts that clients asked for; shared by all threads.
#[derive(Debug)]
pub struct Credentials {
    book: Mutex<Book>,
    asked: Notify,
}

impl Credentials {
    /// Knows nothing yet. What was read is believed for twice `refresh_interval`, so that a cluster
    /// that no longer answers is not believed for ever.
    #[must_use]
    pub fn new(refresh_interval: Duration) -> Arc<Self> {
        Arc::new(Self {
            book: Mutex::new(Book::new(refresh_interval)),
            asked: Notify::new(),
        })
    }

    /// What is known of the accounts of this name; asks for it otherwise.
    pub fn find(&self, name: &AccountName, now: Instant) -> Option<Arc<Known>> {
        let mut book = self.book.lock();
        let found = book.find(name, now);
        if book.has_questions() {
            self.asked.notify_one();
        }
        found
    }

    /// What is known of the accounts of this name, without asking for it.
    #[must_use]
    pub fn peek(&self, name: &AccountName) -> Option<Arc<Known>> {
        self.book.lock().peek(name)
    }

    /// What a server says from now on.
    #[must_use]
    pub fn sighting(&self, now: Instant) -> Sighting {
        let doubts = self.book.lock().doubts();
        Sighting { at: now, doubts }
    }

    /// Whether what a server said then may be believed still: for a refresh interval, unless something
    /// may have changed an account or a database since, as far as this process knows.
    #[must_use]
    pub fn believes(&self, sighting: Sighting, now: Instant) -> bool {
        self.book.lock().believes(sighting.at, sighting.doubts, now)
    }

    /// Forgets the accounts of this name, because a server has refused what they say.
    pub fn doubt(&self, name: &AccountName) {
        self.book.lock().doubt(name);
        self.asked.notify_one();
    }

    /// Forgets every account of a tenant: a statement may have changed it just now.
    pub fn tenant_changed(&self, tenant: &TenantName) {
        self.book.lock().tenant_changed(tenant);
        self.asked.notify_one();
    }
}
