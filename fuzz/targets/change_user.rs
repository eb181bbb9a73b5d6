//! Whatever a client sends as a change of user.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| odp_fuzz::change_user(data));

#[cfg(not(fuzzing))]
fn main() {}
