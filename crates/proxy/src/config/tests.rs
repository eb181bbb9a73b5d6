//! The configuration as a whole, and the sample file against the table.

use super::parameters::PARAMETERS;
use super::*;
use std::time::Duration;

const SAMPLE: &str = include_str!("../../../../config/odp.toml");

fn check(file: &str, option: &str) -> Result<Config, Problems> {
    let mut sources = Sources::default();
    sources.add(from_toml("odp.toml", file));
    sources.add(from_option(option));
    sources.check()
}

fn problems(file: &str, option: &str) -> String {
    check(file, option).unwrap_err().to_string()
}

const LIST: &str = "rootservice_list = \"127.0.0.1:2881\"\n";

#[test]
fn the_command_line_wins_over_the_file_and_the_file_over_the_default() {
    let file = format!("{LIST}listen_port = 3000\nlogin_timeout = \"3s\"\n");
    let settings = check(&file, "listen_port=4000").unwrap().settings;
    assert_eq!(settings.listen_port.0, 4000);
    assert_eq!(settings.login_timeout.0, Duration::from_secs(3));
    assert_eq!(settings.prometheus_listen_port.0, 2884);
    assert_eq!(
        settings.hot_upgrade_exit_timeout.0,
        Some(Duration::from_secs(30))
    );
}

#[test]
fn all_problems_are_told_at_once_with_place_key_and_hint() {
    let text = problems(
        "listen_prot = 1\nproxy_id = 9000\ncongestion_fail_window = \"2 weeks\"\n",
        "enable_full_username=maybe,nonsense=1",
    );
    for expected in [
        "6 problems",
        "odp.toml:1: listen_prot is no parameter (did you mean listen_port?)",
        "odp.toml:2: proxy_id = \"9000\" is out of range; allowed is [0, 8191] (default: \"0\")",
        "odp.toml:3: congestion_fail_window = \"2 weeks\" has an unknown unit of time",
        "-o: enable_full_username = \"maybe\" is neither true nor false",
        "-o: nonsense is no parameter",
        "rootservice_list",
    ] {
        assert!(text.contains(expected), "{expected} is not in {text}");
    }
}

#[test]
fn problems_between_parameters_are_found() {
    for (file, expected) in [
        ("listen_port = 2884\n", "same port"),
        ("admin_bind = \"0.0.0.0\"\n", "needs an admin token"),
        ("admin_token = \"short\"\n", "at least 8"),
        ("admin_token_file = \"/nonexistent\"\n", "cannot be read"),
    ] {
        let text = problems(&format!("{LIST}{file}"), "");
        assert!(text.contains(expected), "{text}");
    }
    assert!(problems("", "").contains("rootservice_list names no server"));
}

#[test]
fn a_secret_is_never_part_of_a_problem_or_of_a_debug_print() {
    let text = problems(LIST, "observer_sys_password=hunter2");
    assert!(text.contains("40 hexadecimal digits"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    let hash = "ab".repeat(20);
    let option = format!("observer_sys_password={hash},admin_token=0123456789");
    let config = check(LIST, &option).unwrap();
    let debug = format!("{config:?}");
    assert!(
        !debug.contains(&hash) && !debug.contains("0123456789"),
        "{debug}"
    );
}

#[test]
fn parameters_that_only_obproxy_uses_draw_a_warning() {
    let config = check(LIST, "enable_metadb_used=False").unwrap();
    assert_eq!(config.warnings.len(), 1);
    assert!(config.warnings[0].contains("enable_metadb_used"));
}

#[test]
fn settings_survive_the_control_channel() {
    let option = "hot_upgrade_exit_timeout=-1,routing_cache_mem_limited=3K,login_timeout=1500ms,\
                  admin_token=0123456789,username_separator=:;+";
    let settings = check(LIST, option).unwrap().settings;
    let copy = Settings::from_bytes(&settings.to_bytes().unwrap()).unwrap();
    assert_eq!(copy.texts(), settings.texts());
    assert_eq!(copy.admin_token.reveal(), Some("0123456789"));
    assert!(Settings::from_bytes(b"\xff\xff").is_err());
}

#[test]
fn every_default_is_inside_its_own_range() {
    assert!(check(LIST, "").is_ok());
}

#[test]
fn the_sample_configuration_is_written_from_the_table() {
    assert!(
        SAMPLE == sample(),
        "run `odp check --sample > config/odp.toml`"
    );
    for parameter in PARAMETERS {
        let listed = SAMPLE.lines().filter(|line| {
            let line = line.strip_prefix('#').unwrap_or(line);
            line.split_once(" = ")
                .is_some_and(|(name, _)| name == parameter.name)
        });
        assert_eq!(listed.count(), 1, "{}", parameter.name);
        assert!(!parameter.meaning.is_empty());
    }
}

#[test]
fn the_sample_configuration_is_valid_with_every_line_in_force() {
    let text: Vec<_> = SAMPLE
        .lines()
        .map(|line| line.strip_prefix('#').unwrap_or(line))
        .filter(|line| !line.starts_with(' ') && line.contains(" = "))
        .collect();
    assert!(check(&text.join("\n"), "").is_ok());
}

#[test]
fn what_needs_a_change_of_server_is_refused_in_front_of_mysql() {
    let refused = [
        "proxy_idc_name=a",
        "proxy_route_policy=follower_first",
        "proxy_primary_zone_name=z1",
        "obproxy_read_consistency=1",
        "proxy_tenant_name=t",
        "enable_full_username=true",
        "resource_max_connections=t:1",
    ];
    for option in refused {
        assert!(check(LIST, option).is_ok(), "{option}");
        let in_front_of_mysql = format!("{option},server_routing_mode=mysql");
        let problems = check(LIST, &in_front_of_mysql).unwrap_err().to_string();
        let key = option.split('=').next().unwrap();
        assert!(problems.contains(key), "{option}: {problems}");
    }
    assert!(check(LIST, "server_routing_mode=mysql").is_ok());
}
