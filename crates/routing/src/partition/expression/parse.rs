//! Reads the text of a partition expression (`part_expr`) into a program.

use super::{Function, Operator, Step};

/// The longest expression that is read, in bytes.
const MAX_TEXT: usize = 1024;
/// The deepest nesting that is followed.
const MAX_DEPTH: usize = 12;

/// The program of an expression; `None` when any part of it is not known.
pub(super) fn program(text: &str, column: &dyn Fn(&str) -> Option<usize>) -> Option<Vec<Step>> {
    if text.len() > MAX_TEXT {
        return None;
    }
    let mut parser = Parser {
        rest: text,
        column,
        program: Vec::new(),
    };
    parser.sum(0)?;
    parser.at_end().then_some(parser.program)
}

struct Parser<'a> {
    rest: &'a str,
    column: &'a dyn Fn(&str) -> Option<usize>,
    program: Vec<Step>,
}

impl<'a> Parser<'a> {
    fn sum(&mut self, depth: usize) -> Option<()> {
        self.product(depth)?;
        loop {
            let operator = if self.takes("+") {
                Operator::Add
            } else if self.takes("-") {
                Operator::Subtract
            } else {
                return Some(());
            };
            self.product(depth)?;
            self.program.push(Step::Binary(operator));
        }
    }

    fn product(&mut self, depth: usize) -> Option<()> {
        self.signed(depth)?;
        loop {
            let operator = if self.takes("*") {
                Operator::Multiply
            } else if self.takes("%") || self.takes_word("mod") {
                Operator::Modulo
            } else if self.takes_word("div") {
                Operator::Divide
            } else {
                return Some(());
            };
            self.signed(depth)?;
            self.program.push(Step::Binary(operator));
        }
    }

    fn signed(&mut self, depth: usize) -> Option<()> {
        let depth = Some(depth + 1).filter(|&depth| depth <= MAX_DEPTH)?;
        if self.takes("-") {
            self.signed(depth)?;
            self.program.push(Step::Unary(Function::Negate));
            return Some(());
        }
        self.operand(depth)
    }

    fn operand(&mut self, depth: usize) -> Option<()> {
        if self.takes("(") {
            self.sum(depth)?;
            return self.takes(")").then_some(());
        }
        if self.takes("`") {
            let (name, rest) = self.rest.split_once('`')?;
            self.rest = rest;
            self.program.push(Step::Column((self.column)(name)?));
            return Some(());
        }
        let word = self.word();
        if word.starts_with(|first: char| first.is_ascii_digit()) {
            self.program.push(Step::Constant(word.parse().ok()?));
            return Some(());
        }
        if !self.takes("(") {
            self.program.push(Step::Column((self.column)(word)?));
            return Some(());
        }
        self.sum(depth)?;
        let step = if word.eq_ignore_ascii_case("mod") {
            self.takes(",").then_some(())?;
            self.sum(depth)?;
            Step::Binary(Operator::Modulo)
        } else {
            Step::Unary(function(word)?)
        };
        self.program.push(step);
        self.takes(")").then_some(())
    }

    /// The run of letters, digits and underscores ahead.
    fn word(&mut self) -> &'a str {
        let text = self.rest.trim_start();
        let is_end = |c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$'));
        let end = text.find(is_end).unwrap_or(text.len());
        let (word, rest) = text.split_at_checked(end).unwrap_or((text, ""));
        self.rest = rest;
        word
    }

    fn takes(&mut self, token: &str) -> bool {
        match self.rest.trim_start().strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let before = self.rest;
        let found = self.word().eq_ignore_ascii_case(word);
        if !found {
            self.rest = before;
        }
        found
    }

    fn at_end(&self) -> bool {
        self.rest.trim().is_empty()
    }
}

fn function(name: &str) -> Option<Function> {
    const FUNCTIONS: [(&str, Function); 19] = [
        ("abs", Function::Abs),
        ("floor", Function::Round),
        ("ceil", Function::Round),
        ("ceiling", Function::Round),
        ("year", Function::Year),
        ("quarter", Function::Quarter),
        ("month", Function::Month),
        ("day", Function::Day),
        ("dayofmonth", Function::Day),
        ("dayofyear", Function::DayOfYear),
        ("weekday", Function::Weekday),
        ("dayofweek", Function::DayOfWeek),
        ("to_days", Function::ToDays),
        ("to_seconds", Function::ToSeconds),
        ("hour", Function::Hour),
        ("minute", Function::Minute),
        ("second", Function::Second),
        ("time_to_sec", Function::TimeToSec),
        ("unix_timestamp", Function::UnixTimestamp),
    ];
    let found = FUNCTIONS
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|&(_, function)| function)
}
