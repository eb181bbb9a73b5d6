//! Answers that come from the catalogue: SHOW, DESCRIBE, `INFORMATION_SCHEMA`.

mod information_schema;
mod show;
mod show_table;
