//! How near a zone is to the proxy's IDC.

use super::letters::Letters;
use odp_cluster::{RegionName, Zone};

/// The nearness of every zone of a view, for one IDC name. Without a match it tells nothing: every
/// server counts as near.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Nearness(Option<Vec<Letters>>);

impl Nearness {
    /// Finds the regions of `idc`: those of the zones in it, else those of the zones whose names begin
    /// with it, in any case. In one of them, a zone is near when it is in the IDC (or named so).
    pub(crate) fn of(idc: &str, zones: &[Zone]) -> Self {
        if idc.is_empty() {
            return Self(None);
        }
        let is_in = |zone: &Zone| zone.idc.as_str().eq_ignore_ascii_case(idc);
        let is_named = |zone: &Zone| {
            let start = zone.name.as_str().as_bytes().get(..idc.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(idc.as_bytes()))
        };
        let regions_of = |matches: &dyn Fn(&Zone) -> bool| -> Vec<&RegionName> {
            let matching = zones.iter().filter(|zone| matches(zone));
            matching.map(|zone| &zone.region).collect()
        };
        let mut regions = regions_of(&is_in);
        if regions.is_empty() {
            regions = regions_of(&is_named);
        }
        if regions.is_empty() {
            return Self(None);
        }
        let nearness = |zone: &Zone| match regions.contains(&&zone.region) {
            true if is_in(zone) || is_named(zone) => Letters::A,
            true => Letters::B,
            false => Letters::C,
        };
        Self(Some(zones.iter().map(nearness).collect()))
    }

    /// The letter for the zone at this place of the view; `None` for a server without a zone.
    pub(crate) fn letter(&self, zone: Option<usize>) -> Letters {
        match &self.0 {
            None => Letters::A,
            Some(letters) => zone
                .and_then(|zone| letters.get(zone).copied())
                .unwrap_or(Letters::C),
        }
    }
}
