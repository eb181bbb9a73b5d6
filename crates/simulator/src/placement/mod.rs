//! Which tablets a statement touches, worked out without the proxy's code so that it checks it.

mod compute;
mod hash;
mod order;
mod touch;

pub(crate) use compute::tablets;
pub(crate) use touch::{Touch, touches};

#[cfg(test)]
mod tests;
