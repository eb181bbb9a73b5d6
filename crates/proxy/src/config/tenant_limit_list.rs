//! The value of `resource_max_connections`: clients at a time by tenant.

use super::bounds::Bounds;
use super::value::{Complaint, Value};
use odp_session::TenantLimits;

/// The limits, kept with the text that they were read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TenantLimitList {
    text: String,
    pub(crate) limits: TenantLimits,
}

impl Value for TenantLimitList {
    fn read(text: &str, _: &Bounds) -> Result<Self, Complaint> {
        let limits = TenantLimits::read(text);
        let limits = limits.ok_or("is not of the form tenant:number;tenant:number;*:number")?;
        Ok(Self {
            text: text.to_owned(),
            limits,
        })
    }

    fn print(&self) -> String {
        self.text.clone()
    }
}
