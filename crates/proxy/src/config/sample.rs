//! The annotated sample configuration, written from the table of parameters.

use super::parameters::{PARAMETERS, Parameter};

const HEAD: &str = "\
# The configuration of odp, with every parameter at its default. `odp check --sample` prints this file.
#
# Names are those of OBProxy where it has the parameter. Times are strings with us, ms, s, m, h or d; a bare
# number is seconds where nothing else is said. Sizes are strings with B, K, M, G or T; a bare number is
# megabytes. The command line (`odp serve -o name=value,...`) wins over this file.
";

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
    format!(
        "{}# Range: {}.\n#{} = {}\n",
        meaning.concat(),
        parameter.bounds,
        parameter.name,
        toml_value(parameter.default),
    )
}

fn toml_value(text: &str) -> String {
    if text.parse::<i64>().is_ok() || text.parse::<bool>().is_ok() {
        text.to_owned()
    } else {
        format!("{text:?}")
    }
}
