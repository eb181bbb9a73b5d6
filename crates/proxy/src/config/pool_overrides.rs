//! The value of `pool_mode_overrides`: which tenants and users have another `pool_mode`.

use super::bounds::Bounds;
use super::value::{Complaint, Value};
use odp_cluster::TenantName;
use odp_pool::PoolMode;
use odp_session::PoolOverride;

/// The overrides, kept with the text that they were read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PoolOverrides {
    text: String,
    pub(crate) overrides: Vec<PoolOverride>,
}

/// A word of `pool_mode`.
pub(crate) fn pool_mode(word: &str) -> Option<PoolMode> {
    match word {
        "off" => Some(PoolMode::Off),
        "session" => Some(PoolMode::Session),
        "transaction" => Some(PoolMode::Transaction),
        _ => None,
    }
}

impl Value for PoolOverrides {
    fn read(text: &str, _: &Bounds) -> Result<Self, Complaint> {
        let parts = text.split(';').map(str::trim);
        let overrides = parts.filter(|part| !part.is_empty()).map(read_one);
        Ok(Self {
            text: text.to_owned(),
            overrides: overrides.collect::<Result<_, _>>()?,
        })
    }

    fn print(&self) -> String {
        self.text.clone()
    }
}

fn read_one(part: &str) -> Result<PoolOverride, Complaint> {
    let complain = || format!("`{part}` is not tenant=mode or user@tenant=mode");
    let (who, mode) = part.split_once('=').ok_or_else(complain)?;
    let mode = pool_mode(mode.trim()).ok_or_else(|| {
        let word = mode.trim();
        format!("`{word}` is no pool mode: off, session or transaction")
    })?;
    let (user, tenant) = match who.trim().rsplit_once('@') {
        Some((user, tenant)) => (Some(user.to_owned()), tenant),
        None => (None, who.trim()),
    };
    if tenant.is_empty() || user.as_deref() == Some("") {
        return Err(complain());
    }
    Ok(PoolOverride {
        tenant: TenantName::new(tenant),
        user,
        mode,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_and_users_have_modes_of_their_own() {
        let read = PoolOverrides::read("t1=transaction; app@t1=off", &Bounds::Any).unwrap();
        let [all, app] = &read.overrides[..] else {
            panic!("{read:?}")
        };
        assert_eq!(
            (all.user.as_deref(), all.mode),
            (None, PoolMode::Transaction)
        );
        assert_eq!(
            (app.user.as_deref(), app.mode),
            (Some("app"), PoolMode::Off)
        );
        assert_eq!(app.tenant, TenantName::new("t1"));
        for wrong in ["t1", "t1=on", "=session", "@t1=off", "a@=off"] {
            assert!(PoolOverrides::read(wrong, &Bounds::Any).is_err(), "{wrong}");
        }
    }
}
