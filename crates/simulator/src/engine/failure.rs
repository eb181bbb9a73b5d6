//! What a failure of SQLite means in MySQL's numbers and words.

use crate::error::SqlError;
use rusqlite::ErrorCode;

/// Whether the failure is another connection's lock, so that trying again can help.
pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

/// The error that a client sees.
pub(crate) fn sql_error(error: &rusqlite::Error) -> SqlError {
    if is_busy(error) {
        return SqlError::lock_timeout();
    }
    if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) {
        return SqlError::interrupted();
    }
    let text = match error {
        rusqlite::Error::SqliteFailure(_, Some(text)) => text.clone(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        rusqlite::Error::UserFunctionError(inner) => inner.to_string(),
        other => other.to_string(),
    };
    from_text(&text)
}

fn from_text(text: &str) -> SqlError {
    let after = |prefix: &str| text.strip_prefix(prefix).map(str::trim);
    let last = |path: &str| path.rsplit('.').next().unwrap_or(path).to_owned();
    if let Some(columns) = after("UNIQUE constraint failed:") {
        return SqlError::new(1062, format!("Duplicate entry '' for key '{columns}'"));
    }
    if let Some(column) = after("NOT NULL constraint failed:") {
        return SqlError::new(1048, format!("Column '{}' cannot be null", last(column)));
    }
    if let Some(check) = after("CHECK constraint failed:") {
        return checked(check);
    }
    if let Some(table) = after("no such table:") {
        return SqlError::new(1146, format!("Table '{table}' doesn't exist"));
    }
    if let Some(column) = after("no such column:") {
        return SqlError::new(1054, format!("Unknown column '{column}' in 'field list'"));
    }
    if let Some(column) = after("ambiguous column name:") {
        return SqlError::new(
            1052,
            format!("Column '{column}' in field list is ambiguous"),
        );
    }
    if let Some(function) = after("no such function:") {
        return SqlError::new(1305, format!("FUNCTION {function} does not exist"));
    }
    if let Some((_, column)) = text.split_once(" has no column named ") {
        return SqlError::new(1054, format!("Unknown column '{column}' in 'field list'"));
    }
    if text.contains(" values for ") || text.contains(" values were supplied") {
        return SqlError::new(1136, "Column count doesn't match value count at row 1");
    }
    if text.contains("do not have the same number of result columns") {
        return SqlError::new(
            1222,
            "The used SELECT statements have a different number of columns",
        );
    }
    if let Some(function) = after("wrong number of arguments to function ") {
        let name = function.trim_end_matches("()");
        let text = format!("Incorrect parameter count in the call to native function '{name}'");
        return SqlError::new(1582, text);
    }
    if text.contains("misuse of aggregate") {
        return SqlError::new(1111, "Invalid use of group function");
    }
    if text.contains("syntax error")
        || text.contains("incomplete input")
        || text.contains("unrecognized token")
    {
        let near = text
            .strip_prefix("near \"")
            .and_then(|rest| rest.split_once("\":"));
        return SqlError::syntax(near.map_or("", |(near, _)| near));
    }
    SqlError::new(1105, text)
}

/// Checks are named `code:column` when a table is created.
fn checked(name: &str) -> SqlError {
    let (code, column) = name.split_once(':').unwrap_or(("3819", name));
    match code {
        "1264" => SqlError::new(
            1264,
            format!("Out of range value for column '{column}' at row 1"),
        ),
        "1366" => SqlError::new(
            1366,
            format!("Incorrect integer value for column '{column}' at row 1"),
        ),
        "1406" => SqlError::new(
            1406,
            format!("Data too long for column '{column}' at row 1"),
        ),
        _ => SqlError::new(3819, format!("Check constraint '{column}' is violated.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_have_mysql_numbers() {
        for (text, code) in [
            ("UNIQUE constraint failed: t.id", 1062),
            ("NOT NULL constraint failed: t.c", 1048),
            ("no such table: test.x", 1146),
            ("no such column: y", 1054),
            ("near \"FROMM\": syntax error", 1064),
            ("CHECK constraint failed: 1406:c", 1406),
            ("anything else", 1105),
        ] {
            assert_eq!(from_text(text).code, code, "{text}");
        }
    }
}
