//! WHERE conditions made up at random.

use crate::tables::MadeUp;
use odp_tests::script::Random;

/// A condition with the values that it speaks of: a column's name and a literal.
#[derive(Debug, Default)]
pub(crate) struct Condition {
    pub(crate) text: String,
    pub(crate) values: Vec<(String, String)>,
}

impl Condition {
    /// A condition over the table's columns.
    pub(crate) fn new(table: &MadeUp, random: &mut Random) -> Self {
        let mut condition = Self::default();
        condition.text = if random.chance(25) {
            condition.equalities(table, random)
        } else {
            condition.tree(table, random, 2)
        };
        condition
    }

    /// A row that is likely to fulfil the condition, as an INSERT.
    pub(crate) fn row(&self, table: &MadeUp, id: u32, random: &mut Random) -> String {
        let mut names = vec!["id".to_owned()];
        let mut values = vec![id.to_string()];
        for (name, kind) in &table.given {
            let known = self.values.iter().filter(|(of, _)| of == name);
            let known: Vec<&str> = known.map(|(_, value)| value.as_str()).collect();
            names.push(name.clone());
            values.push(if known.is_empty() {
                kind.literal(random)
            } else {
                random.pick(&known).to_owned()
            });
        }
        let (names, values) = (names.join(", "), values.join(", "));
        format!("insert into {} ({names}) values ({values})", table.name)
    }

    /// Up to `depth` operators deep.
    fn tree(&mut self, table: &MadeUp, random: &mut Random, depth: u32) -> String {
        if depth == 0 || random.chance(35) {
            return self.atom(table, random);
        }
        let left = self.tree(table, random, depth - 1);
        match random.below(10) {
            0..=5 => format!("{left} and {}", self.tree(table, random, depth - 1)),
            6 | 7 => format!("({left} or {})", self.tree(table, random, depth - 1)),
            8 => format!("not ({left})"),
            _ => format!("({left})"),
        }
    }

    /// A value for each key column.
    fn equalities(&mut self, table: &MadeUp, random: &mut Random) -> String {
        let mut parts: Vec<String> = Vec::new();
        for at in 0..table.columns.len() {
            let (name, value) = self.value(table, at, random);
            parts.push(format!("{name} = {value}"));
        }
        parts.join(" and ")
    }

    /// The name of the column with this number, and a literal for it.
    fn value(&mut self, table: &MadeUp, at: usize, random: &mut Random) -> (String, String) {
        let Some((name, kind)) = table.columns.get(at) else {
            return ("id".to_owned(), "1".to_owned());
        };
        let value = kind.literal(random);
        self.values.push((name.clone(), value.clone()));
        (name.clone(), value)
    }

    fn atom(&mut self, table: &MadeUp, random: &mut Random) -> String {
        let count = u32::try_from(table.columns.len()).unwrap_or(1);
        let at = random.below(count) as usize;
        if random.chance(5) {
            return "w = 'x'".to_owned();
        }
        if count > 1 && random.chance(6) {
            return self.rows(table, random);
        }
        let mut value = || self.value(table, at, random).1;
        let (a, b, c) = (value(), value(), value());
        let name = table.columns.get(at).map_or("id", |(name, _)| name);
        match random.below(20) {
            0..=6 => format!("{name} = {a}"),
            7 => format!("{a} = {name}"),
            8 => format!("{name} <=> {a}"),
            9 => format!("{name} < {a}"),
            10 => format!("{name} >= {a}"),
            11 => format!("{a} > {name}"),
            12 => format!("{name} between {a} and {b}"),
            13 | 14 => format!("{name} in ({a}, {b}, {c})"),
            15 => format!("{name} in ({a})"),
            16 => format!("{name} not in ({a}, {b})"),
            17 => format!("{name} <> {a}"),
            18 => format!("{name} is null"),
            _ => format!("{name} >= {a} and {name} <= {b}"),
        }
    }

    fn rows(&mut self, table: &MadeUp, random: &mut Random) -> String {
        let columns = 0..table.columns.len();
        let names: Vec<&str> = table
            .columns
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        let mut row = || {
            let values = columns.clone().map(|at| self.value(table, at, random).1);
            format!("({})", values.collect::<Vec<_>>().join(", "))
        };
        let (a, b) = (row(), row());
        if random.chance(50) {
            format!("({}) in ({a}, {b})", names.join(", "))
        } else {
            format!("({}) = {a}", names.join(", "))
        }
    }
}
