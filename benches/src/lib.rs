//! Benchmarks of what a query costs.
