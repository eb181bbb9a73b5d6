//! What the policies ask of a view, worked out once per view.

use super::idc::Nearness;
use super::letters::Letters;
use super::rule::Zones;
use super::settings::{PolicySettings, ZoneGroups};
use crate::ClusterView;
use foldhash::fast::RandomState;
use odp_cluster::{ServerAddr, TenantName, Zone, ZoneName, ZoneState, ZoneType};
use std::borrow::Cow;
use std::collections::HashMap;

/// The facts of a view.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// The servers with the place of their zone in the view.
    servers: HashMap<ServerAddr, Option<usize>, RandomState>,
    /// What each zone adds to the letters of its servers.
    zones: Vec<Letters>,
    pub(crate) kinds: Zones,
    /// Of the proxy's own IDC.
    own: Nearness,
    /// Of every IDC that the cluster names, in lower case.
    named: HashMap<String, Nearness>,
    tenant_zones: HashMap<TenantName, ZoneGroups, RandomState>,
}

impl Facts {
    pub(crate) fn of(view: &ClusterView, settings: &PolicySettings) -> Self {
        let zone_of = |name: &ZoneName| view.zones.iter().position(|zone| zone.name == *name);
        let servers = view.servers.iter();
        let read_only = |zone: &Zone| zone.zone_type == ZoneType::ReadOnly;
        let idcs = view.zones.iter().map(|zone| zone.idc.as_str());
        let named = |idc: &str| (idc.to_ascii_lowercase(), Nearness::of(idc, &view.zones));
        let tenants = view.tenants.iter();
        Self {
            servers: servers
                .map(|server| (server.addr, zone_of(&server.zone)))
                .collect(),
            zones: view.zones.iter().map(letters_of).collect(),
            kinds: if view.zones.iter().any(read_only) {
                Zones::SomeReadOnly
            } else {
                Zones::AllReadWrite
            },
            own: Nearness::of(&settings.proxy_idc_name, &view.zones),
            named: idcs.filter(|idc| !idc.is_empty()).map(named).collect(),
            tenant_zones: tenants
                .map(|(name, tenant)| (name.clone(), ZoneGroups::read(&tenant.primary_zone)))
                .collect(),
        }
    }

    /// The place of a server's zone in the view.
    pub(crate) fn zone_of(&self, server: ServerAddr) -> Option<usize> {
        self.servers.get(&server).copied().flatten()
    }

    /// What a zone adds to the letters of its servers; a server without a known zone is taken for one
    /// of an ordinary zone.
    pub(crate) fn zone_letters(&self, zone: Option<usize>) -> Letters {
        let known = zone.and_then(|zone| self.zones.get(zone).copied());
        known.unwrap_or(Letters::N.and(Letters::W))
    }

    /// How near the zones are to the session's IDC, or else to the proxy's.
    pub(crate) fn nearness(&self, idc: Option<&str>, zones: &[Zone]) -> Cow<'_, Nearness> {
        let Some(idc) = idc else {
            return Cow::Borrowed(&self.own);
        };
        match self.named.get(idc) {
            Some(nearness) => Cow::Borrowed(nearness),
            None => Cow::Owned(Nearness::of(idc, zones)),
        }
    }

    /// The primary zone of a tenant; empty for RANDOM.
    pub(crate) fn tenant_zones(&self, tenant: &TenantName) -> Option<&ZoneGroups> {
        self.tenant_zones
            .get(tenant)
            .filter(|groups| !groups.is_empty())
    }
}

fn letters_of(zone: &Zone) -> Letters {
    let state = match zone.state {
        ZoneState::Merging => Letters::M,
        ZoneState::Active | ZoneState::Upgrade => Letters::N,
    };
    state.and(match zone.zone_type {
        ZoneType::ReadOnly => Letters::R,
        ZoneType::ReadWrite => Letters::W,
    })
}
