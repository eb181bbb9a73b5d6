//! Turns given texts into values, and keeps everything that is wrong on the way.

use super::parameters::{PARAMETERS, Parameter};
use super::problem::Problem;
use super::retired;
use super::source::Given;
use super::value::Value;
use std::collections::HashMap;

/// Reads parameters from what was given; later ones win over earlier ones.
pub(super) struct Reader<'a> {
    given: HashMap<&'a str, &'a Given>,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(given: &'a [Given], problems: Vec<Problem>) -> Self {
        let mut reader = Self {
            given: HashMap::new(),
            problems,
            warnings: Vec::new(),
        };
        for one in given {
            reader.take(one);
        }
        reader
    }

    fn take(&mut self, given: &'a Given) {
        let key = given.key.as_str();
        if PARAMETERS.iter().any(|parameter| parameter.name == key) {
            self.given.insert(key, given);
        } else if retired::is_known_to_obproxy(key) {
            self.warnings.push(format!(
                "{}: {key} is a parameter of OBProxy that odp does not use; it is ignored",
                given.place
            ));
        } else {
            self.problems.push(Problem {
                place: given.place.clone(),
                key: key.to_owned(),
                value: String::new(),
                what: "is no parameter".to_owned(),
                hint: nearest(key).map(|name| format!("did you mean {name}?")),
            });
        }
    }

    /// Reads one parameter; a wrong value is kept as a problem.
    pub(super) fn read<V: Value>(&mut self, parameter: &Parameter) -> Option<V> {
        let given = self.given.get(parameter.name).copied();
        let text = given.map_or(parameter.default, |given| given.text.trim());
        match V::read(text, &parameter.bounds) {
            Ok(value) => Some(value),
            Err(what) => {
                let shown = if parameter.secret { "***" } else { text };
                self.problems.push(Problem {
                    place: given.map_or("default", |given| &given.place).to_owned(),
                    key: parameter.name.to_owned(),
                    value: given.map_or_else(String::new, |_| format!("{shown:?}")),
                    what,
                    hint: Some(format!("default: {:?}", parameter.default))
                        .filter(|_| given.is_some() && !parameter.default.is_empty()),
                });
                None
            }
        }
    }

    /// Where a parameter was given, for problems between parameters.
    pub(super) fn place(&self, name: &str) -> String {
        let given = self.given.get(name);
        given.map_or("default", |given| &given.place).to_owned()
    }
}

/// The parameter whose name looks most like `key`, if any does.
fn nearest(key: &str) -> Option<&'static str> {
    PARAMETERS
        .iter()
        .map(|parameter| {
            (
                strsim::damerau_levenshtein(key, parameter.name),
                parameter.name,
            )
        })
        .min()
        .filter(|&(distance, name)| distance <= (name.len() / 3).max(2))
        .map(|(_, name)| name)
}
