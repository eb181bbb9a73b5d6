//! Which servers a request prefers: pure rules over tables, after `OBProxy` 4.3.1.
//!
//! `rule` finds the order that a request follows, `tiers` holds the tables, `candidates` ranks the
//! servers. Nothing here knows the blacklist: it is asked through a closure.

pub(crate) mod candidates;
pub(crate) mod facts;
pub(crate) mod idc;
pub(crate) mod letters;
pub(crate) mod rule;
pub(crate) mod settings;
pub(crate) mod tiers;

pub use settings::{PolicySettings, ProxyRoutePolicy, TargetServers, ZoneGroups, ZonePolicy};
