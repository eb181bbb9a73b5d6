//! `SHA1(password)` of a client that proved it: worth the password, so it is wiped and never shown.

use odp_protocol::auth::SALT_LEN;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// `SHA1(password)`; with it the proxy logs further sessions in for the same client. It goes to the
/// successor process and nowhere else.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop, Serialize, Deserialize)]
pub struct Secret([u8; SALT_LEN]);

impl Secret {
    /// Wraps it.
    #[must_use]
    pub fn new(stage1: [u8; SALT_LEN]) -> Self {
        Self(stage1)
    }

    /// The bytes, to compute a response with.
    #[must_use]
    pub fn reveal(&self) -> &[u8; SALT_LEN] {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_in_debug_output() {
        let text = format!("{:?}", Secret::new([0xAB; SALT_LEN]));
        assert_eq!(text, "Secret(…)");
    }
}
