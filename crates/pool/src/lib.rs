//! Authenticated connections to OBServers: open, lend, reset, retire.
