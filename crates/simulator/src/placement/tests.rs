//! The hashes against values that a real engine gave.

use crate::placement::hash::{hash_index, key_index, murmur};

#[test]
fn a_number_hashes_by_its_absolute_value() {
    assert_eq!(hash_index(-8, 7), 1);
    assert_eq!(hash_index(i64::MIN, 16), i64::MAX.unsigned_abs() % 16);
    assert!(key_index(murmur(&5_i64.to_le_bytes(), 0), 16) < 16);
}
