//! The few variables that the proxy itself heeds, read from what servers report.

use crate::collation;
use odp_routing::{CollationId, TimeZone, ZonePolicy};
use odp_sql::{Backslash, Charset, Consistency};
use std::time::Duration;

/// The variables that the proxy itself heeds; always derived from the others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Known {
    /// `ob_query_timeout`.
    pub(crate) query_timeout: Duration,
    /// `wait_timeout`.
    pub(crate) wait_timeout: Duration,
    /// `net_read_timeout`.
    pub(crate) net_read_timeout: Duration,
    /// `net_write_timeout`.
    pub(crate) net_write_timeout: Duration,
    /// `ob_read_consistency`.
    pub(crate) consistency: Consistency,
    /// Whether it is not what a login finds where nobody has set it.
    pub(crate) is_consistency_chosen: bool,
    /// `ob_route_policy`.
    pub(crate) zone_policy: ZonePolicy,
    /// `character_set_client`: how the bytes of a statement are read.
    pub(crate) charset: Charset,
    /// `collation_connection`: how its literals compare.
    pub(crate) collation: CollationId,
    /// `time_zone`: what its TIMESTAMP literals mean.
    pub(crate) time_zone: TimeZone,
    /// `NO_BACKSLASH_ESCAPES` of `sql_mode`.
    pub(crate) backslash: Backslash,
}

impl Default for Known {
    /// `OBProxy`'s defaults until a server has spoken (`ob_cached_variables.h`).
    fn default() -> Self {
        Self {
            query_timeout: Duration::from_secs(10),
            wait_timeout: Duration::from_hours(8),
            net_read_timeout: Duration::from_secs(30),
            net_write_timeout: Duration::from_mins(1),
            consistency: Consistency::Strong,
            is_consistency_chosen: false,
            zone_policy: ZonePolicy::default(),
            charset: Charset::Utf8,
            collation: CollationId::default(),
            time_zone: TimeZone::default(),
            backslash: Backslash::Escapes,
        }
    }
}

impl Known {
    /// Takes in a variable's value as a server wrote it.
    pub(crate) fn note(&mut self, name: &[u8], value: &[u8]) {
        let number = || std::str::from_utf8(value).ok()?.trim().parse::<u64>().ok();
        let seconds = || number().map(Duration::from_secs);
        match name {
            b"ob_query_timeout" => {
                self.query_timeout = number().map_or(self.query_timeout, Duration::from_micros);
            }
            b"wait_timeout" => self.wait_timeout = seconds().unwrap_or(self.wait_timeout),
            b"net_read_timeout" => {
                self.net_read_timeout = seconds().unwrap_or(self.net_read_timeout);
            }
            b"net_write_timeout" => {
                self.net_write_timeout = seconds().unwrap_or(self.net_write_timeout);
            }
            b"ob_read_consistency" => {
                let weak = value.eq_ignore_ascii_case(b"WEAK") || value == b"2";
                self.consistency = if weak {
                    Consistency::Weak
                } else {
                    Consistency::Strong
                };
                self.is_consistency_chosen = true;
            }
            b"ob_route_policy" => self.zone_policy = ZonePolicy::read(value),
            b"character_set_client" => self.charset = collation::charset(value),
            b"time_zone" => {
                self.time_zone = TimeZone::parse(std::str::from_utf8(value).unwrap_or_default());
            }
            b"sql_mode" => self.backslash = backslash(value),
            b"collation_connection" => self.collation = collation::id(value),
            _ => {}
        }
    }

    /// What was noted so far comes from a login: STRONG is nobody's choice then.
    pub(crate) fn end_of_login(&mut self) {
        self.is_consistency_chosen = self.consistency == Consistency::Weak;
    }
}

/// Reads an `sql_mode`, which servers write as words or as a number.
fn backslash(mode: &[u8]) -> Backslash {
    const NO_BACKSLASH_ESCAPES: u64 = 1 << 20;
    let text = std::str::from_utf8(mode).unwrap_or_default();
    let plain = match text.parse::<u64>() {
        Ok(bits) => bits & NO_BACKSLASH_ESCAPES != 0,
        Err(_) => text
            .split(',')
            .any(|word| word.eq_ignore_ascii_case("NO_BACKSLASH_ESCAPES")),
    };
    if plain {
        Backslash::IsPlain
    } else {
        Backslash::Escapes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_read_from_words_and_from_a_number() {
        for (mode, expected) in [
            ("", Backslash::Escapes),
            ("STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES", Backslash::IsPlain),
            ("STRICT_ALL_TABLES", Backslash::Escapes),
            ("1048576", Backslash::IsPlain),
            ("4194304", Backslash::Escapes),
        ] {
            assert_eq!(backslash(mode.as_bytes()), expected, "{mode}");
        }
    }
}
