//! How many clients each tenant may have at once.

use odp_cluster::TenantName;
use std::collections::HashMap;

/// Limits by tenant (`OBProxy`'s `resource_max_connections`); 0 is without limit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TenantLimits {
    limits: HashMap<TenantName, usize>,
    others: usize,
}

impl TenantLimits {
    /// Reads `tenant:limit;tenant:limit`, in which `*` stands for all the others; `None` for anything else.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let mut read = Self::default();
        let entries = text.split(';').map(str::trim);
        for entry in entries.filter(|entry| !entry.is_empty()) {
            let (tenant, limit) = entry.rsplit_once(':')?;
            let (tenant, limit) = (tenant.trim(), limit.trim().parse().ok()?);
            match tenant {
                "" => return None,
                "*" => read.others = limit,
                tenant => {
                    let twice = read.limits.insert(TenantName::new(tenant), limit);
                    if twice.is_some() {
                        return None;
                    }
                }
            }
        }
        Some(read)
    }

    /// The limit of this tenant.
    #[must_use]
    pub fn of(&self, tenant: &TenantName) -> usize {
        self.limits.get(tenant).copied().unwrap_or(self.others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_by_tenant_with_one_for_all_the_others() {
        let limits = TenantLimits::read(" demo:3; sys: 0 ;*:7;").unwrap();
        let of = |tenant| limits.of(&TenantName::new(tenant));
        assert_eq!((of("demo"), of("sys"), of("else")), (3, 0, 7));
        let none = TenantLimits::read("").unwrap();
        assert_eq!(none.of(&TenantName::new("demo")), 0);
        for wrong in ["demo", "demo:", "demo:x", ":3", "demo:-1", "demo:1;demo:2"] {
            assert_eq!(TenantLimits::read(wrong), None, "{wrong}");
        }
    }
}
