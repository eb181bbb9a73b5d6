//! Data definition: from MySQL's DDL to a definition, and from that to SQLite and to metadata rows.

pub(crate) mod alter;
mod bound_bytes;
pub(crate) mod column_type;
mod constant;
pub(crate) mod create;
pub(crate) mod definition;
pub(crate) mod metadata;
mod object_type;
pub(crate) mod partition;
pub(crate) mod show_create;
pub(crate) mod sqlite;
