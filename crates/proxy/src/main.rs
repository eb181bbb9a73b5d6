//! The odp binary: command line, parameters, wiring, signals.
fn main() {}
