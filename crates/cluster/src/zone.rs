//! Zones: failure domains with an IDC, a region and a state.

use crate::{IdcName, RegionName, ZoneName};
use serde::{Deserialize, Serialize};

/// What a zone is for (`type` of `DBA_OB_ZONES`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ZoneType {
    /// Replicas here may lead.
    ReadWrite,
    /// Replicas here serve weak reads only.
    ReadOnly,
}

/// Whether a zone is in service (`status` of `DBA_OB_ZONES`; INACTIVE is treated as an upgrade).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ZoneState {
    /// In service.
    Active,
    /// In major compaction: serves, but weak reads avoid it.
    Merging,
    /// Stopped by the operator.
    Upgrade,
}

/// A zone as the cluster lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zone {
    /// Its name.
    pub name: ZoneName,
    /// Its state.
    pub state: ZoneState,
    /// The region, empty when the cluster names none.
    pub region: RegionName,
    /// The IDC, empty when the cluster names none.
    pub idc: IdcName,
    /// What it is for.
    pub zone_type: ZoneType,
}
