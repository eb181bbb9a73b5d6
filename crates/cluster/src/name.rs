//! Names as newtypes, so that a tenant is never passed where a database is meant.
//!
//! A name is a cheaply cloned string (inline up to 23 bytes). Names compare exactly; where
//! `OceanBase` ignores case (tables and databases under `lower_case_table_names`), the caller folds.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::borrow::Borrow;
use std::fmt;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(SmolStr);

        impl $name {
            /// Wraps `text` as it is; whether the server knows such a name is for the server to say.
            pub fn new(text: impl AsRef<str>) -> Self {
                Self(SmolStr::new(text))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Whether the name is empty (nothing chosen yet, for a database).
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }

            /// The name in ASCII lower case, the form in which tables and databases are compared.
            #[must_use]
            pub fn to_lowercase(&self) -> Self {
                if self.0.bytes().any(|byte| byte.is_ascii_uppercase()) {
                    Self(SmolStr::new(self.0.to_ascii_lowercase()))
                } else {
                    self.clone()
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }
    };
}

name!(
    /// The name of an `OceanBase` cluster (server parameter `cluster`).
    ClusterName
);
name!(
    /// The name of a tenant; `sys` is the tenant that manages the cluster.
    TenantName
);
name!(
    /// The name of a user inside its tenant.
    UserName
);
name!(
    /// The name of a database (schema).
    DatabaseName
);
name!(
    /// The name of a table, view or other routable object.
    TableName
);
name!(
    /// The name of a zone.
    ZoneName
);
name!(
    /// The name of an IDC (a data centre, the nearest tier of a logical data centre).
    IdcName
);
name!(
    /// The name of a region (a city, the second tier of a logical data centre).
    RegionName
);
