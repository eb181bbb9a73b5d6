//! Which OBServer runs this statement: locations, partition functions, replica choice, blacklist.
//!
//! Everything here is a pure function of what discovery installed, what sessions observed and the
//! `now` of the caller: no sockets, no clocks, no tasks. A mistake costs latency, never correctness:
//! whatever is not certain goes to any healthy server of the tenant.

mod blacklist;
mod by_policy;
mod call;
mod choice;
mod decide;
mod decision;
mod desk;
mod detection;
mod explain;
mod fallback;
mod former_location;
mod last_word;
mod limits;
mod locations;
pub mod metadata;
mod observation;
mod partition;
mod placement;
mod policy;
mod reason;
mod request;
mod router;
mod standing;
mod table;
mod table_key;
mod view;

pub use odp_sql::{Backslash, Consistency};

pub use blacklist::Detected;
pub use decision::{Altered, Decision, NoServerReason, Refresh, Route, Wait};
pub use desk::Desk;
pub use detection::{DetectMode, Detection, DetectionLimits, Evidence, Probed, Sign};
pub use explain::{ExplainedLocation, ExplainedServer, Explanation, Placed};
pub use former_location::FormerLocation;
pub use last_word::LastWord;
pub use limits::RouterLimits;
pub use locations::Freshness;
pub use observation::{Learned, Observation};
pub use partition::Partitioning;
pub use policy::{PolicySettings, ProxyRoutePolicy, TargetServers, ZoneGroups, ZonePolicy};
pub use reason::{RouteReason, Unsure};
pub use request::{CollationId, LookupPhase, Parameter, Request, TimeZone};
pub use router::Router;
pub use standing::{Failures, FormerStanding, LastListed, ServerStanding, Standing};
pub use table::{Location, Lookup, Table};
pub use table_key::TableKey;
pub use view::{ClusterView, ForeignServer, Metadata, Tenant};
