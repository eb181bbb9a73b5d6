//! What a session is to a drain: the kind that it was when that began.

use crate::counters::{Counters, Gauge};
use crate::state::SessionState;
use std::sync::atomic::Ordering::Relaxed;

/// The kinds; each session is of one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing keeps it.
    #[default]
    Idle,
    /// It is inside a transaction.
    InTransaction,
    /// It cannot leave its server for another reason.
    Pinned,
}

impl Kind {
    pub(crate) fn of(state: &SessionState) -> Self {
        if state.in_transaction() {
            Self::InTransaction
        } else if state.pin.is_some() {
            Self::Pinned
        } else {
            Self::Idle
        }
    }

    /// Counts a session of this kind that a drain ended between two transactions.
    pub(crate) fn drained(self, counters: &Counters) {
        counters.drained_sessions.fetch_add(1, Relaxed);
        match self {
            Self::Idle => {}
            Self::InTransaction => {
                counters.drained_in_transaction.fetch_add(1, Relaxed);
            }
            Self::Pinned => {
                counters.drained_pinned.fetch_add(1, Relaxed);
            }
        }
    }

    /// Counts one that the deadline of a drain ended.
    pub(crate) fn cut(self, counters: &Counters) {
        counters.cut_sessions.fetch_add(1, Relaxed);
        match self {
            Self::Idle => {}
            Self::InTransaction => {
                counters.cut_in_transaction.fetch_add(1, Relaxed);
            }
            Self::Pinned => {
                counters.cut_pinned.fetch_add(1, Relaxed);
            }
        }
    }
}

/// A session's share of the gauges of kinds.
#[derive(Debug)]
pub(crate) struct KindGauges<'a> {
    in_transaction: Gauge<'a>,
    pinned: Gauge<'a>,
}

impl<'a> KindGauges<'a> {
    pub(crate) fn new(counters: &'a Counters) -> Self {
        Self {
            in_transaction: Gauge::new(&counters.kind_in_transaction),
            pinned: Gauge::new(&counters.kind_pinned),
        }
    }

    pub(crate) fn set(&mut self, kind: Kind) {
        self.in_transaction
            .set(usize::from(kind == Kind::InTransaction));
        self.pinned.set(usize::from(kind == Kind::Pinned));
    }
}
