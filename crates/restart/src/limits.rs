//! How many descriptors this process and its children may open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The limit on open descriptors after it was raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DescriptorLimit {
    /// Descriptors that a process may open; none when there is no limit.
    pub descriptors: Option<u64>,
}

impl DescriptorLimit {
    /// What the data plane needs beside its sessions: listeners, probes, discovery, runtimes.
    const RESERVED: u64 = 128;

    /// How many sessions fit, at two descriptors each (one to the client, one to a server); a
    /// restart passes them in batches, so that the overlap costs each process only its own share.
    #[must_use]
    pub fn sessions(self) -> Option<u64> {
        self.descriptors
            .map(|limit| limit.saturating_sub(Self::RESERVED) / 2)
    }
}

/// Raises the soft limit on open descriptors to the hard one, for this process and the children it
/// starts from now on. Where the kernel refuses, the limit stays as it is.
#[must_use]
pub fn raise_descriptor_limit() -> DescriptorLimit {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let wanted = Rlimit {
        current: maximum,
        maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, wanted) {
        tracing::warn!(%error, "the limit of open descriptors could not be raised");
    }
    DescriptorLimit {
        descriptors: getrlimit(Resource::Nofile).current,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_costs_two_descriptors_and_some_are_kept_back() {
        let of = |descriptors| DescriptorLimit { descriptors }.sessions();
        assert_eq!(of(Some(20_128)), Some(10_000));
        assert_eq!(of(Some(10)), Some(0));
        assert_eq!(of(None), None);
    }
}
