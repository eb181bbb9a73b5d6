//! `MurmurHash64A`, the hash of `PARTITION BY KEY` (`murmur_hash.cpp` of `OceanBase`).

const M: u64 = 0xc6a4_a793_5bd1_e995;
const R: u32 = 47;

/// Hashes `data` starting from `seed`.
pub(crate) fn murmur64a(data: &[u8], seed: u64) -> u64 {
    let mut hash = seed ^ (data.len() as u64).wrapping_mul(M);
    let (words, tail) = data.as_chunks::<8>();
    for word in words {
        hash = mix(hash, u64::from_le_bytes(*word));
    }
    if !tail.is_empty() {
        let mut last = [0; 8];
        for (to, from) in last.iter_mut().zip(tail) {
            *to = *from;
        }
        hash = (hash ^ u64::from_le_bytes(last)).wrapping_mul(M);
    }
    hash ^= hash >> R;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> R)
}

fn mix(hash: u64, word: u64) -> u64 {
    let mut word = word.wrapping_mul(M);
    word ^= word >> R;
    (hash ^ word.wrapping_mul(M)).wrapping_mul(M)
}
