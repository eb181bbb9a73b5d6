//! A simulated OBServer cluster for the sandbox, the tests and the benches.
