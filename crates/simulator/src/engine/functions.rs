//! MySQL's functions that SQLite lacks or defines otherwise.

use crate::conditions::Clock;
use crate::engine::{numbers, strings, times};
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Result};

/// The arguments of a call, read as MySQL would convert them.
pub(crate) struct Arguments<'c, 'a>(&'c Context<'a>);

impl Arguments<'_, '_> {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn raw(&self, index: usize) -> ValueRef<'_> {
        if index < self.0.len() {
            self.0.get_raw(index)
        } else {
            ValueRef::Null
        }
    }

    pub(crate) fn is_null(&self, index: usize) -> bool {
        matches!(self.raw(index), ValueRef::Null)
    }

    pub(crate) fn bytes(&self, index: usize) -> Option<Vec<u8>> {
        match self.raw(index) {
            ValueRef::Null => None,
            ValueRef::Integer(number) => Some(number.to_string().into_bytes()),
            ValueRef::Real(number) => Some(number.to_string().into_bytes()),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(bytes.to_vec()),
        }
    }

    pub(crate) fn text(&self, index: usize) -> Option<String> {
        self.bytes(index)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    pub(crate) fn real(&self, index: usize) -> Option<f64> {
        match self.raw(index) {
            ValueRef::Null => None,
            ValueRef::Real(number) => Some(number),
            #[expect(clippy::cast_precision_loss, reason = "MySQL converts in the same way")]
            ValueRef::Integer(number) => Some(number as f64),
            _ => Some(numbers::leading_number(
                &self.text(index).unwrap_or_default(),
            )),
        }
    }

    pub(crate) fn integer(&self, index: usize) -> Option<i64> {
        match self.raw(index) {
            ValueRef::Integer(number) => Some(number),
            _ => self.real(index).map(numbers::rounded),
        }
    }
}

/// Registers a function; `arguments` is -1 for any number.
pub(crate) fn scalar(
    connection: &Connection,
    name: &str,
    arguments: i32,
    function: impl Fn(&Arguments<'_, '_>) -> Value + Send + 'static,
) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function(name, arguments, flags, move |context| {
        Ok(function(&Arguments(context)))
    })
}

/// Registers a function whose result changes from call to call.
pub(crate) fn volatile(
    connection: &Connection,
    name: &str,
    arguments: i32,
    function: impl Fn(&Arguments<'_, '_>) -> Value + Send + 'static,
) -> Result<()> {
    connection.create_scalar_function(
        name,
        arguments,
        FunctionFlags::SQLITE_UTF8,
        move |context| Ok(function(&Arguments(context))),
    )
}

/// A text, or NULL.
pub(crate) fn text(value: Option<impl Into<String>>) -> Value {
    value.map_or(Value::Null, |text| Value::Text(text.into()))
}

/// An integer, or NULL.
pub(crate) fn integer(value: Option<i64>) -> Value {
    value.map_or(Value::Null, Value::Integer)
}

/// Registers everything that needs no session but its server's clock.
pub(crate) fn register(connection: &Connection, clock: &Clock) -> Result<()> {
    strings::register(connection)?;
    numbers::register(connection)?;
    times::register(connection, clock)
}
