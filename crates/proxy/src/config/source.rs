//! Where parameters come from: a TOML file, the command line, the environment.

use super::problem::Problem;
use toml::de::{DeTable, DeValue};

/// A parameter as somebody gave it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Given {
    /// Where: `odp.toml:3`, `command line` …
    pub(crate) place: String,
    /// Its name, perhaps an unknown one.
    pub(crate) key: String,
    /// Its value as text.
    pub(crate) text: String,
}

impl Given {
    pub(crate) fn new(place: &str, key: &str, text: impl Into<String>) -> Self {
        Self {
            place: place.to_owned(),
            key: key.to_owned(),
            text: text.into(),
        }
    }
}

/// Reads a TOML file's text: one table of parameters.
pub(crate) fn from_toml(name: &str, text: &str) -> (Vec<Given>, Vec<Problem>) {
    let place = |offset: usize| {
        let line = text
            .bytes()
            .take(offset)
            .filter(|&byte| byte == b'\n')
            .count()
            + 1;
        format!("{name}:{line}")
    };
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            let offset = error.span().map_or(0, |span| span.start);
            let what = format!("is no TOML: {}", error.message());
            return (Vec::new(), vec![problem(place(offset), "", &what)]);
        }
    };
    let (mut given, mut problems) = (Vec::new(), Vec::new());
    for (key, value) in table.get_ref() {
        let place = place(key.span().start);
        let key = key.get_ref();
        if let Some(text) = plain_text(value.get_ref()) {
            given.push(Given::new(&place, key, text));
        } else {
            let what = "must be a string, a number, a boolean or a list of strings";
            problems.push(problem(place, key, what));
        }
    }
    (given, problems)
}

fn plain_text(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Boolean(on) => Some(on.to_string()),
        DeValue::Array(members) => {
            let texts: Option<Vec<_>> = members
                .iter()
                .map(|member| member.get_ref().as_str())
                .collect();
            Some(texts?.join(";"))
        }
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

/// Reads `k=v,k=v` of `-o`; a value with commas stands in single or double quotes.
pub(crate) fn from_option(list: &str) -> (Vec<Given>, Vec<Problem>) {
    const PLACE: &str = "-o";
    let (mut given, mut problems) = (Vec::new(), Vec::new());
    for pair in split_unquoted(list) {
        match pair.split_once('=') {
            Some((key, value)) => {
                given.push(Given::new(PLACE, key.trim(), unquote(value.trim())));
            }
            None if pair.trim().is_empty() => {}
            None => problems.push(problem(PLACE.to_owned(), pair.trim(), "has no value")),
        }
    }
    (given, problems)
}

fn split_unquoted(list: &str) -> Vec<&str> {
    let mut quote = None;
    list.split(move |character| {
        match (quote, character) {
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            _ => {}
        }
        quote.is_none() && character == ','
    })
    .collect()
}

fn unquote(text: &str) -> &str {
    ['"', '\'']
        .iter()
        .find_map(|&quote| text.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(text)
}

fn problem(place: String, key: &str, what: &str) -> Problem {
    Problem {
        place,
        key: key.to_owned(),
        value: String::new(),
        what: what.to_owned(),
        hint: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(given: &[Given]) -> Vec<(&str, &str)> {
        let pair = |given: &Given| (given.key.clone(), given.text.clone());
        let pairs: Vec<_> = given.iter().map(pair).collect();
        pairs
            .leak()
            .iter()
            .map(|(key, text)| (key.as_str(), text.as_str()))
            .collect()
    }

    #[test]
    fn an_option_list_is_read_as_obproxy_reads_it() {
        let (given, problems) =
            from_option("a=1, b='x,y',c=\"p;q\",d=,e=k=v,,rootservice_list=127.0.0.1:1;[::1]:2");
        assert!(problems.is_empty());
        assert_eq!(
            pairs(&given),
            [
                ("a", "1"),
                ("b", "x,y"),
                ("c", "p;q"),
                ("d", ""),
                ("e", "k=v"),
                ("rootservice_list", "127.0.0.1:1;[::1]:2"),
            ]
        );
        assert_eq!(
            from_option("alone").1[0].to_string(),
            "-o: alone has no value"
        );
    }

    #[test]
    fn a_file_gives_texts_with_their_lines() {
        let (given, problems) = from_toml(
            "f",
            "a = 1\n\nb = \"x\"\nc = true\nd = [\"x\", \"y\"]\ne = 1.5\n",
        );
        let mut found = pairs(&given);
        found.sort_unstable();
        assert_eq!(found, [("a", "1"), ("b", "x"), ("c", "true"), ("d", "x;y")]);
        assert!(given.iter().any(|given| given.place == "f:3"));
        assert_eq!(problems.len(), 1);
        assert!(problems[0].to_string().starts_with("f:6: e must be"));
        let (_, problems) = from_toml("f", "a = 1\nb = = 2\n");
        assert!(problems[0].to_string().starts_with("f:2: is no TOML"));
    }
}
