//! Function calls whose form differs between the two dialects.

use crate::cursor::Cursor;
use crate::error::SqlError;
use crate::lexer::{Kind, Token};
use crate::translate::clauses::interval;
use crate::translate::quote_text;
use crate::translate::rewriter::Rewriter;

/// Functions that only have another name here.
const RENAMED: [(&str, &str); 22] = [
    ("length", "octet_length"),
    ("char_length", "length"),
    ("character_length", "length"),
    ("greatest", "max"),
    ("least", "min"),
    ("lcase", "lower"),
    ("ucase", "upper"),
    ("mid", "substr"),
    ("isnull", "mysql_isnull"),
    ("left", "mysql_left"),
    ("right", "mysql_right"),
    ("format", "mysql_format"),
    ("insert", "mysql_insert"),
    ("schema", "database"),
    ("session_user", "user"),
    ("system_user", "user"),
    ("current_timestamp", "now"),
    ("localtime", "now"),
    ("localtimestamp", "now"),
    ("current_date", "curdate"),
    ("current_time", "curtime"),
    ("if", "iif"),
];

/// Rewrites the call of `name` whose brackets open at `cursor`; false leaves it as it is.
pub(crate) fn rewrite(
    rewriter: &mut Rewriter<'_>,
    name: &str,
    cursor: &mut Cursor<'_>,
) -> Result<bool, SqlError> {
    let renamed = RENAMED
        .iter()
        .find(|(mysql, _)| *mysql == name)
        .map(|(_, ours)| *ours);
    let call = match name {
        "cast" => cast(rewriter, cursor.brackets()?)?,
        "convert" => convert(rewriter, cursor.brackets()?)?,
        "date_add" | "adddate" => dated(rewriter, "date_add", cursor.brackets()?)?,
        "date_sub" | "subdate" => dated(rewriter, "date_sub", cursor.brackets()?)?,
        "timestampdiff" | "timestampadd" => unit_first(rewriter, name, cursor.brackets()?)?,
        "extract" => extract(rewriter, cursor.brackets()?)?,
        "group_concat" => group_concat(rewriter, cursor.brackets()?)?,
        "trim" | "substring" | "substr" | "position" => worded(rewriter, name, cursor.brackets()?)?,
        "values" => excluded(rewriter, cursor),
        "utc_timestamp" => {
            cursor.brackets()?;
            Some("now()".to_owned())
        }
        "current_user" => {
            cursor.brackets()?;
            Some("mysql_current_user()".to_owned())
        }
        _ => match renamed {
            Some(ours) => {
                let inside = cursor.brackets()?;
                Some(format!("{ours}({})", rewriter.apart(inside.rest())?))
            }
            None => None,
        },
    };
    if let Some(call) = &call {
        rewriter.push(call);
    }
    Ok(call.is_some())
}

fn split_at_word<'a>(tokens: &'a [Token], word: &str) -> Option<(&'a [Token], &'a [Token])> {
    let mut depth = 0_i32;
    for (index, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Symbol("(") => depth += 1,
            Kind::Symbol(")") => depth -= 1,
            _ if depth == 0 && token.is_word(word) => {
                let (front, back) = tokens.split_at(index);
                return Some((front, back.split_first()?.1));
            }
            _ => {}
        }
    }
    None
}

fn cast(rewriter: &mut Rewriter<'_>, inside: Cursor<'_>) -> Result<Option<String>, SqlError> {
    let (value, target) = split_at_word(inside.rest(), "as").ok_or_else(|| inside.error())?;
    let value = rewriter.apart(value)?;
    Ok(Some(cast_to(
        &value,
        &mut Cursor::new(rewriter.sql, target),
    )?))
}

fn cast_to(value: &str, target: &mut Cursor<'_>) -> Result<String, SqlError> {
    let word = target.name()?.to_ascii_lowercase();
    Ok(match word.as_str() {
        "signed" | "unsigned" => format!("mysql_integer({value})"),
        "char" | "nchar" => format!("CAST({value} AS TEXT)"),
        "binary" => format!("CAST({value} AS BLOB)"),
        "decimal" => {
            let mut scale = "0".to_owned();
            if target.sees_symbol("(") {
                let inside = target.brackets()?;
                if let Some(mut part) = inside.split_commas().into_iter().nth(1) {
                    scale = part.scalar()?;
                }
            }
            format!("mysql_decimal({value}, {scale})")
        }
        "date" => format!("date({value})"),
        "time" => format!("time({value})"),
        "datetime" => format!("datetime({value})"),
        "json" => format!("json({value})"),
        _ => format!("CAST({value} AS REAL)"),
    })
}

fn convert(rewriter: &mut Rewriter<'_>, inside: Cursor<'_>) -> Result<Option<String>, SqlError> {
    if let Some((value, _)) = split_at_word(inside.rest(), "using") {
        let value = rewriter.apart(value)?;
        return Ok(Some(format!("CAST({value} AS TEXT)")));
    }
    let parts = inside.split_commas();
    let (Some(value), Some(target)) = (parts.first(), parts.get(1)) else {
        return Err(inside.error());
    };
    let value = rewriter.apart(value.rest())?;
    Ok(Some(cast_to(&value, &mut target.clone())?))
}

/// `DATE_ADD(x, INTERVAL n UNIT)`; a bare number means days.
fn dated(
    rewriter: &mut Rewriter<'_>,
    name: &str,
    inside: Cursor<'_>,
) -> Result<Option<String>, SqlError> {
    let parts = inside.split_commas();
    let (Some(date), Some(amount)) = (parts.first(), parts.get(1)) else {
        return Err(inside.error());
    };
    let date = rewriter.apart(date.rest())?;
    let mut amount = *amount;
    let (amount, unit) = if amount.accept("interval") {
        interval(rewriter, &mut amount)?
    } else {
        (rewriter.apart(amount.rest())?, "day".to_owned())
    };
    Ok(Some(format!(
        "{name}({date}, {amount}, {})",
        quote_text(&unit)
    )))
}

fn unit_first(
    rewriter: &mut Rewriter<'_>,
    name: &str,
    mut inside: Cursor<'_>,
) -> Result<Option<String>, SqlError> {
    let unit = inside.name()?.to_ascii_lowercase();
    let unit = unit.trim_start_matches("sql_tsi_").to_owned();
    let rest = rewriter.apart(inside.rest())?;
    Ok(Some(format!("{name}({} {rest})", quote_text(&unit))))
}

fn extract(rewriter: &mut Rewriter<'_>, inside: Cursor<'_>) -> Result<Option<String>, SqlError> {
    let (unit, value) = split_at_word(inside.rest(), "from").ok_or_else(|| inside.error())?;
    let unit = Cursor::new(rewriter.sql, unit).name()?.to_ascii_lowercase();
    let value = rewriter.apart(value)?;
    Ok(Some(format!(
        "mysql_extract({}, {value})",
        quote_text(&unit)
    )))
}

fn group_concat(
    rewriter: &mut Rewriter<'_>,
    inside: Cursor<'_>,
) -> Result<Option<String>, SqlError> {
    let (list, separator) = match split_at_word(inside.rest(), "separator") {
        Some((list, separator)) => (list, rewriter.apart(separator)?),
        None => (inside.rest(), "','".to_owned()),
    };
    let (values, order) = match split_at_word(list, "order") {
        Some((values, order)) => (values, Some(order)),
        None => (list, None),
    };
    let distinct = values
        .first()
        .is_some_and(|token| token.is_word("distinct"));
    let values = rewriter.apart(values)?;
    let order = match order {
        Some(order) => format!(" ORDER {}", rewriter.apart(order)?),
        None => String::new(),
    };
    if distinct {
        return Ok(Some(format!("group_concat({values}{order})")));
    }
    Ok(Some(format!("group_concat({values}, {separator}{order})")))
}

/// `TRIM(LEADING x FROM y)`, `SUBSTRING(x FROM a FOR b)`, `POSITION(x IN y)`.
fn worded(
    rewriter: &mut Rewriter<'_>,
    name: &str,
    mut inside: Cursor<'_>,
) -> Result<Option<String>, SqlError> {
    let ours = match name {
        "trim" if inside.accept("leading") => "ltrim",
        "trim" if inside.accept("trailing") => "rtrim",
        "substring" => "substr",
        "position" => "mysql_locate",
        other => {
            inside.accept("both");
            other
        }
    };
    let word = if name == "position" { "in" } else { "from" };
    let Some((front, back)) = split_at_word(inside.rest(), word) else {
        return Ok(Some(format!("{ours}({})", rewriter.apart(inside.rest())?)));
    };
    let (middle, last) = match split_at_word(back, "for") {
        Some((middle, last)) => (middle, Some(rewriter.apart(last)?)),
        None => (back, None),
    };
    let (front, middle) = (rewriter.apart(front)?, rewriter.apart(middle)?);
    Ok(Some(match (name, last) {
        ("trim", _) if front.is_empty() => format!("{ours}({middle})"),
        ("trim", _) => format!("{ours}({middle}, {front})"),
        (_, Some(last)) => format!("{ours}({front}, {middle}, {last})"),
        (_, None) => format!("{ours}({front}, {middle})"),
    }))
}

/// `VALUES(column)` of ON DUPLICATE KEY UPDATE; anything else is a list of rows.
fn excluded(rewriter: &Rewriter<'_>, cursor: &mut Cursor<'_>) -> Option<String> {
    let ahead = cursor.peek_at(1)?.name()?;
    if !rewriter.in_duplicate || !cursor.peek_at(2)?.is_symbol(")") {
        return None;
    }
    let column = super::quote_name(ahead);
    cursor.brackets().ok()?;
    Some(format!("excluded.{column}"))
}
