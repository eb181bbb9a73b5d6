//! Integration tests: real processes, real clients, real engine.
