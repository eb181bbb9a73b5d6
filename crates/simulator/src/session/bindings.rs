//! The parameters of a prepared statement: what a client declared, what it sent ahead, what it binds.

use crate::error::SimulatorError;
use odp_protocol::{Bound, ExecuteRequest, ParameterType, Reader, Value as Wire};
use rusqlite::types::Value;
use std::collections::HashMap;
use std::fmt::Write as _;

/// What is known of a statement's parameters.
#[derive(Debug, Default)]
pub(crate) struct Bindings {
    /// How many there are.
    pub(crate) parameters: u16,
    types: Vec<ParameterType>,
    long: HashMap<u16, Vec<u8>>,
}

impl Bindings {
    /// Of a statement with so many parameters.
    pub(crate) fn new(parameters: u16) -> Self {
        Self {
            parameters,
            ..Self::default()
        }
    }

    /// Takes in a `COM_STMT_SEND_LONG_DATA`.
    pub(crate) fn send_ahead(&mut self, packet: &[u8]) {
        let mut reader = Reader::new(packet.get(5..).unwrap_or_default());
        if let Ok(parameter) = reader.u16() {
            let long = self.long.entry(parameter).or_default();
            long.extend_from_slice(reader.rest());
        }
    }

    /// Forgets what was sent ahead.
    pub(crate) fn clear(&mut self) {
        self.long.clear();
    }

    /// The values that a `COM_STMT_EXECUTE` binds.
    pub(crate) fn values(&mut self, packet: &[u8]) -> Result<Vec<Value>, SimulatorError> {
        let request = ExecuteRequest::parse(packet, self.parameters)?;
        if let Some(types) = request.types() {
            self.types = types.collect();
        }
        let mut values = Vec::new();
        let is_long = |index: u16| self.long.contains_key(&index);
        request.each_parameter(&self.types, is_long, |bound| {
            values.push(match bound {
                Bound::Value(value) => Some(value),
                Bound::LongData => None,
            });
        })?;
        let owned = (0_u16..).zip(values).map(|(index, value)| match value {
            Some(value) => owned_value(value),
            None => bytes_value(self.long.get(&index).map(Vec::as_slice).unwrap_or_default()),
        });
        Ok(owned.collect())
    }
}

fn bytes_value(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::Text(text.to_owned()),
        Err(_) => Value::Blob(bytes.to_vec()),
    }
}

fn owned_value(value: Wire<'_>) -> Value {
    match value {
        Wire::Null => Value::Null,
        Wire::Int(number) => Value::Integer(number),
        Wire::UInt(number) => {
            i64::try_from(number).map_or_else(|_| Value::Text(number.to_string()), Value::Integer)
        }
        Wire::Float(number) => Value::Real(f64::from(number)),
        Wire::Double(number) => Value::Real(number),
        Wire::Bytes(bytes) => bytes_value(bytes),
        Wire::DateTime {
            year,
            month,
            day,
            hour,
            minute,
            second,
            micros,
        } => {
            let mut text =
                format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}");
            if micros > 0 {
                // Writing to a string cannot fail.
                write!(text, ".{micros:06}").ok();
            }
            Value::Text(text)
        }
        Wire::Time {
            negative,
            days,
            hours,
            minutes,
            seconds,
            micros,
        } => {
            let sign = if negative { "-" } else { "" };
            let hours = days * 24 + u32::from(hours);
            let mut text = format!("{sign}{hours:02}:{minutes:02}:{seconds:02}");
            if micros > 0 {
                // Writing to a string cannot fail.
                write!(text, ".{micros:06}").ok();
            }
            Value::Text(text)
        }
    }
}
