//! Whatever a client sends as its login packet.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| odp_fuzz::handshake_response(data));

#[cfg(not(fuzzing))]
fn main() {}
