//! Where a statement goes when no location says it: any healthy server of the tenant.

use crate::decide::Decider;
use crate::locations::{Cached, Found, Outdated};
use crate::table_key::BorrowedKey;
use crate::{Decision, LookupPhase, Metadata, NoServerReason, Route, RouteReason};
use odp_cluster::ServerAddr;

impl Decider<'_> {
    /// A server without the help of a table's location, which is missing for `reason`.
    pub(crate) fn without_location(&self, reason: RouteReason) -> Decision {
        let choice = &self.choice;
        let tenant = self.view.tenants.get(choice.request.tenant);
        let has_rows = !matches!(reason, RouteReason::AnyServer | RouteReason::NoMetadata);
        let single = tenant
            .and_then(|tenant| tenant.single_leader)
            .filter(|&server| has_rows && choice.takes(server));
        if let Some(server) = single {
            return Decision::Route(route(server, RouteReason::SingleLeader));
        }
        if let Some(server) = choice.last_server() {
            let reason = match reason {
                RouteReason::AnyServer => RouteReason::LastServer,
                other => other,
            };
            return Decision::Route(route(server, reason));
        }
        if self.view.metadata == Metadata::Unavailable {
            return self.any_of_cluster(reason);
        }
        self.any_of_tenant(reason)
    }

    fn any_of_tenant(&self, reason: RouteReason) -> Decision {
        let choice = &self.choice;
        let key = BorrowedKey::servers_of(choice.request.tenant);
        let found = self
            .locations
            .find(key, self.limits, choice.now, |found| match found {
                Found::Table(cached) => Ok(self.among_servers(&cached, reason)),
                Found::Missing => Err(NoServerReason::UnknownTenant),
                Found::Failed => Ok(None),
            });
        match found {
            Some(Ok(Some(route))) => Decision::Route(route),
            Some(Err(reason)) => Decision::NoServer(reason),
            None if choice.request.lookup == LookupPhase::Allowed => {
                Decision::Lookup(key.into_key())
            }
            Some(Ok(None)) | None => self.any_of_cluster(reason),
        }
    }

    /// One of the tenant's servers.
    fn among_servers(&self, servers: &Cached<'_>, reason: RouteReason) -> Option<Route> {
        let replicas = &servers.table.locations.first()?.replicas;
        let addrs = replicas.iter().map(|replica| replica.server);
        let (server, reason) = match self.choice.any(addrs.clone()) {
            Some(server) => (server, reason),
            None => (self.choice.forced(addrs)?, RouteReason::Forced),
        };
        Some(Route {
            table: Some(servers.key.clone()),
            refresh: servers.claim_refresh(Outdated::No),
            ..route(server, reason)
        })
    }

    fn any_of_cluster(&self, reason: RouteReason) -> Decision {
        let addrs = self.view.servers.iter().map(|server| server.addr);
        let any = self.choice.any(addrs.clone());
        match any {
            Some(server) => Decision::Route(route(server, reason)),
            None => match self.choice.forced(addrs) {
                Some(server) => Decision::Route(route(server, RouteReason::Forced)),
                None => Decision::NoServer(NoServerReason::AllTried),
            },
        }
    }
}

fn route(server: ServerAddr, reason: RouteReason) -> Route {
    Route {
        server,
        reason,
        table: None,
        tablet: None,
        is_leader: false,
        refresh: false,
    }
}
