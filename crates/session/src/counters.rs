//! What the sessions of one worker count, read by the control thread.

use crate::state::PinReason;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

macro_rules! counters {
    ($($kind:ident { $($(#[$doc:meta])* $name:ident),* $(,)? })*) => {
        /// The live counters of a worker. Each worker has its own, so they are never contended.
        #[derive(Debug, Default)]
        pub struct Counters {
            $($($(#[$doc])* pub $name: counters!(@atomic $kind),)*)*
        }

        /// The values of [`Counters`] at one moment.
        #[derive(Debug, Default, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(default)]
        pub struct Counts {
            $($($(#[$doc])* pub $name: counters!(@plain $kind),)*)*
        }

        impl Counters {
            /// The values now.
            #[must_use]
            pub fn read(&self) -> Counts {
                Counts { $($($name: self.$name.load(Relaxed),)*)* }
            }
        }

        impl Counts {
            /// What was counted without what is there now: gauges are zero.
            #[must_use]
            pub fn totals(self) -> Self {
                Self { $($($name: counters!(@total $kind self.$name),)*)* }
            }
        }

        impl std::ops::AddAssign for Counts {
            fn add_assign(&mut self, other: Self) {
                $($(self.$name += other.$name;)*)*
            }
        }
    };
    (@atomic gauge) => { AtomicI64 };
    (@atomic total) => { AtomicU64 };
    (@total gauge $value:expr) => { 0 };
    (@total total $value:expr) => { $value };
    (@plain gauge) => { i64 };
    (@plain total) => { u64 };
}

counters! {
    gauge {
        /// Clients that are logged in.
        clients,
        /// Connections to servers held for them.
        servers,
        /// Clients in a transaction.
        in_transaction,
        /// Clients that are tied to one server session by `SET TRANSACTION`.
        pinned_transaction_characteristics,
        /// Clients that are tied to one server session by a temporary table.
        pinned_temporary_table,
        /// Clients that are tied to one server session by a statement that they prepared by text.
        pinned_text_prepared,
        /// Clients that are tied to one server session by locks.
        pinned_locks,
        /// Clients that are tied to one server session by a role that they have chosen.
        pinned_role,
        /// Clients that are tied to one server session because it takes one statement at a time.
        pinned_multi_statements,
        /// Clients that are tied to one server session by an XA transaction.
        pinned_xa,
        /// Clients that are tied to one server session by the number that a sequence has given.
        pinned_sequence,
        /// Clients that are tied to one server session by statements that the proxy did not see.
        pinned_unseen,
        /// Clients that keep a server session because they may ask about their last statement.
        pinned_last_statement,
        /// Clients in a transaction; while the proxy drains: those that were when that began.
        kind_in_transaction,
        /// Clients that are tied and in no transaction; while the proxy drains: those that were.
        kind_pinned,
    }
    total {
        /// Logins that succeeded.
        logins,
        /// Logins that were refused or failed.
        failed_logins,
        /// Statements and commands forwarded to a server.
        requests,
        /// Requests that a server answered with an error.
        failed_requests,
        /// Requests that the server said were not on their partition's leader.
        partition_misses,
        /// Requests that were sent again, to another server or another leader.
        retried_requests,
        /// Requests that ended without an answer because the server was lost.
        lost_requests,
        /// Statements that were killed because nobody waited for them any more.
        killed_statements,
        /// Statements that were left to their servers, too many being killed already.
        forsaken_statements,
        /// Sessions that ended by a panic.
        panics,
        /// Sessions that a drain ended between two transactions.
        drained_sessions,
        /// Those of them that were in a transaction when it began.
        drained_in_transaction,
        /// Those of them that were tied to one server session when it began.
        drained_pinned,
        /// Sessions that the deadline of a drain ended.
        cut_sessions,
        /// Those of them that were in a transaction when the drain began.
        cut_in_transaction,
        /// Those of them that were tied to one server session when the drain began.
        cut_pinned,
    }
}

impl Counters {
    /// The gauge of the clients that are tied to one server session for `reason`.
    pub(crate) fn pinned(&self, reason: PinReason) -> &AtomicI64 {
        match reason {
            PinReason::TransactionCharacteristics => &self.pinned_transaction_characteristics,
            PinReason::TemporaryTable => &self.pinned_temporary_table,
            PinReason::TextPrepared => &self.pinned_text_prepared,
            PinReason::Locks => &self.pinned_locks,
            PinReason::Role => &self.pinned_role,
            PinReason::MultiStatements => &self.pinned_multi_statements,
            PinReason::Xa => &self.pinned_xa,
            PinReason::Sequence => &self.pinned_sequence,
            PinReason::Unseen => &self.pinned_unseen,
            PinReason::LastStatement => &self.pinned_last_statement,
        }
    }
}

impl Counts {
    /// How many clients are tied to one server session for `reason`.
    #[must_use]
    pub fn pinned(&self, reason: PinReason) -> i64 {
        match reason {
            PinReason::TransactionCharacteristics => self.pinned_transaction_characteristics,
            PinReason::TemporaryTable => self.pinned_temporary_table,
            PinReason::TextPrepared => self.pinned_text_prepared,
            PinReason::Locks => self.pinned_locks,
            PinReason::Role => self.pinned_role,
            PinReason::MultiStatements => self.pinned_multi_statements,
            PinReason::Xa => self.pinned_xa,
            PinReason::Sequence => self.pinned_sequence,
            PinReason::Unseen => self.pinned_unseen,
            PinReason::LastStatement => self.pinned_last_statement,
        }
    }
}

/// The share of one session in the gauges of tied clients.
#[derive(Debug)]
pub(crate) struct PinGauge<'a> {
    counters: &'a Counters,
    held: Option<(PinReason, Gauge<'a>)>,
}

impl<'a> PinGauge<'a> {
    /// Of a session that is free for now.
    pub(crate) fn new(counters: &'a Counters) -> Self {
        Self {
            counters,
            held: None,
        }
    }

    /// Shows why the session is tied now, if it is.
    pub(crate) fn set(&mut self, reason: Option<PinReason>) {
        if self.held.as_ref().map(|(held, _)| *held) == reason {
            return;
        }
        self.held = reason.map(|reason| {
            let mut gauge = Gauge::new(self.counters.pinned(reason));
            gauge.set(1);
            (reason, gauge)
        });
    }
}

/// Keeps a gauge right: what was added is taken back when this is dropped.
#[derive(Debug)]
pub struct Gauge<'a> {
    gauge: &'a AtomicI64,
    value: i64,
}

impl<'a> Gauge<'a> {
    /// A share of `gauge` that is zero for now.
    #[must_use]
    pub fn new(gauge: &'a AtomicI64) -> Self {
        Self { gauge, value: 0 }
    }

    /// Sets this share.
    pub fn set(&mut self, value: usize) {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        if value != self.value {
            self.gauge.fetch_add(value - self.value, Relaxed);
            self.value = value;
        }
    }
}

impl Drop for Gauge<'_> {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tied_session_counts_for_its_reason_until_it_is_free() {
        let counters = Counters::default();
        let shown = || PinReason::ALL.map(|reason| counters.read().pinned(reason));
        {
            let mut pinned = PinGauge::new(&counters);
            pinned.set(Some(PinReason::TemporaryTable));
            assert_eq!(shown(), [0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
            pinned.set(Some(PinReason::Locks));
            assert_eq!(shown(), [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
            pinned.set(None);
            assert_eq!(shown(), [0; 10]);
            pinned.set(Some(PinReason::TextPrepared));
        }
        assert_eq!(shown(), [0; 10]);
    }

    #[test]
    fn a_gauge_takes_its_share_back() {
        let counters = Counters::default();
        let mut one = Gauge::new(&counters.servers);
        one.set(3);
        {
            let mut other = Gauge::new(&counters.servers);
            other.set(2);
            assert_eq!(counters.read().servers, 5);
        }
        assert_eq!(counters.read().servers, 3);
    }
}
