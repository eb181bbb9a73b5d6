//! The variables that a login answer brings, kept once per identical set.
//!
//! A login answer holds every system variable (838 on `OceanBase` 4.3, 25 KB). Most sessions log in to
//! the same values.

use crate::variables::put_assignment;
use bytes::{Bytes, BytesMut};
use odp_protocol::{Reader, SessionChange, put_lenenc_bytes};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// All system variables of a login, as pairs of length-encoded name and value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LoginVariables {
    pairs: Bytes,
}

/// Names a set of [`LoginVariables`] in a session's record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct VariableSetId(u64);

/// The sets that live sessions of one worker use.
#[derive(Debug, Default)]
pub struct VariableSets {
    sets: HashMap<VariableSetId, Arc<LoginVariables>>,
}

impl LoginVariables {
    /// Reads the changes of a login's OK packet.
    ///
    /// # Errors
    /// When the packet is cut.
    pub(crate) fn parse(changes: &[u8]) -> Result<Self, odp_protocol::ProtocolError> {
        let mut pairs = BytesMut::with_capacity(changes.len());
        SessionChange::parse_all(changes, |change| {
            if let SessionChange::System { name, value } = change {
                put_lenenc_bytes(&mut pairs, name);
                put_lenenc_bytes(&mut pairs, value);
            }
        })?;
        Ok(Self {
            pairs: pairs.freeze(),
        })
    }

    /// Every variable.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut reader = Reader::new(&self.pairs);
        std::iter::from_fn(move || Some((reader.lenenc_bytes().ok()?, reader.lenenc_bytes().ok()?)))
    }

    /// The value of a variable.
    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        let mut pairs = self.iter();
        pairs.find_map(|(key, value)| (key == name.as_bytes()).then_some(value))
    }

    /// The statement that sets these variables to the values of this login; empty when it has none.
    pub(crate) fn set_statement(&self, names: &[&str]) -> Bytes {
        let mut sql = BytesMut::new();
        for name in names {
            if let Some(value) = self.get(name) {
                sql.extend_from_slice(if sql.is_empty() { b"SET" } else { b"," });
                put_assignment(&mut sql, name, value);
            }
        }
        sql.freeze()
    }

    /// Makes a set of these variables.
    #[cfg(test)]
    pub(crate) fn of(values: &[(&str, &str)]) -> Self {
        let mut pairs = BytesMut::new();
        for (name, value) in values {
            put_lenenc_bytes(&mut pairs, name.as_bytes());
            put_lenenc_bytes(&mut pairs, value.as_bytes());
        }
        Self {
            pairs: pairs.freeze(),
        }
    }

    /// FNV-1a in 64 bits: the next release, which takes records over, must find the same.
    fn id(&self) -> VariableSetId {
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        VariableSetId(self.pairs.iter().fold(0xCBF2_9CE4_8422_2325, step))
    }
}

impl VariableSets {
    /// The shared copy of `set`.
    pub(crate) fn share(&mut self, set: LoginVariables) -> Arc<LoginVariables> {
        let mut id = set.id();
        // Two sets may share a hash; the second one takes the next free id.
        while let Some(known) = self.sets.get(&id) {
            if **known == set {
                return Arc::clone(known);
            }
            id = VariableSetId(id.0.wrapping_add(1));
        }
        self.sets.retain(|_, set| Arc::strong_count(set) > 1);
        let set = Arc::new(set);
        self.sets.insert(id, Arc::clone(&set));
        set
    }

    /// The shared copy of a set that comes from another worker's.
    pub(crate) fn adopt(&mut self, set: Arc<LoginVariables>) -> Arc<LoginVariables> {
        if self.sets.values().any(|known| Arc::ptr_eq(known, &set)) {
            return set;
        }
        let id = set.id();
        match self.sets.get(&id) {
            Some(known) if **known == *set => Arc::clone(known),
            Some(_) => self.share(LoginVariables {
                pairs: set.pairs.clone(),
            }),
            None => {
                self.sets.insert(id, Arc::clone(&set));
                set
            }
        }
    }

    /// The set with this id.
    pub(crate) fn get(&self, id: VariableSetId) -> Option<Arc<LoginVariables>> {
        self.sets.get(&id).map(Arc::clone)
    }

    /// The id under which `set` is shared.
    pub(crate) fn id_of(&self, set: &Arc<LoginVariables>) -> Option<VariableSetId> {
        self.sets
            .iter()
            .find(|(_, known)| Arc::ptr_eq(known, set))
            .map(|(&id, _)| id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identical_sets_are_kept_once() {
        let mut sets = VariableSets::default();
        let one = sets.share(LoginVariables::of(&[("a", "1")]));
        let two = sets.share(LoginVariables::of(&[("a", "1")]));
        let other = sets.share(LoginVariables::of(&[("a", "2")]));
        assert!(Arc::ptr_eq(&one, &two));
        assert!(!Arc::ptr_eq(&one, &other));
        let id = sets.id_of(&one).unwrap();
        assert!(Arc::ptr_eq(&sets.get(id).unwrap(), &one));
    }
}
