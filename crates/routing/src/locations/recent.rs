//! The entries that one thread has used lately: read without touching anything that threads share.

use super::entry::Entry;
use crate::table_key::{BorrowedKey, KeyParts};
use foldhash::fast::RandomState;
use std::cell::RefCell;
use std::hash::BuildHasher;
use std::sync::Arc;

/// How many tables a thread remembers; a power of two.
const SLOTS: usize = 2048;

/// A table of slots by hash; two tables in one slot take turns.
#[derive(Debug)]
pub(crate) struct Recent {
    slots: Box<[RefCell<Option<Arc<Entry>>>]>,
    hasher: RandomState,
}

impl Default for Recent {
    fn default() -> Self {
        Self {
            slots: (0..SLOTS).map(|_| RefCell::default()).collect(),
            hasher: RandomState::default(),
        }
    }
}

impl Recent {
    /// Calls `with` with the entry of `key`, which `fetch` gets when it is not here or retired.
    pub(crate) fn with<R>(
        &self,
        key: BorrowedKey<'_>,
        fetch: impl FnOnce() -> Option<Arc<Entry>>,
        with: impl FnOnce(&Entry) -> R,
    ) -> Option<R> {
        let hash = self.hasher.hash_one(key.parts());
        let slot = usize::try_from(hash % SLOTS as u64).unwrap_or_default();
        let slot = self.slots.get(slot)?;
        if let Ok(held) = slot.try_borrow()
            && let Some(entry) = held.as_deref()
            && entry.key.parts() == key.parts()
            && !entry.is_retired()
        {
            return Some(with(entry));
        }
        let entry = fetch();
        let result = entry.as_deref().map(with);
        // A slot in use belongs to a reader further up; it keeps what it holds.
        if let Ok(mut held) = slot.try_borrow_mut() {
            *held = entry;
        }
        result
    }
}
