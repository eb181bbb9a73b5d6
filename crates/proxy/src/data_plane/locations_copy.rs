//! The location cache as bytes for the next generation: bounded, checked, in a form that has a number.

use bytes::Bytes;
use odp_routing::{FormerLocation, Router, TableKey};
use serde::{Deserialize, Serialize};

/// The copy: a label, which is written among the JSON, and the bytes, which stand behind it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct LocationsCopy {
    /// [`FormerLocation::FORMAT`] of the writer; 0 when there is no copy.
    format: u16,
    length: usize,
    crc32: u32,
    #[serde(skip)]
    pub(super) bytes: Bytes,
}

impl LocationsCopy {
    /// The longest copy in bytes; the entries that were used last come first. Together with the rest it
    /// stays within [`odp_restart::MAX_SNAPSHOT`].
    const LONGEST: usize = 48 << 20;
    /// Tables whose names are told, too: those of another form can only be fetched anew, and more would
    /// keep the next generation waiting.
    pub(super) const NAMED: usize = 256;

    /// Copies what `router` knows, and tells the names of what it knows best.
    pub(super) fn of(router: &Router) -> (Self, Vec<TableKey>) {
        let (mut bytes, mut names) = (Vec::new(), Vec::new());
        for former in router.locations() {
            match postcard::to_stdvec(&former) {
                Ok(entry) if bytes.len() + entry.len() <= Self::LONGEST => bytes.extend(entry),
                Ok(_) => break,
                Err(error) => {
                    tracing::error!(key = %former.key, %error, "a location cannot be copied");
                }
            }
            if names.len() < Self::NAMED {
                names.push(former.key);
            }
        }
        let copy = Self {
            format: FormerLocation::FORMAT,
            length: bytes.len(),
            crc32: crc32fast::hash(&bytes),
            bytes: Bytes::from(bytes),
        };
        (copy, names)
    }

    /// Takes the bytes that belong to this label.
    ///
    /// # Errors
    /// One line for the operator when they are not those that were written.
    pub(super) fn with(self, bytes: Bytes) -> Result<Self, String> {
        if bytes.len() != self.length || crc32fast::hash(&bytes) != self.crc32 {
            return Err("the snapshot's locations are damaged".to_owned());
        }
        Ok(Self { bytes, ..self })
    }

    /// The locations in the copy; `None` when their form is another release's.
    pub(super) fn read(&self) -> Option<Vec<FormerLocation>> {
        if self.format != FormerLocation::FORMAT {
            return None;
        }
        let (mut rest, mut locations) = (self.bytes.as_ref(), Vec::new());
        while !rest.is_empty() {
            let (location, behind) = postcard::take_from_bytes(rest).ok()?;
            locations.push(location);
            rest = behind;
        }
        Some(locations)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use odp_cluster::{DatabaseName, TableName, TenantName};
    use odp_routing::{Lookup, RouterLimits};
    use std::time::Instant;

    fn router(tables: usize) -> Router {
        let router = Router::new(RouterLimits::default());
        for number in 0..tables {
            let key = TableKey {
                tenant: TenantName::new("demo"),
                database: DatabaseName::new("test"),
                table: TableName::new(format!("t{number}")),
            };
            router.install(key, Lookup::Missing, Instant::now());
        }
        router
    }

    #[test]
    fn every_location_comes_across_and_only_some_are_named() {
        let (copy, names) = LocationsCopy::of(&router(1000));
        assert_eq!(names.len(), LocationsCopy::NAMED);
        let again = label(&copy).with(copy.bytes.clone()).unwrap();
        assert_eq!(again, copy);
        assert_eq!(again.read().unwrap().len(), 1000);
    }

    #[test]
    fn no_copy_at_all_is_read_as_one_of_another_form() {
        let none = LocationsCopy::default().with(Bytes::new()).unwrap();
        assert_eq!(none.read(), None);
    }

    #[test]
    fn a_damaged_copy_and_one_of_another_form_are_not_used() {
        let (mut copy, _) = LocationsCopy::of(&router(3));
        for at in 0..copy.bytes.len() {
            let mut damaged = copy.bytes.to_vec();
            damaged[at] ^= 0xff;
            assert!(label(&copy).with(damaged.into()).is_err());
        }
        let short = copy.bytes.slice(1..);
        assert!(label(&copy).with(short).is_err());
        copy.format += 1;
        assert_eq!(copy.read(), None);
    }

    /// What the JSON has of it.
    fn label(copy: &LocationsCopy) -> LocationsCopy {
        LocationsCopy {
            bytes: Bytes::new(),
            ..copy.clone()
        }
    }
}
