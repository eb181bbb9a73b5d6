//! Where a statement goes when no location says it: a server of the tenant, by policy.

use crate::by_policy::{Pick, Picked};
use crate::choice::Choice;
use crate::decide::Decider;
use crate::locations::{Found, Outdated};
use crate::policy::letters::Letters;
use crate::policy::rule::{Copies, Order, Wish};
use crate::{Decision, NoServerReason, Route, RouteReason, TableKey};
use odp_cluster::ServerAddr;
use odp_sql::Consistency;

impl Decider<'_> {
    /// A server without the help of a table's location, which is missing for `reason`.
    pub(crate) fn without_location(&self, reason: RouteReason) -> Decision {
        let wish = self.wish();
        let order = self.order(wish, Copies::Plain);
        let has_rows = !matches!(reason, RouteReason::AnyServer | RouteReason::NoMetadata);
        if let Some(server) = self.single_leader(wish, order).filter(|_| has_rows) {
            return Decision::Route(route(server, RouteReason::SingleLeader));
        }
        if let Some(server) = self.cached_server(wish, order, has_rows) {
            let reason = match reason {
                RouteReason::AnyServer => RouteReason::LastServer,
                other => other,
            };
            return Decision::Route(route(server, reason));
        }
        let field = self.field(wish, order, &[]);
        match self.pick(&field, self.choice.request.last_server) {
            Picked::Server(pick) => Decision::Route(self.to_server(&pick, order, reason)),
            Picked::None => Decision::NoServer(NoServerReason::AllTried),
            Picked::NeedServers => {
                Decision::Lookup(TableKey::servers_of(self.choice.request.tenant))
            }
            Picked::UnknownTenant => Decision::NoServer(NoServerReason::UnknownTenant),
        }
    }

    /// The server that leads all of the tenant, for what needs leaders.
    fn single_leader(&self, wish: Wish, order: Order) -> Option<ServerAddr> {
        let applies = self.settings.enable_single_leader_node_routing
            && wish.consistency == Consistency::Strong
            && order != Order::ProxyZones;
        let tenant = self.view.tenants.get(self.choice.request.tenant);
        let server = tenant.filter(|_| applies)?.single_leader?;
        self.choice.takes(server).then_some(server)
    }

    /// The session's last server, as long as it is near and in no major compaction, and the order has
    /// a place for it. A statement with rows keeps to it only where no zone is preferred.
    fn cached_server(&self, wish: Wish, order: Order, has_rows: bool) -> Option<ServerAddr> {
        let last = self.choice.request.last_server?;
        let tenant = self.choice.request.tenant;
        let is_led_by_zone =
            matches!(order, Order::TenantZones(_)) && self.facts.tenant_zones(tenant).is_some();
        if !self.settings.enable_cached_server
            || order == Order::ProxyZones
            || has_rows && (is_led_by_zone || wish.consistency == Consistency::Weak)
        {
            return None;
        }
        let nearness = self
            .facts
            .nearness(self.choice.request.idc, &self.view.zones);
        let zone = self.facts.zone_of(last);
        let letters = self.facts.zone_letters(zone).and(nearness.letter(zone));
        let has_place = match order {
            Order::Tiers(policy) => policy.tier_of(letters.and(Letters::T)).is_some(),
            Order::ProxyZones | Order::TenantZones(_) => true,
        };
        let fits = has_place && !letters.has(Letters::C) && !letters.has(Letters::M);
        if fits {
            self.choice.last_server()
        } else {
            None
        }
    }

    /// The route to a server that was chosen from the tenant's.
    fn to_server(&self, pick: &Pick, order: Order, reason: RouteReason) -> Route {
        let reason = match reason {
            _ if pick.is_forced => RouteReason::Forced,
            RouteReason::AnyServer | RouteReason::NoMetadata => reason,
            _ if order == Order::ProxyZones => RouteReason::ProxyPrimaryZone,
            other => other,
        };
        let key = TableKey::servers_of(self.choice.request.tenant);
        let refresh = self.source.find(key.borrowed(), |found| match found {
            Found::Table(cached) => self.claims(&cached, Outdated::No),
            Found::Routine(_) | Found::Missing(_) | Found::Failed => false,
        });
        Route {
            table: refresh.map(|_| key),
            refresh: refresh.unwrap_or_default(),
            ..route(pick.candidate.server, reason)
        }
    }

    /// One of `target_db_server`: no other server may be used.
    pub(crate) fn among_targets(&self) -> Decision {
        let choice = &self.choice;
        let in_turn = |group: &[ServerAddr], takes: &dyn Fn(ServerAddr) -> bool| {
            let start = choice.rotation.checked_rem(group.len()).unwrap_or(0);
            let rotated = group.iter().chain(group).skip(start).take(group.len());
            rotated.copied().find(|&server| takes(server))
        };
        let mut groups = self.settings.target_db_server.groups();
        let usable = groups.find_map(|group| in_turn(group, &|server| choice.takes(server)));
        if let Some(server) = usable {
            return Decision::Route(route(server, RouteReason::TargetServer));
        }
        let left = Choice::DESPAIR.into_iter().find_map(|despair| {
            let mut groups = self.settings.target_db_server.groups();
            let takes = |server| choice.takes_listed(server, despair);
            groups.find_map(|group| in_turn(group, &takes))
        });
        match left {
            Some(server) => Decision::Route(route(server, RouteReason::Forced)),
            None => Decision::NoServer(NoServerReason::AllTried),
        }
    }
}

/// A route that rests on no table's location.
fn route(server: ServerAddr, reason: RouteReason) -> Route {
    Route {
        server,
        reason,
        table: None,
        tablet: None,
        is_leader: false,
        refresh: false,
        is_probe: false,
        alters: None,
    }
}
