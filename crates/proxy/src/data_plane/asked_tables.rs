//! The tables that sessions asked for: what the next generation should know before its first client.

use odp_routing::TableKey;
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};

/// A bounded set of tables, the newest of which stay; shared by the workers, and touched only when the
/// location cache had no answer.
#[derive(Debug, Default)]
pub(super) struct AskedTables(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Each table with the number of its last mention.
    tables: HashMap<TableKey, u64>,
    /// The mentions, oldest first; those that are not a table's last are passed over.
    mentions: VecDeque<(u64, TableKey)>,
    next: u64,
}

impl AskedTables {
    /// Tables that are kept; more would keep the next generation waiting.
    pub(super) const KEPT: usize = 256;

    /// Takes note of a table.
    pub(super) fn note(&self, key: &TableKey) {
        let mut inner = self.0.lock();
        let number = inner.next;
        inner.next += 1;
        inner.tables.insert(key.clone(), number);
        inner.mentions.push_back((number, key.clone()));
        while inner.tables.len() > Self::KEPT || inner.mentions.len() > 4 * Self::KEPT {
            let Some((number, key)) = inner.mentions.pop_front() else {
                return;
            };
            if inner.tables.get(&key) != Some(&number) {
                continue;
            }
            if inner.tables.len() > Self::KEPT {
                inner.tables.remove(&key);
            } else {
                inner.mentions.push_back((number, key));
            }
        }
    }

    /// The tables, in no order.
    pub(super) fn all(&self) -> Vec<TableKey> {
        self.0.lock().tables.keys().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use odp_cluster::{DatabaseName, TableName, TenantName};

    fn key(number: usize) -> TableKey {
        TableKey {
            tenant: TenantName::new("demo"),
            database: DatabaseName::new("test"),
            table: TableName::new(format!("t{number}").as_str()),
        }
    }

    #[test]
    fn the_newest_tables_stay_however_often_they_are_asked_for() {
        let tables = AskedTables::default();
        for number in 0..2 * AskedTables::KEPT {
            tables.note(&key(number));
            tables.note(&key(0));
        }
        let all = tables.all();
        assert_eq!(all.len(), AskedTables::KEPT);
        assert!(all.contains(&key(0)));
        assert!(all.contains(&key(2 * AskedTables::KEPT - 1)));
        assert!(!all.contains(&key(1)));
        for _ in 0..10_000 {
            tables.note(&key(0));
        }
        assert_eq!(tables.all().len(), AskedTables::KEPT);
        assert!(tables.0.lock().mentions.len() <= 4 * AskedTables::KEPT);
    }
}
