//! OceanBase's partition hashes for whole numbers and simple strings.

/// `MurmurHash64A` (Austin Appleby), which OceanBase chains by its seed.
pub(crate) fn murmur(data: &[u8], seed: u64) -> u64 {
    const M: u64 = 0xC6A4_A793_5BD1_E995;
    let mut hash = seed ^ (data.len() as u64).wrapping_mul(M);
    let mut chunks = data.chunks_exact(8);
    for chunk in &mut chunks {
        let mut key = little_endian(chunk).wrapping_mul(M);
        key ^= key >> 47;
        hash = (hash ^ key.wrapping_mul(M)).wrapping_mul(M);
    }
    let tail = chunks.remainder();
    if !tail.is_empty() {
        hash = (hash ^ little_endian(tail)).wrapping_mul(M);
    }
    hash ^= hash >> 47;
    hash = hash.wrapping_mul(M);
    hash ^ hash >> 47
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |all, byte| all << 8 | u64::from(*byte))
}

/// The partition of a number under HASH: its absolute value modulo the count.
pub(crate) fn hash_index(value: i64, count: u64) -> u64 {
    let magnitude = if value == i64::MIN {
        i64::MAX.unsigned_abs()
    } else {
        value.unsigned_abs()
    };
    magnitude % count.max(1)
}

/// The partition of a chained hash under KEY.
pub(crate) fn key_index(hash: u64, count: u64) -> u64 {
    hash.cast_signed().unsigned_abs() % count.max(1)
}
