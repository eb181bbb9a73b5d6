//! The default of a column that is an expression.

use super::Statement;
use crate::Request;
use crate::partition::absent;
use crate::partition::column::{Absent, KeyColumn};
use odp_cluster::{DatabaseName, TenantName};
use odp_sql::Charset;

/// What `column` holds by the default `expression`, as the server writes it; `None` where that is not the
/// same for every row, or not known.
pub(crate) fn by_expression(expression: &str, column: &KeyColumn) -> Option<Absent> {
    let text = format!("insert into t values ({expression})");
    let outline = odp_sql::outline(text.as_bytes(), Charset::Utf8);
    let (tenant, database) = (TenantName::new(""), DatabaseName::new(""));
    let request = Request::new(&tenant, &database);
    let statement = Statement {
        outline: &outline,
        table: outline.table()?,
        request: &request,
    };
    let value = outline.rows().next()?.next()?;
    absent::default(&statement.operand(value).ok()?, column)
}
