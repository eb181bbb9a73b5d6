//! `mysql_native_password`: salts, responses, checks, and the proxy's part in it.
//!
//! A client answers the *proxy's* salt. The server learns that salt through `__proxy_scramble`
//! (proxy salt XOR server salt) and can then check the client's response itself
//! (`obmp_connect.cpp`, `extract_real_scramble`), so the proxy needs no password.

use bytes::{BufMut, BytesMut};
use sha1::{Digest, Sha1};

/// Bytes of a salt and of a native response.
pub const SALT_LEN: usize = 20;

/// What an `OBServer` takes as salt when a proxy sends no `__proxy_scramble`.
pub const CONSTANT_SALT: Salt = Salt(*b"aaaaaaaabbbbbbbbbbbb");

/// The 20 random bytes of a greeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Salt([u8; SALT_LEN]);

impl Salt {
    /// Makes a salt out of random bytes; each is mapped to a printable one (33 to 126), because a
    /// salt must hold no zero byte and older clients cut at some control characters.
    #[must_use]
    pub fn from_random(random: [u8; SALT_LEN]) -> Self {
        Self(random.map(|byte| 33 + byte % 94))
    }

    /// The salt as it came from a server, or `None` when it is not 20 bytes.
    #[must_use]
    pub fn from_wire(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; SALT_LEN] {
        &self.0
    }

    /// The value of `__proxy_scramble` for a client that answered `self` and a server that sent
    /// `server`; applied to that value and `server`, it gives `self` back.
    #[must_use]
    pub fn xor(&self, server: &Salt) -> [u8; SALT_LEN] {
        xor(&self.0, &server.0)
    }
}

fn xor(a: &[u8; SALT_LEN], b: &[u8; SALT_LEN]) -> [u8; SALT_LEN] {
    let mut out = *a;
    for (out, b) in out.iter_mut().zip(b) {
        *out ^= b;
    }
    out
}

fn sha1(parts: &[&[u8]]) -> [u8; SALT_LEN] {
    let mut hash = Sha1::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// `SHA1(password)`, what `OBProxy` stores as hex in `observer_sys_password`.
#[must_use]
pub fn stage1(password: &[u8]) -> [u8; SALT_LEN] {
    sha1(&[password])
}

/// `SHA1(SHA1(password))`, what a server stores (`*HEX`).
#[must_use]
pub fn stage2(stage1: &[u8; SALT_LEN]) -> [u8; SALT_LEN] {
    sha1(&[stage1])
}

/// The response to `salt` of somebody who knows `SHA1(password)`.
#[must_use]
pub fn native_response(stage1: &[u8; SALT_LEN], salt: &Salt) -> [u8; SALT_LEN] {
    xor(stage1, &sha1(&[&salt.0, &stage2(stage1)]))
}

/// Whether `response` to `salt` proves the password whose stage-2 hash is `stage2`.
#[must_use]
pub fn verifies(response: &[u8], salt: &Salt, stage2: &[u8; SALT_LEN]) -> bool {
    proven_stage1(response, salt, stage2).is_some()
}

/// `SHA1(password)` out of a `response` to `salt` that proves the password whose stage-2 hash is
/// `stage2`; `None` when it does not. What comes back is worth the password at every server.
#[must_use]
pub fn proven_stage1(
    response: &[u8],
    salt: &Salt,
    stage2: &[u8; SALT_LEN],
) -> Option<[u8; SALT_LEN]> {
    let response = <&[u8; SALT_LEN]>::try_from(response).ok()?;
    let stage1 = xor(response, &sha1(&[&salt.0, stage2]));
    let difference = self::stage2(&stage1)
        .iter()
        .zip(stage2)
        .fold(0, |all, (a, b)| all | (a ^ b));
    (difference == 0).then_some(stage1)
}

/// Writes the payload of an `AuthSwitchRequest` to `mysql_native_password` (of that name in the
/// MySQL manual); the client answers with a packet that is the bare response.
pub fn put_switch_to_native(out: &mut BytesMut, salt: &Salt) {
    out.put_u8(0xFE);
    out.put_slice(crate::NATIVE_PASSWORD.as_bytes());
    out.put_u8(0);
    out.put_slice(&salt.0);
    out.put_u8(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_verifies_against_the_stored_hash_only_with_its_salt() {
        let salt = Salt::from_random([3; SALT_LEN]);
        let proof = native_response(&stage1(b"secret"), &salt);
        let stored = stage2(&stage1(b"secret"));
        assert!(verifies(&proof, &salt, &stored));
        assert!(!verifies(
            &proof,
            &Salt::from_random([4; SALT_LEN]),
            &stored
        ));
        assert!(!verifies(&proof, &salt, &stage2(&stage1(b"other"))));
        assert!(!verifies(b"", &salt, &stored));
    }

    #[test]
    fn the_response_is_the_one_of_other_implementations() {
        let salt = Salt::from_random([9; SALT_LEN]);
        let expected = mysql_common::auth::plugins::mysql_native_password::scramble_native(
            salt.as_bytes(),
            b"pw",
        );
        assert_eq!(Some(native_response(&stage1(b"pw"), &salt)), expected);
    }

    #[test]
    fn the_proxy_scramble_gives_a_server_the_salt_that_the_client_saw() {
        let (proxy, server) = (Salt::from_random([1; 20]), Salt::from_random([200; 20]));
        let scramble = Salt(proxy.xor(&server));
        assert_eq!(scramble.xor(&server), *proxy.as_bytes());
    }
}
