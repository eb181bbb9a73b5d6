//! Reads just enough of a statement to route it.
//!
//! [`outline`] walks a statement once, without allocating, and answers what routing asks: the verb, the
//! first table, its partition, hints, the WHERE condition and the rows of an INSERT. Whatever it cannot
//! read it reports as unsure, never as something else.

mod block;
mod byte_class;
mod charset;
mod command;
mod comment;
mod condition;
mod congestion;
mod connection_id;
mod dialect;
mod escape;
mod expression;
mod filter;
mod held;
mod hint;
mod keyword;
mod kill;
mod lexer;
mod literal;
mod name;
mod operand;
mod outline;
mod purity;
mod reader;
mod rows;
mod settings;
mod table;
mod tail;
mod tuple;
mod uses;
mod verb;

pub use charset::Charset;
pub use comment::RoutingComment;
pub use congestion::{Congestion, CongestionScope};
pub use connection_id::with_connection_id;
pub use dialect::{Dialect, DoubleQuotes};
pub use escape::{Backslash, Unescape};
pub use expression::{CastType, Compute, Expression, Function, Unit};
pub use filter::{CompareOp, Compared, Filter, Item};
pub use held::{Held, held};
pub use kill::{Kill, KillScope};
pub use literal::{Introducer, Literal, LiteralList, TemporalKind};
pub use name::{ColumnRef, Decoded, Name, TableRef};
pub use outline::{Consistency, Following, Outline, outline};
pub use purity::is_pure_select;
pub use rows::{Columns, Rows};
pub use settings::{Setting, SettingValue, Settings, Target};
pub use uses::Uses;
pub use verb::{Class, Verb};
