//! Tables made up at random: every kind of partitions over every type that it takes.

use crate::columns::{ANY, Class, HASHED, INTEGERS, OF_RANGES, Type};
use odp_tests::script::Random;
use std::fmt::Write as _;

/// A table that may be created.
#[derive(Debug)]
pub(crate) struct MadeUp {
    pub(crate) name: String,
    pub(crate) ddl: String,
    /// The columns of the partition keys; before them is `id`, behind them `w`.
    pub(crate) columns: Vec<(String, Type)>,
    /// The columns that an INSERT may give values: the same, or those that they are generated from.
    pub(crate) given: Vec<(String, Type)>,
}

/// One level of partitions: the words behind BY, the columns, and the list of partitions.
struct Level {
    by: String,
    columns: Vec<(String, Type)>,
    /// How many, or each of them.
    parts: Parts,
}

enum Parts {
    Count(u32),
    /// `values …` of each.
    Listed(Vec<String>),
}

impl MadeUp {
    pub(crate) fn new(number: u32, random: &mut Random) -> Self {
        let first = level(random, 'k');
        let second = random.chance(30).then(|| level(random, 's'));
        let mut columns = first.columns.clone();
        if let Some(second) = &second {
            // Some tables use one column at both levels.
            columns.extend(second.columns.clone());
        }
        let name = format!("m{number}");
        let mut ddl = format!("create table {name} (id bigint");
        let mut given = Vec::new();
        let mut keys = String::new();
        for (column, kind) in &columns {
            write!(ddl, ", {column} {}", kind.sql).expect("a string takes all");
            let source = format!("v{column}");
            match (random.below(20), kind.class) {
                (0, Class::Integer) if keys.is_empty() => {
                    ddl += " not null auto_increment";
                    keys = format!(", key ({column})");
                }
                (1..=2, Class::Integer) => {
                    write!(
                        ddl,
                        " generated always as ({source} + 1), {source} {}",
                        kind.sql
                    )
                    .expect("a string takes all");
                    given.push((source, *kind));
                    continue;
                }
                (3, Class::Integer) => ddl += " default (3 + 4)",
                (3, Class::Text) => ddl += " default (concat('a', 'b'))",
                (4, Class::Datetime) => ddl += " default current_timestamp",
                (5, _) if !kind.ascending.is_empty() => {
                    write!(ddl, " default {}", random.pick(kind.ascending))
                        .expect("a string takes all");
                }
                (6..=9, _) => ddl += " not null",
                _ => {}
            }
            given.push((column.clone(), *kind));
        }
        write!(ddl, ", w varchar(20){keys})").expect("a string takes all");
        write!(ddl, " partition by {}", first.by).expect("a string takes all");
        match (&second, &first.parts) {
            (None, parts) => ddl += &parts.list("partitions", "p"),
            (Some(second), parts) => {
                let sub = match &second.parts {
                    Parts::Count(count) => {
                        format!(" subpartition by {} subpartitions {count}", second.by)
                    }
                    listed @ Parts::Listed(_) => format!(
                        " subpartition by {} subpartition template {}",
                        second.by,
                        listed
                            .list("", "s")
                            .replace("partition s", "subpartition s")
                    ),
                };
                ddl += &sub;
                ddl += &parts.list("partitions", "p");
            }
        }
        Self {
            name,
            ddl,
            columns,
            given,
        }
    }
}

impl MadeUp {
    /// An INSERT that leaves a column out now and then.
    pub(crate) fn insert(&self, id: u32, random: &mut Random) -> String {
        let mut names = vec!["id"];
        let mut values = vec![id.to_string()];
        for (name, kind) in &self.given {
            if random.chance(90) {
                names.push(name);
                values.push(kind.literal(random));
            }
        }
        let (names, values) = (names.join(", "), values.join(", "));
        format!("insert into {} ({names}) values ({values})", self.name)
    }
}

impl Parts {
    fn list(&self, many: &str, prefix: &str) -> String {
        match self {
            Self::Count(count) => format!(" {many} {count}"),
            Self::Listed(values) => {
                let parts = values.iter().enumerate();
                let parts =
                    parts.map(|(at, values)| format!("partition {prefix}{at} values {values}"));
                format!(" ({})", parts.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

fn any_type(random: &mut Random) -> Type {
    let all = [INTEGERS, HASHED, OF_RANGES, ANY];
    let list = random.pick(&all);
    random.pick(list)
}

/// A level of any kind over columns whose names begin with `letter`.
fn level(random: &mut Random, letter: char) -> Level {
    let count = Parts::Count(random.pick(&[2, 3, 5, 7, 8, 16]));
    let several = |kinds: Vec<Type>| -> Vec<(String, Type)> {
        let named = kinds.into_iter().enumerate();
        named
            .map(|(at, kind)| (format!("{letter}{at}"), kind))
            .collect()
    };
    let form = random.below(9);
    let columns = several(match form {
        0 if random.chance(30) => vec![random.pick(HASHED)],
        0 | 5 | 7 => vec![random.pick(INTEGERS)],
        1 => Vec::new(),
        2..=4 => {
            let count = random.pick(&[1, 1, 1, 2, 3]);
            (0..count).map(|_| any_type(random)).collect()
        }
        _ => {
            let count = random.pick(&[1, 1, 2]);
            (0..count).map(|_| random.pick(OF_RANGES)).collect()
        }
    });
    let list = names(&columns);
    let (by, parts) = match form {
        0 => (format!("hash({list})"), count),
        1 => {
            let (expression, kind) = random.pick(EXPRESSIONS);
            let columns = several(vec![kind]);
            let expression = expression.replace('?', &names(&columns));
            let by = format!("hash({expression})");
            return Level {
                by,
                columns,
                parts: count,
            };
        }
        2..=4 => (format!("key({list})"), count),
        5 => (format!("range({list})"), bounds(random, &columns)),
        6 => (format!("range columns({list})"), bounds(random, &columns)),
        7 => (format!("list({list})"), lists(random, &columns)),
        _ => (format!("list columns({list})"), lists(random, &columns)),
    };
    Level { by, columns, parts }
}

const DATE: Type = Type {
    sql: "date",
    class: Class::Date,
    ascending: &[],
};
const DATETIME: Type = Type {
    sql: "datetime",
    class: Class::Datetime,
    ascending: &[],
};
const TIMESTAMP: Type = Type {
    sql: "timestamp",
    class: Class::Datetime,
    ascending: &[],
};
const INT: Type = Type {
    sql: "int",
    class: Class::Integer,
    ascending: &[],
};
const BIGINT: Type = Type {
    sql: "bigint",
    class: Class::Integer,
    ascending: &[],
};
const CLOCK: Type = Type {
    sql: "time",
    class: Class::Time,
    ascending: &[],
};

/// Over the column `?`.
const EXPRESSIONS: &[(&str, Type)] = &[
    ("year(?)", DATE),
    ("year(?)", DATETIME),
    ("year(?) * 100 + month(?)", DATE),
    ("to_days(?)", DATE),
    ("to_days(?)", DATETIME),
    ("month(?)", DATE),
    ("dayofyear(?)", DATETIME),
    ("weekday(?)", DATE),
    ("quarter(?)", DATE),
    ("hour(?)", DATETIME),
    ("time_to_sec(?)", CLOCK),
    ("unix_timestamp(?)", TIMESTAMP),
    ("abs(?)", INT),
    ("? % 10", INT),
    ("? div 7", BIGINT),
    ("? + 1", INT),
    ("floor(?)", INT),
];

fn names(columns: &[(String, Type)]) -> String {
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    names.join(", ")
}

/// Ascending bounds, the last one of most tables without end.
fn bounds(random: &mut Random, columns: &[(String, Type)]) -> Parts {
    let values = columns.first().map_or(&[][..], |(_, kind)| kind.ascending);
    let mut bounds: Vec<String> = Vec::new();
    for value in values {
        if random.chance(40) {
            continue;
        }
        let mut bound = vec![(*value).to_owned()];
        for (_, kind) in columns.iter().skip(1) {
            bound.push(if random.chance(30) {
                "maxvalue".to_owned()
            } else {
                random.pick(kind.ascending).to_owned()
            });
        }
        bounds.push(format!("less than ({})", bound.join(", ")));
    }
    if bounds.is_empty() || random.chance(70) {
        bounds.push(format!(
            "less than ({})",
            vec!["maxvalue"; columns.len()].join(", ")
        ));
    }
    Parts::Listed(bounds)
}

/// Every value of the first column in one of a few lists, one of them NULL at times.
fn lists(random: &mut Random, columns: &[(String, Type)]) -> Parts {
    let mut rows: Vec<String> = Vec::new();
    for (at, value) in columns
        .first()
        .map_or(&[][..], |(_, kind)| kind.ascending)
        .iter()
        .enumerate()
    {
        let mut row = vec![if at == 2 && random.chance(50) {
            "null".to_owned()
        } else {
            (*value).to_owned()
        }];
        for (_, kind) in columns.iter().skip(1) {
            row.push(random.pick(kind.ascending).to_owned());
        }
        rows.push(if row.len() == 1 {
            row.join("")
        } else {
            format!("({})", row.join(", "))
        });
    }
    let mut parts: Vec<Vec<String>> = vec![Vec::new(); random.pick(&[2, 3, 4])];
    let count = u32::try_from(parts.len()).unwrap_or(1);
    for (at, row) in rows.into_iter().enumerate() {
        let part = if at < parts.len() {
            at
        } else {
            random.below(count) as usize
        };
        if let Some(part) = parts.get_mut(part) {
            part.push(row);
        }
    }
    let mut lists: Vec<String> = parts
        .iter()
        .map(|rows| format!("in ({})", rows.join(", ")))
        .collect();
    if random.chance(60) {
        lists.push("in (default)".to_owned());
    }
    Parts::Listed(lists)
}
