//! The annotated sample configuration, written from the table of parameters.

use super::parameters::{PARAMETERS, Parameter};

const HEAD: &str = "\
# The configuration of odp, with every parameter at its default but one. `odp check --sample` prints this file.
#
# Names are those of OBProxy where it has the parameter. Times are strings with us, ms, s, m, h or d; a bare
# number is seconds where nothing else is said. Sizes are strings with B, K, M, G or T; a bare number is
# megabytes. The command line (`odp serve -o name=value,...`) wins over this file.
";

/// The one parameter that has no usable default, with an example.
const REQUIRED: (&str, &str) = ("rootservice_list", "127.0.0.1:2881");

/// The text of `config/odp.toml`.
pub(crate) fn sample() -> String {
    let entries: Vec<_> = PARAMETERS.iter().map(entry).collect();
    format!("{HEAD}\n{}", entries.join("\n"))
}

fn entry(parameter: &Parameter) -> String {
    let meaning: Vec<_> = parameter
        .meaning
        .iter()
        .map(|line| format!("#{line}\n"))
        .collect();
    let (mark, value) = if parameter.name == REQUIRED.0 {
        ("", REQUIRED.1)
    } else {
        ("#", parameter.default)
    };
    format!(
        "{}# Range: {}.\n{mark}{} = {}\n",
        meaning.concat(),
        parameter.bounds,
        parameter.name,
        toml_value(value),
    )
}

fn toml_value(text: &str) -> String {
    if text.parse::<i64>().is_ok() || text.parse::<bool>().is_ok() {
        text.to_owned()
    } else {
        format!("{text:?}")
    }
}
