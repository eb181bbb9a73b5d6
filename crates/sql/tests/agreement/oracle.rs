//! The same facts, from sqlparser's syntax tree.

use odp_sql::Verb;
use sqlparser::ast::{
    BinaryOperator, DataType, Expr, FromTable, FunctionArg, FunctionArgExpr, FunctionArguments,
    Ident, JoinConstraint, JoinOperator, ObjectName, Query, Select, SetExpr, Statement,
    TableFactor, TableObject, TableWithJoins, UnaryOperator, Value,
};

use crate::tree::{Tree, minus};

pub(crate) struct Expected {
    pub(crate) verb: Verb,
    pub(crate) table: String,
    pub(crate) condition: Option<Tree>,
    pub(crate) rows: String,
}

pub(crate) fn read(statement: &Statement) -> Expected {
    let mut expected = Expected {
        verb: Verb::Other,
        table: String::new(),
        condition: None,
        rows: " ".into(),
    };
    match statement {
        Statement::Explain { statement, .. } => return read(statement),
        Statement::Query(query) => {
            expected.verb = Verb::Select;
            let select = select(query);
            let inner = block(query, select);
            expected.table = table(&inner.from[0].relation);
            expected.condition = condition(&inner.from[0], inner.selection.as_ref());
        }
        Statement::Update(update) => {
            expected.verb = Verb::Update;
            expected.table = table(&update.table.relation);
            expected.condition = condition(&update.table, update.selection.as_ref());
        }
        Statement::Delete(delete) => {
            expected.verb = Verb::Delete;
            let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
            let from = first(delete.using.as_ref().unwrap_or(from));
            expected.table = table(&from.relation);
            expected.condition = condition(from, delete.selection.as_ref());
        }
        Statement::Insert(insert) => {
            expected.verb = if insert.replace_into {
                Verb::Replace
            } else {
                Verb::Insert
            };
            let TableObject::TableName(name) = &insert.table else {
                unreachable!("not generated")
            };
            expected.table = format!("{}  ", object(name));
            let columns: Vec<_> = insert.columns.iter().map(ToString::to_string).collect();
            let source = insert.source.as_ref().expect("generated with rows");
            let SetExpr::Values(values) = &*source.body else {
                return expected;
            };
            let rows: Vec<_> = values
                .rows
                .iter()
                .map(|row| format!("({})", list(&row.content)))
                .collect();
            expected.rows = format!("{} {}", columns.join(","), rows.join(","));
        }
        other => unreachable!("not generated: {other}"),
    }
    expected
}

/// The first ON that leaves rows of the first table out, and the WHERE condition.
fn condition(from: &TableWithJoins, selection: Option<&Expr>) -> Option<Tree> {
    let on = from
        .joins
        .iter()
        .find_map(|join| match &join.join_operator {
            JoinOperator::Join(JoinConstraint::On(on))
            | JoinOperator::Inner(JoinConstraint::On(on))
            | JoinOperator::Right(JoinConstraint::On(on))
            | JoinOperator::RightOuter(JoinConstraint::On(on))
            | JoinOperator::StraightJoin(JoinConstraint::On(on)) => Some(tree(on)),
            _ => None,
        });
    let selection = selection.map(tree);
    match (on, selection) {
        (Some(on), Some(selection)) => Some(on.and(selection)),
        (on, selection) => on.or(selection),
    }
}

fn first(tables: &[TableWithJoins]) -> &TableWithJoins {
    &tables[0]
}

fn select(query: &Query) -> &Select {
    fn of(body: &SetExpr) -> &Select {
        match body {
            SetExpr::Select(select) => select,
            SetExpr::Query(query) => select(query),
            SetExpr::SetOperation { left, .. } => of(left),
            other => unreachable!("not generated: {other}"),
        }
    }
    of(&query.body)
}

/// The block whose first table is a real one, through derived tables and common table expressions.
fn block<'q>(query: &'q Query, select: &'q Select) -> &'q Select {
    match &select.from[0].relation {
        TableFactor::Derived { subquery, .. } => block(subquery, crate::oracle::select(subquery)),
        TableFactor::Table { name, .. } => {
            let expressions = query.with.iter().flat_map(|with| &with.cte_tables);
            let named = expressions
                .into_iter()
                .find(|cte| name.to_string() == cte.alias.name.to_string());
            named.map_or(select, |cte| {
                block(&cte.query, crate::oracle::select(&cte.query))
            })
        }
        _ => select,
    }
}

fn object(name: &ObjectName) -> String {
    let parts: Vec<_> = name
        .0
        .iter()
        .map(|part| ident(part.as_ident().expect("a plain name")))
        .collect();
    match &parts[..] {
        [table] => format!(".{table}"),
        parts => parts.join("."),
    }
}

fn ident(ident: &Ident) -> String {
    ident.value.replace("``", "`")
}

fn table(factor: &TableFactor) -> String {
    let TableFactor::Table {
        name,
        alias,
        partitions,
        ..
    } = factor
    else {
        return String::new();
    };
    let alias = alias
        .as_ref()
        .map(|alias| ident(&alias.name))
        .unwrap_or_default();
    let partition = if let [only] = &partitions[..] {
        ident(only)
    } else {
        String::new()
    };
    format!("{} {alias} {partition}", object(name))
}

fn tree(expr: &Expr) -> Tree {
    match expr {
        Expr::Nested(inner) => tree(inner),
        Expr::UnaryOp {
            op: UnaryOperator::Not,
            expr,
        } => tree(expr).negated(),
        Expr::BinaryOp {
            left,
            op: BinaryOperator::And,
            right,
        } => tree(left).and(tree(right)),
        Expr::BinaryOp {
            left,
            op: BinaryOperator::Or,
            right,
        } => tree(left).or(tree(right)),
        Expr::BinaryOp { left, op, right } => comparison(left, op, right),
        Expr::InList {
            expr,
            list: members,
            negated,
        } => {
            let tree = match &**expr {
                Expr::Tuple(columns) => members
                    .iter()
                    .map(|values| row(columns, values))
                    .reduce(Tree::or),
                column => operand(column).map(|c| Tree::Leaf(format!("{c} in {}", list(members)))),
            };
            signed(tree.unwrap_or(Tree::Unsure), *negated)
        }
        Expr::Between {
            expr,
            negated,
            low,
            high,
        } => match (operand(expr), value(low), value(high)) {
            (Some(column), Some(low), Some(high)) => signed(
                Tree::Leaf(format!("{column} between {low} {high}")),
                *negated,
            ),
            _ => Tree::Unsure,
        },
        Expr::IsNull(inner) => null(inner),
        Expr::IsNotNull(inner) => null(inner).negated(),
        _ => Tree::Unsure,
    }
}

fn signed(tree: Tree, negated: bool) -> Tree {
    if negated { tree.negated() } else { tree }
}

fn null(expr: &Expr) -> Tree {
    operand(expr).map_or(Tree::Unsure, |column| {
        Tree::Leaf(format!("{column} is null"))
    })
}

fn comparison(left: &Expr, op: &BinaryOperator, right: &Expr) -> Tree {
    let (plain, mirrored) = match op {
        BinaryOperator::Eq => ("=", "="),
        BinaryOperator::Spaceship => ("<=>", "<=>"),
        BinaryOperator::NotEq => ("<>", "<>"),
        BinaryOperator::Lt => ("<", ">"),
        BinaryOperator::LtEq => ("<=", ">="),
        BinaryOperator::Gt => (">", "<"),
        BinaryOperator::GtEq => (">=", "<="),
        _ => return Tree::Unsure,
    };
    if let Expr::Tuple(columns) = left {
        return if plain == "=" {
            row(columns, right)
        } else {
            Tree::Unsure
        };
    }
    match (operand(left), value(right), value(left), operand(right)) {
        (Some(column), Some(value), ..) => Tree::Leaf(format!("{column} {plain} {value}")),
        (_, _, Some(value), Some(column)) => Tree::Leaf(format!("{column} {mirrored} {value}")),
        (Some(left), None, None, Some(right)) if plain == "=" => {
            Tree::Leaf(format!("{left} = {right}"))
        }
        _ => Tree::Unsure,
    }
}

fn row(columns: &[Expr], values: &Expr) -> Tree {
    let Expr::Tuple(values) = values else {
        return Tree::Unsure;
    };
    let pairs = columns.iter().zip(values);
    let comparisons = pairs.map(|(column, value)| match operand(value) {
        Some(_) => Tree::Unsure,
        None => comparison(column, &BinaryOperator::Eq, value),
    });
    comparisons.reduce(Tree::and).unwrap_or(Tree::Unsure)
}

fn operand(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Nested(inner) => operand(inner),
        Expr::Identifier(name) => Some(ident(name)),
        Expr::CompoundIdentifier(parts) => {
            let last: Vec<_> = parts
                .iter()
                .skip(parts.len().saturating_sub(2))
                .map(ident)
                .collect();
            Some(last.join("."))
        }
        _ => None,
    }
}

/// A literal, or an expression of literals with its operators in front.
fn value(expr: &Expr) -> Option<String> {
    literal(expr).or_else(|| expression(expr))
}

fn expression(expr: &Expr) -> Option<String> {
    Some(match expr {
        Expr::Nested(inner) => expression(inner)?,
        Expr::UnaryOp {
            op: UnaryOperator::Minus,
            expr,
        } => minus(&expression(expr)?),
        Expr::BinaryOp { left, op, right } => {
            let op = match op {
                BinaryOperator::Plus => "+",
                BinaryOperator::Minus => "-",
                BinaryOperator::Multiply => "*",
                BinaryOperator::Divide => "/",
                BinaryOperator::MyIntegerDivide => "DIV",
                BinaryOperator::Modulo => "%",
                _ => return None,
            };
            format!("({op} {} {})", expression(left)?, expression(right)?)
        }
        Expr::Function(function) => {
            let FunctionArguments::List(list) = &function.args else {
                return None;
            };
            let arguments = list.args.iter().map(|argument| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => expression(expr),
                _ => None,
            });
            let arguments: Vec<_> = arguments.collect::<Option<_>>()?;
            if arguments.is_empty() {
                return None;
            }
            format!("({} {})", function.name, arguments.join(" "))
        }
        Expr::Cast {
            expr, data_type, ..
        } => {
            let to = match data_type {
                DataType::Signed => "Signed",
                DataType::Unsigned => "Unsigned",
                DataType::Char(None) => "Char",
                DataType::Date => "Date",
                DataType::Datetime(None) => "Datetime",
                _ => return None,
            };
            format!("(cast {} {to})", expression(expr)?)
        }
        other => literal(other)?,
    })
}

fn literal(expr: &Expr) -> Option<String> {
    Some(match expr {
        Expr::Nested(inner) => literal(inner)?,
        Expr::UnaryOp {
            op: UnaryOperator::Minus,
            expr,
        } => match &**expr {
            Expr::Value(number) if matches!(number.value, Value::Number(..)) => {
                format!("-{}", number.value)
            }
            _ => return None,
        },
        Expr::TypedString(typed) => {
            format!("{} {}", typed.data_type, typed.value.clone().into_string()?)
        }
        Expr::Value(constant) => match &constant.value {
            Value::Number(digits, _) => digits.clone(),
            Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => {
                format!("'{text}'")
            }
            Value::HexStringLiteral(digits) => format!("x{digits}"),
            Value::Boolean(truth) => truth.to_string(),
            Value::Null => "null".into(),
            Value::Placeholder(_) => "?".into(),
            _ => return None,
        },
        _ => return None,
    })
}

/// Members that are no constant are a NUL, as on the other side.
fn list(members: &[Expr]) -> String {
    let values: Vec<_> = members
        .iter()
        .map(|member| value(member).unwrap_or("\u{0}".into()))
        .collect();
    values.join(", ")
}
