//! Which policy a request follows: the first rule that matches.

use super::settings::{PolicySettings, ProxyRoutePolicy, ZonePolicy};
use super::tiers::Policy;
use odp_sql::{Consistency, Outline, Verb};

/// The order in which servers are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// By the tiers of a table.
    Tiers(Policy),
    /// By `proxy_primary_zone_name`; no other zone is used.
    ProxyZones,
    /// By the tenant's primary zone, then by the tiers.
    TenantZones(Policy),
}

impl Order {
    /// Whether copies of a duplicate table take part in it.
    pub(crate) fn uses_copies(self) -> bool {
        self == Self::Tiers(Policy::DupReplicaFirst)
    }

    /// The order for a partition whose holders are known: a primary zone is for those that are not.
    pub(crate) const fn among_holders(self) -> Self {
        match self {
            Self::TenantZones(policy) => Self::Tiers(policy),
            other => other,
        }
    }

    /// The name that an operator sees.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tiers(policy) => policy.name(),
            Self::ProxyZones => "PROXY_PRIMARY_ZONE_NAME_ONLY",
            Self::TenantZones(_) => "PRIMARY_ZONE_FIRST",
        }
    }
}

/// What a request wants.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish {
    pub(crate) consistency: Consistency,
    /// Whether the session has set its consistency itself.
    pub(crate) is_chosen: bool,
    pub(crate) kind: Kind,
    pub(crate) zone_policy: ZonePolicy,
    /// `proxy_route_policy` of the session, or else of the proxy.
    pub(crate) route_policy: Option<ProxyRoutePolicy>,
}

/// What kind of request it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A SELECT from a table, without locks.
    PlainRead,
    /// Something that a read-only zone can answer: SET, USE, SHOW, a SELECT without table.
    Capable,
    /// Anything else.
    Other,
}

impl Kind {
    /// The kind of a statement; of no statement for a login and the like.
    pub(crate) fn of(outline: Option<&Outline<'_>>) -> Self {
        let Some(outline) = outline else {
            return Self::Capable;
        };
        match outline.verb() {
            Verb::Select if outline.is_for_update() => Self::Other,
            Verb::Select if outline.table().is_some() => Self::PlainRead,
            Verb::Select | Verb::Set | Verb::Use | Verb::Show => Self::Capable,
            _ => Self::Other,
        }
    }
}

impl Wish {
    /// The order of servers, when a table with or without duplicate copies is concerned.
    pub(crate) fn order(self, settings: &PolicySettings, zones: Zones, copies: Copies) -> Order {
        let weak = self.consistency == Consistency::Weak;
        if copies == Copies::Duplicate && !weak && self.kind == Kind::PlainRead {
            return Order::Tiers(Policy::DupReplicaFirst);
        }
        if zones == Zones::SomeReadOnly {
            return Order::Tiers(self.among_read_only_zones());
        }
        if weak && self.zone_policy == ZonePolicy::UnmergeFollowerFirst {
            return Order::Tiers(Policy::UnmergeFollowerFirst);
        }
        if let Some(policy) = self.route_policy.filter(|_| weak) {
            return Order::Tiers(match policy {
                ProxyRoutePolicy::FollowerFirst => Policy::FollowerFirst,
                ProxyRoutePolicy::UnmergeFollowerFirst => Policy::UnmergeFollowerFirst,
                ProxyRoutePolicy::FollowerOnly => Policy::FollowerOnly,
            });
        }
        if !settings.proxy_primary_zone_name.is_empty() {
            return Order::ProxyZones;
        }
        if settings.enable_primary_zone && !weak {
            return Order::TenantZones(Policy::MergeIdcOrder);
        }
        Order::Tiers(Policy::MergeIdcOrder)
    }

    fn among_read_only_zones(self) -> Policy {
        let weak = self.consistency == Consistency::Weak;
        match self.kind {
            _ if weak && self.kind != Kind::Capable => self.zone_policy.table(),
            Kind::Capable if !self.is_chosen => Policy::MergeIdcOrder,
            Kind::Capable if weak => self.zone_policy.table(),
            _ => Policy::OnlyReadwriteZone,
        }
    }
}

impl ZonePolicy {
    const fn table(self) -> Policy {
        match self {
            Self::MergeIdcOrder | Self::ColumnStoreOnly | Self::ForceReadonlyZone => {
                Policy::MergeIdcOrder
            }
            Self::ReadonlyZoneFirst | Self::UnmergeFollowerFirst => Policy::ReadonlyZoneFirst,
            Self::OnlyReadonlyZone => Policy::OnlyReadonlyZone,
            Self::UnmergeZoneFirst => Policy::UnmergeZoneFirst,
        }
    }
}

/// Whether a zone of the cluster is read-only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Zones {
    #[default]
    AllReadWrite,
    SomeReadOnly,
}

/// Whether strong reads may use any copy of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Copies {
    Plain,
    Duplicate,
}
