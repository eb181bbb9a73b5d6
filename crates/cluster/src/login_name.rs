//! The user name of a login: `user@tenant#cluster:id`, or `cluster:tenant:user` with a separator.
//!
//! Facts: `ob_proxy_auth_parser.cpp` of `OBProxy`. The standard form is taken when the name holds `@`
//! or `#` anywhere; otherwise a separator that occurs at least twice marks the other form.

use crate::{ClusterName, TenantName, UserName};
use std::fmt;

/// Who logs in, and where: what could be read from a user name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginName {
    /// The user inside the tenant.
    pub user: UserName,
    /// The tenant, when the name gives one.
    pub tenant: Option<TenantName>,
    /// The cluster, when the name gives one.
    pub cluster: Option<ClusterName>,
    /// The numeric cluster id, when the name gives one.
    pub cluster_id: Option<i64>,
}

/// A user name that follows neither form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LoginNameError {
    /// No user at all.
    #[error("the user name is empty")]
    Empty,
    /// A separator without a name behind it.
    #[error("the tenant or cluster part of the user name is empty")]
    EmptyPart,
    /// A cluster id that is no decimal number.
    #[error("the cluster id in the user name is no decimal number")]
    ClusterId,
    /// More than the 128 bytes that `OBProxy` takes for a part.
    #[error("a part of the user name is longer than 128 bytes")]
    TooLong,
}

/// The separators of the form `cluster:tenant:user`, tried in order (`username_separator`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Separators(Vec<char>);

impl Separators {
    /// `OBProxy`'s limit on the number of separators.
    const MAX: usize = 64;

    /// Reads `OBProxy`'s list form `:;-;.` (`;` separates the members); members of more than one
    /// character are skipped.
    #[must_use]
    pub fn parse(list: &str) -> Self {
        let single = |member: &str| {
            let mut chars = member.chars();
            chars.next().filter(|_| chars.next().is_none())
        };
        Self(list.split(';').filter_map(single).take(Self::MAX).collect())
    }
}

impl Default for Separators {
    fn default() -> Self {
        Self(vec![':', '-', '.'])
    }
}

impl LoginName {
    const MAX_PART: usize = 128;

    /// Reads a user name as `OBProxy` does.
    ///
    /// # Errors
    /// [`LoginNameError`] for a name without a user, with an empty part or a bad cluster id.
    pub fn parse(name: &str, separators: &Separators) -> Result<Self, LoginNameError> {
        if name.is_empty() {
            return Err(LoginNameError::Empty);
        }
        if name.contains(['@', '#']) {
            return Self::parse_standard(name);
        }
        let separator = separators
            .0
            .iter()
            .find(|&&sep| name.matches(sep).count() >= 2);
        match separator {
            Some(&separator) => Self::parse_separated(name, separator),
            None => Self::build(name, None, None, None),
        }
    }

    fn parse_standard(name: &str) -> Result<Self, LoginNameError> {
        let (account, cluster) = match name.split_once('#') {
            Some((account, cluster)) => (account, Some(cluster)),
            None => (name, None),
        };
        let (user, tenant) = match account.split_once('@') {
            Some((user, tenant)) => (user, Some(tenant)),
            None => (account, None),
        };
        let (cluster, id) = match cluster.and_then(|cluster| cluster.split_once(':')) {
            Some((cluster, id)) => (Some(cluster), Some(id)),
            None => (cluster, None),
        };
        Self::build(user, tenant, cluster, id)
    }

    fn parse_separated(name: &str, separator: char) -> Result<Self, LoginNameError> {
        let mut parts = name.splitn(3, separator);
        let (cluster, tenant) = (parts.next(), parts.next());
        let rest = parts.next().unwrap_or_default();
        match rest.split_once([separator, ':']) {
            Some((user, id)) => Self::build(user, tenant, cluster, Some(id)),
            None => Self::build(rest, tenant, cluster, None),
        }
    }

    fn build(
        user: &str,
        tenant: Option<&str>,
        cluster: Option<&str>,
        id: Option<&str>,
    ) -> Result<Self, LoginNameError> {
        if user.is_empty() {
            return Err(LoginNameError::Empty);
        }
        let parts = [Some(user), tenant, cluster];
        if parts.iter().flatten().any(|part| part.is_empty()) {
            return Err(LoginNameError::EmptyPart);
        }
        if parts
            .iter()
            .flatten()
            .any(|part| part.len() > Self::MAX_PART)
        {
            return Err(LoginNameError::TooLong);
        }
        let cluster_id = match id {
            Some(digits) => Some(digits.parse().map_err(|_| LoginNameError::ClusterId)?),
            None => None,
        };
        Ok(Self {
            user: UserName::new(user),
            tenant: tenant.map(TenantName::new),
            cluster: cluster.map(ClusterName::new),
            cluster_id,
        })
    }
}

impl fmt::Display for LoginName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.user)?;
        if let Some(tenant) = &self.tenant {
            write!(f, "@{tenant}")?;
        }
        if let Some(cluster) = &self.cluster {
            write!(f, "#{cluster}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts(name: &str) -> (String, Option<String>, Option<String>, Option<i64>) {
        let login = LoginName::parse(name, &Separators::default()).unwrap();
        (
            login.user.to_string(),
            login.tenant.map(|tenant| tenant.to_string()),
            login.cluster.map(|cluster| cluster.to_string()),
            login.cluster_id,
        )
    }

    #[test]
    fn every_form_of_the_grammar_is_read() {
        let some = |text: &str| Some(text.to_owned());
        for (name, user, tenant, cluster, id) in [
            ("root", "root", None, None, None),
            ("root@sys", "root", some("sys"), None, None),
            ("root#c1", "root", None, some("c1"), None),
            ("u@t#c", "u", some("t"), some("c"), None),
            ("u@t#c:17", "u", some("t"), some("c"), Some(17)),
            ("c:t:u", "u", some("t"), some("c"), None),
            ("c-t-u", "u", some("t"), some("c"), None),
            ("c.t.u", "u", some("t"), some("c"), None),
            ("c:t:u:5", "u", some("t"), some("c"), Some(5)),
            ("c-t-u:5", "u", some("t"), some("c"), Some(5)),
            ("first.last", "first.last", None, None, None),
            ("a.b.c@t", "a.b.c", some("t"), None, None),
        ] {
            assert_eq!(
                parts(name),
                (user.to_owned(), tenant, cluster, id),
                "{name}"
            );
        }
    }

    #[test]
    fn names_without_a_part_are_refused() {
        for (name, error) in [
            ("", LoginNameError::Empty),
            ("@sys", LoginNameError::Empty),
            ("u@", LoginNameError::EmptyPart),
            ("u@t#", LoginNameError::EmptyPart),
            ("u@t#c:x", LoginNameError::ClusterId),
        ] {
            assert_eq!(
                LoginName::parse(name, &Separators::default()),
                Err(error),
                "{name}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_name_panics(name in ".{0,300}") {
            LoginName::parse(&name, &Separators::default()).ok();
        }
    }
}
