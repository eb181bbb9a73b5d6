//! The parameters of an EXECUTE as routing reads them.

use crate::prepared::Prepared;
use odp_protocol::{Bound, ExecuteRequest, ParameterType, ProtocolError, Value};
use odp_routing::Parameter;

/// Reads them.
///
/// # Errors
/// When the packet is not what its statement makes of it.
pub(crate) fn parameters<'a>(
    statement: &Prepared,
    payload: &'a [u8],
) -> Result<Vec<Parameter<'a>>, ProtocolError> {
    let request = ExecuteRequest::parse(payload, statement.parameters)?;
    let declared: Option<Vec<ParameterType>> = request.types().map(Iterator::collect);
    let types = declared.as_deref().unwrap_or(&statement.types);
    let mut parameters = Vec::with_capacity(types.len());
    let is_long = |_| false;
    let read = request.each_parameter(types, is_long, |bound| {
        parameters.push(match bound {
            Bound::Value(Value::Null) => Parameter::Null,
            Bound::Value(Value::Int(value)) => Parameter::Int(value),
            Bound::Value(Value::UInt(value)) => Parameter::Uint(value),
            // Whole numbers are the same in any type; of others the server sees fewer digits.
            Bound::Value(Value::Float(value)) if value.fract() == 0.0 && value.abs() < 1e7 => {
                Parameter::Double(value.into())
            }
            Bound::Value(Value::Float(_)) | Bound::LongData => Parameter::Other,
            Bound::Value(Value::Double(value)) => Parameter::Double(value),
            Bound::Value(Value::Bytes(bytes)) => Parameter::Bytes(bytes),
            Bound::Value(Value::DateTime {
                year,
                month,
                day,
                hour,
                minute,
                second,
                micros,
            }) => Parameter::Moment {
                date: (year, month, day),
                clock: (hour, minute, second),
                micros,
            },
            Bound::Value(Value::Time {
                negative,
                days,
                hours,
                minutes,
                seconds,
                micros,
            }) => Parameter::Duration {
                negative,
                hours: u64::from(days) * 24 + u64::from(hours),
                minutes,
                seconds,
                micros,
            },
        });
    });
    if read.is_err() {
        // Of a packet that is still on its way, and of a bad one, the front decides.
        parameters.resize(usize::from(statement.parameters), Parameter::Other);
    }
    Ok(parameters)
}
