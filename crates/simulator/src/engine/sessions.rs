//! Functions that look at the session: who, where, what happened last.

use crate::engine::functions::{Arguments, text, volatile};
use crate::session::facts::Facts;
use parking_lot::Mutex;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Result};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Registers the functions over a session's facts.
pub(super) fn register(connection: &Connection, facts: &Arc<Mutex<Facts>>) -> Result<()> {
    let with = |name: &str, arguments: i32, read: fn(&mut Facts, &Arguments<'_, '_>) -> Value| {
        let facts = Arc::clone(facts);
        volatile(connection, name, arguments, move |arguments| {
            read(&mut facts.lock(), arguments)
        })
    };
    with("connection_id", 0, |facts, _| {
        Value::Integer(i64::from(facts.visible_id))
    })?;
    with("database", 0, |facts, _| {
        text((!facts.database.is_empty()).then(|| facts.database.clone()))
    })?;
    with("user", 0, |facts, _| {
        Value::Text(format!("{}@{}", facts.account.user, facts.client_host))
    })?;
    with("mysql_current_user", 0, |facts, _| {
        let account = &facts.account;
        Value::Text(format!("{}@{}", account.user, account.host))
    })?;
    with("effective_tenant", 0, |facts, _| {
        Value::Text(facts.tenant.clone())
    })?;
    with("version", 0, |facts, _| {
        text(facts.variables.get("version"))
    })?;
    with("ob_version", 0, |_, _| Value::Text("4.3.5.1".to_owned()))?;
    with("row_count", 0, |facts, _| Value::Integer(facts.row_count))?;
    with("found_rows", 0, |facts, _| Value::Integer(facts.found_rows))?;
    with("last_insert_id", -1, |facts, arguments| {
        if let Some(number) = arguments.integer(0) {
            facts.set_last_insert_id(number.cast_unsigned());
        }
        Value::Integer(facts.last_insert_id.cast_signed())
    })?;
    with("mysql_updated", 1, |facts, arguments| {
        facts.updated_rows += 1;
        owned(arguments.raw(0))
    })?;
    with("mysql_sysvar", 2, |facts, arguments| {
        let name = arguments.text(0).unwrap_or_default();
        let global = arguments.integer(1) == Some(1);
        let value = if global {
            facts.variables.global(&name)
        } else {
            facts.variables.get(&name)
        };
        variable(value)
    })?;
    with("mysql_uservar", 1, |facts, arguments| {
        facts.variables.user(&arguments.text(0).unwrap_or_default())
    })?;
    with("mysql_set_uservar", 2, |facts, arguments| {
        let value = owned(arguments.raw(1));
        facts
            .variables
            .set_user(&arguments.text(0).unwrap_or_default(), value.clone());
        value
    })?;
    sleep(connection, facts)
}

/// SLEEP: 0 when it ends by itself, 1 when it is interrupted.
fn sleep(connection: &Connection, facts: &Arc<Mutex<Facts>>) -> Result<()> {
    let facts = Arc::clone(facts);
    volatile(connection, "sleep", 1, move |arguments| {
        let seconds = arguments.real(0).unwrap_or(0.0).clamp(0.0, 86_400.0);
        let until = Instant::now() + Duration::from_secs_f64(seconds);
        let killed = facts.lock().killed();
        while Instant::now() < until {
            if killed.is_set() {
                return Value::Integer(1);
            }
            std::thread::sleep((until - Instant::now()).min(Duration::from_millis(10)));
        }
        Value::Integer(0)
    })
}

fn owned(value: ValueRef<'_>) -> Value {
    Value::try_from(value).unwrap_or(Value::Null)
}

/// A system variable as a SELECT shows it: switches are 1 and 0, numbers are numbers.
fn variable(value: Option<String>) -> Value {
    let Some(value) = value else {
        return Value::Null;
    };
    match value.as_str() {
        "ON" => Value::Integer(1),
        "OFF" => Value::Integer(0),
        _ => value.parse().map_or(Value::Text(value), Value::Integer),
    }
}
