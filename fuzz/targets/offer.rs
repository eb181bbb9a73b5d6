//! Whatever a coordinator sends to a data plane.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| odp_fuzz::offer(data));

#[cfg(not(fuzzing))]
fn main() {}
