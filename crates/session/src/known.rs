//! The few variables that the proxy itself heeds, read from what servers report.

use crate::collation;
use odp_routing::{CollationId, TimeZone, ZonePolicy};
use odp_sql::{Backslash, Charset, Consistency, Dialect, DoubleQuotes};
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
    /// `character_set_client` and `sql_mode`: how the bytes of a statement are read.
    pub(crate) dialect: Dialect,
    /// The default collation of `character_set_client`.
    pub(crate) client: CollationId,
    /// `collation_connection`: how its literals compare.
    pub(crate) collation: CollationId,
    /// `time_zone`: what its TIMESTAMP literals mean.
    pub(crate) time_zone: TimeZone,
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
            dialect: Charset::Utf8.into(),
            client: CollationId::default(),
            collation: CollationId::default(),
            time_zone: TimeZone::default(),
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
            b"character_set_client" => {
                self.dialect.charset = collation::charset(value);
                self.client = collation::default_of(value);
            }
            b"time_zone" => {
                self.time_zone = TimeZone::parse(std::str::from_utf8(value).unwrap_or_default());
            }
            b"sql_mode" => {
                self.dialect.backslash = if has_mode(value, "NO_BACKSLASH_ESCAPES", 1 << 20) {
                    Backslash::IsPlain
                } else {
                    Backslash::Escapes
                };
                let ansi =
                    has_mode(value, "ANSI_QUOTES", 1 << 2) || has_mode(value, "ANSI", 1 << 18);
                self.dialect.double_quotes = if ansi {
                    DoubleQuotes::Names
                } else {
                    DoubleQuotes::Strings
                };
            }
            b"collation_connection" => self.collation = collation::id(value),
            _ => {}
        }
    }

    /// What was noted so far comes from a login: STRONG is nobody's choice then.
    pub(crate) fn end_of_login(&mut self) {
        self.is_consistency_chosen = self.consistency == Consistency::Weak;
    }
}

/// Whether an `sql_mode`, which servers write as words or as a number, holds a mode (`mysql_com.h` has
/// the bits).
fn has_mode(mode: &[u8], name: &str, bit: u64) -> bool {
    let text = std::str::from_utf8(mode).unwrap_or_default();
    match text.parse::<u64>() {
        Ok(bits) => bits & bit != 0,
        Err(_) => text.split(',').any(|word| word.eq_ignore_ascii_case(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_read_from_words_and_from_a_number() {
        use Backslash::{Escapes, IsPlain};
        use DoubleQuotes::{Names, Strings};
        for (mode, backslash, double_quotes) in [
            ("", Escapes, Strings),
            ("STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES", IsPlain, Strings),
            ("ansi_quotes,STRICT_ALL_TABLES", Escapes, Names),
            ("STRICT_ALL_TABLES", Escapes, Strings),
            ("1048576", IsPlain, Strings),
            ("1048580", IsPlain, Names),
            ("4194304", Escapes, Strings),
        ] {
            let mut known = Known::default();
            known.note(b"sql_mode", mode.as_bytes());
            assert_eq!(known.dialect.backslash, backslash, "{mode}");
            assert_eq!(known.dialect.double_quotes, double_quotes, "{mode}");
        }
    }
}
