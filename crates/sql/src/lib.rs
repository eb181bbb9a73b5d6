//! Reads just enough of a statement to route it.
