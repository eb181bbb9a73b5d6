//! The few system calls without a safe wrapper, behind safe functions; the only crate with unsafe code.
