//! Whatever a client sends as its user name.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| odp_fuzz::login_name(data));

#[cfg(not(fuzzing))]
fn main() {}
