//! What a pool counts.

use crate::shelf::Retired;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// The upper bounds of the buckets of the wait histogram, in microseconds; one more bucket has none.
pub const WAIT_BOUNDS_US: [u64; 7] = [100, 1_000, 5_000, 20_000, 100_000, 500_000, 2_000_000];

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// The live counters of one pool, shared by all threads.
        #[derive(Debug, Default)]
        pub struct PoolCounters {
            $($(#[$doc])* pub $name: AtomicU64,)*
            waits: [AtomicU64; WAIT_BOUNDS_US.len() + 1],
        }

        /// The values of [`PoolCounters`] at one moment.
        #[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct PoolCounts {
            $($(#[$doc])* pub $name: u64,)*
            /// Waits by their length, see [`WAIT_BOUNDS_US`]; not cumulative.
            pub waits: [u64; WAIT_BOUNDS_US.len() + 1],
        }

        impl PoolCounters {
            /// The values now.
            #[must_use]
            pub fn read(&self) -> PoolCounts {
                PoolCounts {
                    $($name: self.$name.load(Relaxed),)*
                    waits: self.waits.each_ref().map(|count| count.load(Relaxed)),
                }
            }
        }

        impl std::ops::AddAssign<&Self> for PoolCounts {
            fn add_assign(&mut self, other: &Self) {
                $(self.$name += other.$name;)*
                for (sum, count) in self.waits.iter_mut().zip(&other.waits) {
                    *sum += count;
                }
            }
        }
    };
}

counters! {
    /// Server sessions that were logged in.
    opened,
    /// Of those, the ones that were opened before anybody asked.
    opened_ahead,
    /// Server sessions lent again.
    reused,
    /// Client logins that needed no login at a server.
    saved_logins,
    /// Server sessions put back into the state of a login.
    resets,
    /// Server sessions that moved to another thread.
    moved,
    /// Waits that ended at their deadline.
    wait_timeouts,
    /// Borrowers that were sent away because too many waited.
    refused_waits,
    /// Given up because idle for too long.
    retired_idle,
    /// Given up because of age.
    retired_age,
    /// Given up because there were enough.
    retired_surplus,
    /// Given up because the connection was gone.
    retired_dead,
    /// Given up because its state could not be put back.
    retired_state,
    /// Given up because a client left it in the middle of something.
    retired_busy,
    /// Given up because the account changed.
    retired_account,
}

impl PoolCounters {
    pub(crate) fn waited(&self, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let bucket = WAIT_BOUNDS_US.partition_point(|bound| *bound < us);
        if let Some(count) = self.waits.get(bucket) {
            count.fetch_add(1, Relaxed);
        }
    }

    pub(crate) fn retired(&self, why: Retired) {
        let counter = match why {
            Retired::Idle => &self.retired_idle,
            Retired::Age => &self.retired_age,
            Retired::Surplus => &self.retired_surplus,
        };
        counter.fetch_add(1, Relaxed);
    }
}
