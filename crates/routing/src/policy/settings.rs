//! The parameters of the policies, and what a session sets in their place.

use odp_cluster::{ServerAddr, ServerAddrError, ZoneName};

/// The parameters that say which servers are preferred. Each has `OBProxy`'s name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySettings {
    /// The IDC that this proxy stands in; empty makes no difference between IDCs.
    pub proxy_idc_name: String,
    /// The policy of weak reads where no zone is read-only.
    pub proxy_route_policy: Option<ProxyRoutePolicy>,
    /// The only zones to use, best first; empty for all.
    pub proxy_primary_zone_name: ZoneGroups,
    /// The only servers to use, best first; empty for all.
    pub target_db_server: TargetServers,
    /// Whether the tenant's primary zone is preferred where no location is known.
    pub enable_primary_zone: bool,
    /// Whether a statement without table stays on the session's last server.
    pub enable_cached_server: bool,
    /// Whether the single server that leads all of a tenant is preferred where no location is known.
    pub enable_single_leader_node_routing: bool,
}

impl Default for PolicySettings {
    /// `OBProxy`'s defaults.
    fn default() -> Self {
        Self {
            proxy_idc_name: String::new(),
            proxy_route_policy: None,
            proxy_primary_zone_name: ZoneGroups::default(),
            target_db_server: TargetServers::default(),
            enable_primary_zone: true,
            enable_cached_server: true,
            enable_single_leader_node_routing: true,
        }
    }
}

/// A value of `proxy_route_policy` or `@proxy_route_policy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProxyRoutePolicy {
    /// Followers, then the leader.
    FollowerFirst,
    /// The same, but servers in major compaction come last.
    UnmergeFollowerFirst,
    /// Never the leader.
    FollowerOnly,
}

impl ProxyRoutePolicy {
    /// Reads a name in any case; other names are ignored, as `OBProxy` ignores them.
    #[must_use]
    pub fn read(name: &str) -> Option<Self> {
        [
            ("FOLLOWER_FIRST", Self::FollowerFirst),
            ("UNMERGE_FOLLOWER_FIRST", Self::UnmergeFollowerFirst),
            ("FOLLOWER_ONLY", Self::FollowerOnly),
        ]
        .into_iter()
        .find_map(|(known, policy)| known.eq_ignore_ascii_case(name.trim()).then_some(policy))
    }
}

/// The session variable `ob_route_policy` (`ob_route_policy.h` of the server).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ZonePolicy {
    /// Read-only zones and read-write zones alike.
    MergeIdcOrder,
    /// Read-only zones first.
    #[default]
    ReadonlyZoneFirst,
    /// Read-only zones only.
    OnlyReadonlyZone,
    /// Zones in major compaction last.
    UnmergeZoneFirst,
    /// Followers first; like the default where a zone is read-only.
    UnmergeFollowerFirst,
    /// Columnstore replicas only.
    ColumnStoreOnly,
    /// Read-only replicas only.
    ForceReadonlyZone,
}

impl ZonePolicy {
    const NAMES: [(&'static str, Self); 7] = [
        ("MERGE_IDC_ORDER", Self::MergeIdcOrder),
        ("READONLY_ZONE_FIRST", Self::ReadonlyZoneFirst),
        ("ONLY_READONLY_ZONE", Self::OnlyReadonlyZone),
        ("UNMERGE_ZONE_FIRST", Self::UnmergeZoneFirst),
        ("UNMERGE_FOLLOWER_FIRST", Self::UnmergeFollowerFirst),
        ("COLUMN_STORE_ONLY", Self::ColumnStoreOnly),
        ("FORCE_READONLY_ZONE", Self::ForceReadonlyZone),
    ];

    /// Reads the variable's value, a name in any case or its number; anything else is the default.
    #[must_use]
    pub fn read(value: &[u8]) -> Self {
        let number = std::str::from_utf8(value)
            .ok()
            .and_then(|text| text.trim().parse::<usize>().ok());
        let by_name = Self::NAMES
            .into_iter()
            .find(|(name, _)| value.eq_ignore_ascii_case(name.as_bytes()));
        let found = number.map_or(by_name, |number| Self::NAMES.get(number).copied());
        found.map_or(Self::default(), |(_, policy)| policy)
    }
}

/// Groups of zones, best first: `z1,z2;z3`. The zones of a group are equals.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ZoneGroups(Vec<Vec<ZoneName>>);

impl ZoneGroups {
    /// Reads `z1,z2;z3`; empty members are skipped. `RANDOM` (a tenant's primary zone) is no list.
    #[must_use]
    pub fn read(text: &str) -> Self {
        if text.trim().eq_ignore_ascii_case("RANDOM") {
            return Self::default();
        }
        let group = |group: &str| members(group).map(ZoneName::new).collect::<Vec<_>>();
        let groups = text.split(';').map(group);
        Self(groups.filter(|group| !group.is_empty()).collect())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The group of a zone, 0 for the best one.
    pub(crate) fn rank(&self, zone: &ZoneName) -> Option<usize> {
        let is = |name: &ZoneName| name.as_str().eq_ignore_ascii_case(zone.as_str());
        self.0.iter().position(|group| group.iter().any(is))
    }
}

/// Groups of servers, best first: `ip:port,ip:port;ip:port`. The servers of a group are equals.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TargetServers(Vec<Vec<ServerAddr>>);

impl TargetServers {
    /// Reads `ip:port,ip:port;ip:port`.
    ///
    /// # Errors
    /// The first member that is no address.
    pub fn read(text: &str) -> Result<Self, ServerAddrError> {
        let group = |group: &str| members(group).map(str::parse).collect();
        let groups: Vec<Vec<ServerAddr>> = text.split(';').map(group).collect::<Result<_, _>>()?;
        Ok(Self(
            groups
                .into_iter()
                .filter(|group| !group.is_empty())
                .collect(),
        ))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn groups(&self) -> impl Iterator<Item = &[ServerAddr]> {
        self.0.iter().map(Vec::as_slice)
    }
}

fn members(group: &str) -> impl Iterator<Item = &str> {
    group
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_obproxy_and_the_server_write_them() {
        let policy = ProxyRoutePolicy::read("follower_only");
        assert_eq!(policy, Some(ProxyRoutePolicy::FollowerOnly));
        assert_eq!(ProxyRoutePolicy::read("nearest"), None);
        assert_eq!(ZonePolicy::read(b"5"), ZonePolicy::ColumnStoreOnly);
        let policy = ZonePolicy::read(b"only_readonly_zone");
        assert_eq!(policy, ZonePolicy::OnlyReadonlyZone);
        assert_eq!(ZonePolicy::read(b"77"), ZonePolicy::ReadonlyZoneFirst);
        let zones = ZoneGroups::read("z1, z2;;z3");
        assert_eq!(zones.rank(&ZoneName::new("Z2")), Some(0));
        assert_eq!(zones.rank(&ZoneName::new("z3")), Some(1));
        assert!(ZoneGroups::read("RANDOM").is_empty());
        assert!(TargetServers::read("10.0.0.1:2881,nowhere").is_err());
        assert!(TargetServers::read("").unwrap().is_empty());
    }
}
