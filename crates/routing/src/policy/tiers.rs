//! The tier tables: in which order servers are tried, as `OBProxy` 4.3.1 has them
//! (`ob_ldc_route.cpp`).
//!
//! A, B, C: same IDC, same region, other region. N, M: the zone is not in, is in major compaction.
//! R, W: read-only, read-write zone. P, T: holds the partition, another server of the tenant.
//! F, L: follower, leader. D: copy of a duplicate table.

use super::letters::Letters;

/// One tier; servers in the same tier are equals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tier {
    /// How it is written in the table.
    pub(crate) name: &'static str,
    pub(crate) letters: Letters,
}

impl Tier {
    const fn new(name: &'static str) -> Self {
        Self {
            name,
            letters: Letters::read(name),
        }
    }

    /// Whether the tier is for servers that do not hold the partition.
    pub(crate) const fn is_of_others(&self) -> bool {
        self.letters.has(Letters::T)
    }
}

macro_rules! tiers {
    ($($name:literal)+) => { const { &[$(Tier::new($name)),+] } };
}

/// A table of tiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Policy {
    MergeIdcOrder,
    ReadonlyZoneFirst,
    OnlyReadonlyZone,
    UnmergeZoneFirst,
    OnlyReadwriteZone,
    FollowerFirst,
    UnmergeFollowerFirst,
    FollowerOnly,
    DupReplicaFirst,
}

impl Policy {
    /// The name that `OBProxy` gives it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::MergeIdcOrder => "MERGE_IDC_ORDER",
            Self::ReadonlyZoneFirst => "READONLY_ZONE_FIRST",
            Self::OnlyReadonlyZone => "ONLY_READONLY_ZONE",
            Self::UnmergeZoneFirst => "UNMERGE_ZONE_FIRST",
            Self::OnlyReadwriteZone => "ONLY_READWRITE_ZONE",
            Self::FollowerFirst => "FOLLOWER_FIRST",
            Self::UnmergeFollowerFirst => "UNMERGE_FOLLOWER_FIRST",
            Self::FollowerOnly => "FOLLOWER_ONLY",
            Self::DupReplicaFirst => "DUP_REPLICA_FIRST",
        }
    }

    /// Its tiers, best first.
    pub(crate) const fn tiers(self) -> &'static [Tier] {
        match self {
            Self::MergeIdcOrder => {
                tiers!["ANP" "BNP" "AMP" "BMP" "ANT" "BNT" "AMT" "BMT" "CNP" "CMP" "CNT" "CMT"]
            }
            Self::ReadonlyZoneFirst => tiers![
                "ANRP" "BNRP" "AMRP" "BMRP" "ANWP" "BNWP" "AMWP" "BMWP"
                "ANRT" "BNRT" "AMRT" "BMRT" "ANWT" "BNWT" "AMWT" "BMWT"
                "CNRP" "CMRP" "CNWP" "CMWP" "CNRT" "CMRT" "CNWT" "CMWT"
            ],
            Self::OnlyReadonlyZone => tiers![
                "ANRP" "BNRP" "AMRP" "BMRP" "ANRT" "BNRT" "AMRT" "BMRT"
                "CNRP" "CMRP" "CNRT" "CMRT"
            ],
            Self::UnmergeZoneFirst => tiers![
                "ANRP" "BNRP" "ANWP" "BNWP" "AMRP" "BMRP" "AMWP" "BMWP"
                "ANRT" "BNRT" "ANWT" "BNWT" "AMRT" "BMRT" "AMWT" "BMWT"
                "CNRP" "CNWP" "CMRP" "CMWP" "CNRT" "CNWT" "CMRT" "CMWT"
            ],
            Self::OnlyReadwriteZone => tiers![
                "ANWP" "BNWP" "AMWP" "BMWP" "ANWT" "BNWT" "AMWT" "BMWT"
                "CNWP" "CMWP" "CNWT" "CMWT"
            ],
            Self::FollowerFirst => tiers![
                "ANPF" "BNPF" "AMPF" "BMPF" "ANPL" "BNPL" "AMPL" "BMPL" "ANT" "BNT" "AMT" "BMT"
                "CNPF" "CMPF" "CNPL" "CMPL" "CNT" "CMT"
            ],
            Self::UnmergeFollowerFirst => tiers![
                "ANPF" "BNPF" "ANPL" "BNPL" "AMPF" "BMPF" "AMPL" "BMPL" "ANT" "BNT" "AMT" "BMT"
                "CNPF" "CNPL" "CMPF" "CMPL" "CNT" "CMT"
            ],
            Self::FollowerOnly => tiers![
                "ANPF" "BNPF" "AMPF" "BMPF" "ANT" "BNT" "AMT" "BMT" "CNPF" "CMPF" "CNT" "CMT"
            ],
            Self::DupReplicaFirst => tiers![
                "ANPD" "BNPD" "AMPD" "BMPD" "CNPD" "CMPD" "ANP" "BNP" "AMP" "BMP" "CNP" "CMP"
                "ANT" "BNT" "AMT" "BMT" "CNT" "CMT"
            ],
        }
    }

    /// Whether it moves the tiers of holders in other regions before those of other servers, once no
    /// holder in this region can be used (the `_OPTIMIZED` tables).
    pub(crate) const fn prefers_far_holders(self) -> bool {
        !matches!(self, Self::DupReplicaFirst)
    }

    /// The first tier that takes a server with these letters, by its place in the table.
    pub(crate) fn tier_of(self, server: Letters) -> Option<(u8, &'static Tier)> {
        (0..)
            .zip(self.tiers())
            .find(|(_, tier)| server.has(tier.letters))
    }
}
