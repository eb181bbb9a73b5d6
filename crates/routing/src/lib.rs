//! Which OBServer runs this statement: locations, partition functions, replica choice, blacklist.
//!
//! Everything here is a pure function of what discovery installed, what sessions observed and the
//! `now` of the caller: no sockets, no clocks, no tasks. A mistake costs latency, never correctness:
//! whatever is not certain goes to any healthy server of the tenant.

mod decision;
mod limits;
mod observation;
pub mod partition;
mod reason;
mod request;
mod router;
mod standing;
mod table;
mod table_key;
mod view;

pub use decision::{Decision, NoServerReason, Route};
pub use limits::RouterLimits;
pub use observation::{Learned, Observation};
pub use reason::{RouteReason, Unsure};
pub use request::{CollationId, Consistency, LookupPhase, Parameter, Request};
pub use router::Router;
pub use standing::{ServerStanding, Standing};
pub use table::{Location, Lookup, Table};
pub use table_key::TableKey;
pub use view::{ClusterView, Metadata, Tenant};

/// The outline of a statement; replaced by `odp_sql::Outline` once that exists.
#[derive(Debug)]
pub struct Outline<'a>(pub std::marker::PhantomData<&'a str>);
