//! The configuration: from files, command line and environment to checked settings.

mod bounds;
mod parameters;
mod pool_overrides;
mod problem;
mod reader;
mod retired;
mod sample;
mod source;
mod target_list;
mod tenant_limit_list;
mod value;

pub(crate) use parameters::Settings;
pub(crate) use pool_overrides::pool_mode;
pub(crate) use problem::{Problem, Problems};
pub(crate) use sample::sample;
pub(crate) use source::{Given, from_option, from_toml};

use odp_admin::Access;
use odp_session::TenantLimits;
use reader::Reader;
use std::path::Path;

/// A checked configuration and what its author should know.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// The values.
    pub(crate) settings: Settings,
    /// The rules of access to the admin endpoint.
    pub(crate) access: Access,
    /// What is not wrong, but probably not meant.
    pub(crate) warnings: Vec<String>,
}

/// What was given, in the order of rising precedence.
#[derive(Default)]
pub(crate) struct Sources {
    given: Vec<Given>,
    problems: Vec<Problem>,
}

impl Sources {
    /// The environment variables that set a parameter: secrets, for which a file or a command line is
    /// no good place.
    const ENVIRONMENT: [(&'static str, &'static str); 2] = [
        ("observer_sys_password", "observer_sys_password"),
        ("ODP_ADMIN_TOKEN", "admin_token"),
    ];

    /// Adds parameters that were read from somewhere, with what went wrong there.
    pub(crate) fn add(&mut self, (given, problems): (Vec<Given>, Vec<Problem>)) {
        self.given.extend(given);
        self.problems.extend(problems);
    }

    /// Adds a TOML file.
    pub(crate) fn add_file(&mut self, path: &Path) {
        let name = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => self.add(from_toml(&name, &text)),
            Err(error) => self.problems.push(Problem {
                place: name,
                key: String::new(),
                value: String::new(),
                what: format!("cannot be read: {error}"),
                hint: None,
            }),
        }
    }

    /// Adds the parameters of the environment.
    pub(crate) fn add_environment(&mut self) {
        for (variable, parameter) in Self::ENVIRONMENT {
            if let Ok(text) = std::env::var(variable) {
                let place = format!("environment variable {variable}");
                self.given.push(Given::new(&place, parameter, text));
            }
        }
    }

    /// Checks everything together.
    ///
    /// # Errors
    /// All the problems at once.
    pub(crate) fn check(self) -> Result<Config, Problems> {
        let mut reader = Reader::new(&self.given, self.problems);
        let settings = Settings::read(&mut reader);
        let access = settings
            .as_ref()
            .and_then(|settings| check_together(settings, &mut reader));
        let mut problems = reader.problems;
        problems.sort_by(|left, right| left.place.cmp(&right.place));
        match (settings, access) {
            (Some(settings), Some(access)) if problems.is_empty() => Ok(Config {
                settings,
                access,
                warnings: reader.warnings,
            }),
            _ => Err(Problems(problems)),
        }
    }
}

impl Settings {
    /// The configuration as bytes for the control channel; holds secrets.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&self.texts())
    }

    /// Reads what [`Self::to_bytes`] wrote, perhaps in another release: what this one does not know is
    /// left out, what the other one did not know has its default.
    ///
    /// # Errors
    /// One line for the operator.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let texts: Vec<(String, String)> =
            serde_json::from_slice(bytes).map_err(|error| format!("bad configuration: {error}"))?;
        let given: Vec<_> = texts
            .iter()
            .filter(|(name, _)| {
                parameters::PARAMETERS
                    .iter()
                    .any(|known| known.name == name)
            })
            .map(|(name, text)| Given::new("offer", name, text.as_str()))
            .collect();
        let mut reader = Reader::new(&given, Vec::new());
        Self::read(&mut reader).ok_or_else(|| Problems(reader.problems).to_string())
    }
}

/// The problems between parameters; also reads the file of the admin token.
fn check_together(settings: &Settings, reader: &mut Reader<'_>) -> Option<Access> {
    let (sql, http) = (settings.listen_port.0, settings.prometheus_listen_port.0);
    if sql == http && sql != 0 {
        let what = "is the same port as listen_port";
        complain(reader, "prometheus_listen_port", what, "one port each");
    }
    check_mysql_mode(settings, reader);
    let token = match admin_token(settings) {
        Ok(token) => token,
        Err(what) => {
            complain(reader, "admin_token_file", &what, "one token in one place");
            return None;
        }
    };
    match Access::new(settings.admin_bind, token) {
        Ok(access) => Some(access),
        Err(error) => {
            let hint = "set admin_token_file, or admin_bind = \"127.0.0.1\"";
            complain(reader, "admin_bind", &format!("is refused: {error}"), hint);
            None
        }
    }
}

/// In front of MySQL a client keeps one server: what chooses servers by statement has no meaning there.
fn check_mysql_mode(settings: &Settings, reader: &mut Reader<'_>) {
    if settings.server_routing_mode.as_str() != "mysql" {
        return;
    }
    let by_statement = [
        ("proxy_idc_name", !settings.proxy_idc_name.trim().is_empty()),
        (
            "proxy_route_policy",
            !settings.proxy_route_policy.as_str().is_empty(),
        ),
        (
            "proxy_primary_zone_name",
            !settings.proxy_primary_zone_name.trim().is_empty(),
        ),
        (
            "obproxy_read_consistency",
            settings.obproxy_read_consistency.0 != 0,
        ),
        ("proxy_tenant_name", !settings.proxy_tenant_name.is_empty()),
        ("enable_full_username", settings.enable_full_username),
        (
            "resource_max_connections",
            settings.resource_max_connections.limits != TenantLimits::default(),
        ),
    ];
    for (key, is_set) in by_statement {
        if is_set {
            let what = "needs tenants, or sessions that change their server, and there are none with \
                        server_routing_mode = \"mysql\"";
            complain(
                reader,
                key,
                what,
                "leave it out, or set server_routing_mode",
            );
        }
    }
}

fn admin_token(settings: &Settings) -> Result<Option<String>, String> {
    let inline = settings.admin_token.reveal().map(str::to_owned);
    match (inline, settings.admin_token_file.as_str()) {
        (inline, "") => Ok(inline),
        (Some(_), _) => Err("is given beside admin_token".to_owned()),
        (None, path) => match std::fs::read_to_string(path) {
            Ok(text) if !text.trim().is_empty() => Ok(Some(text.trim().to_owned())),
            Ok(_) => Err("names an empty file".to_owned()),
            Err(error) => Err(format!("cannot be read: {error}")),
        },
    }
}

fn complain(reader: &mut Reader<'_>, key: &str, what: &str, hint: &str) {
    let place = reader.place(key);
    reader.problems.push(Problem {
        place,
        key: key.to_owned(),
        value: String::new(),
        what: what.to_owned(),
        hint: Some(hint.to_owned()),
    });
}

#[cfg(test)]
mod tests;
