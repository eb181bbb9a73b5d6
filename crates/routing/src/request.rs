//! What a session asks the router: one statement and the session's circumstances.

use crate::{ProxyRoutePolicy, ZonePolicy};
use odp_cluster::{DatabaseName, ServerAddr, TenantName};
use odp_sql::{Backslash, Consistency, Outline};

/// The session's `collation_connection`, as its MySQL collation id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CollationId(pub u16);

impl Default for CollationId {
    /// `utf8mb4_general_ci`.
    fn default() -> Self {
        Self(45)
    }
}

/// The session's `time_zone`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TimeZone {
    /// `SYSTEM` or a named zone: what it stands for is known to the server alone.
    #[default]
    Unknown,
    /// A fixed distance from UTC in seconds, positive to the east.
    Offset(i32),
}

impl TimeZone {
    /// Reads a value of the variable, such as `+08:00`; between -13:59 and +14:00.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self::offset(text.trim()).map_or(Self::Unknown, Self::Offset)
    }

    fn offset(text: &str) -> Option<i32> {
        let (sign, rest) = match text.split_at_checked(1)? {
            ("+", rest) => (1, rest),
            ("-", rest) => (-1, rest),
            _ => return None,
        };
        let (hours, minutes) = rest.split_once(':')?;
        let number = |text: &str| {
            let digits = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
            text.parse::<i32>().ok().filter(|_| digits)
        };
        let (hours, minutes) = (number(hours)?, number(minutes)?);
        let valid =
            minutes < 60 && (-(13 * 60 + 59)..=14 * 60).contains(&(sign * (hours * 60 + minutes)));
        valid.then_some(sign * (hours * 60 + minutes) * 60)
    }

    /// The distance from UTC in seconds, where it is known.
    pub(crate) fn offset_s(self) -> Option<i64> {
        match self {
            Self::Unknown => None,
            Self::Offset(seconds) => Some(seconds.into()),
        }
    }
}

/// A bound parameter of a prepared statement, decoded from the binary protocol.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Parameter<'a> {
    /// SQL NULL.
    Null,
    /// A signed integer of any width.
    Int(i64),
    /// An unsigned integer of any width.
    Uint(u64),
    /// A floating-point number.
    Double(f64),
    /// A string, decimal or blob: the bytes as the client sent them.
    Bytes(&'a [u8]),
    /// A DATE, DATETIME or TIMESTAMP.
    Moment {
        /// Year, month, day.
        date: (u16, u8, u8),
        /// Hour, minute, second.
        clock: (u8, u8, u8),
        /// 0 to 999,999.
        micros: u32,
    },
    /// A TIME.
    Duration {
        /// Whether it is before midnight.
        negative: bool,
        /// Days are 24 of them.
        hours: u64,
        /// 0 to 59.
        minutes: u8,
        /// 0 to 59.
        seconds: u8,
        /// 0 to 999,999.
        micros: u32,
    },
    /// Something this proxy does not place (long data).
    Other,
}

/// A statement to place.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The session's tenant.
    pub tenant: &'a TenantName,
    /// The session's database; may be empty.
    pub database: &'a DatabaseName,
    /// The statement; `None` for a command without one (a login, `COM_PING`).
    pub outline: Option<&'a Outline<'a>>,
    /// The bound parameters of a prepared statement, in order; empty for a text statement.
    pub parameters: &'a [Parameter<'a>],
    /// The default collation of `character_set_client`, in which the client writes.
    pub client: CollationId,
    /// The collation of the session's literals, whose character set they are converted to.
    pub collation: CollationId,
    /// What a backslash means in the session's string literals (`NO_BACKSLASH_ESCAPES`).
    pub backslash: Backslash,
    /// The session's time zone, which TIMESTAMP literals are in.
    pub time_zone: TimeZone,
    /// The session's consistency; a hint in the statement beats it.
    pub consistency: Consistency,
    /// Whether the session has set `ob_read_consistency` itself.
    pub is_consistency_chosen: bool,
    /// `ob_route_policy`.
    pub zone_policy: ZonePolicy,
    /// `@proxy_route_policy`; beats the parameter.
    pub route_policy: Option<ProxyRoutePolicy>,
    /// `@proxy_idc_name`; beats the parameter.
    pub idc: Option<&'a str>,
    /// The server that ran the session's last statement.
    pub last_server: Option<ServerAddr>,
    /// The servers already tried for this statement.
    pub excluded: &'a [ServerAddr],
    /// How far the session has come with this statement's location.
    pub lookup: LookupPhase,
}

/// Whether the router may ask for a lookup first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LookupPhase {
    /// The router may answer [`crate::Decision::Lookup`].
    #[default]
    Allowed,
    /// A lookup has been made for this statement, with or without success: route now.
    Done,
}

impl<'a> Request<'a> {
    /// A request without statement: a login, or a command that any server of the tenant can run.
    #[must_use]
    pub fn new(tenant: &'a TenantName, database: &'a DatabaseName) -> Self {
        Self {
            tenant,
            database,
            outline: None,
            parameters: &[],
            collation: CollationId::default(),
            client: CollationId::default(),
            backslash: Backslash::Escapes,
            time_zone: TimeZone::Unknown,
            consistency: Consistency::Strong,
            is_consistency_chosen: false,
            zone_policy: ZonePolicy::default(),
            route_policy: None,
            idc: None,
            last_server: None,
            excluded: &[],
            lookup: LookupPhase::Allowed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_zones_are_read_where_they_are_distances() {
        for (text, zone) in [
            ("+08:00", TimeZone::Offset(28_800)),
            ("-3:30", TimeZone::Offset(-12_600)),
            ("+14:00", TimeZone::Offset(50_400)),
            ("+14:01", TimeZone::Unknown),
            ("SYSTEM", TimeZone::Unknown),
            ("Asia/Shanghai", TimeZone::Unknown),
            ("+8", TimeZone::Unknown),
            ("", TimeZone::Unknown),
        ] {
            assert_eq!(TimeZone::parse(text), zone, "{text}");
        }
    }
}
