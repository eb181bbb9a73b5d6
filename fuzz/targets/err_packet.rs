//! Whatever a server sends as an ERR packet.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| odp_fuzz::err_packet(data));

#[cfg(not(fuzzing))]
fn main() {}
