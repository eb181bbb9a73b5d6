//! The types of parameter values: how each is read from text, bounded and printed.

use super::bounds::Bounds;
use odp_cluster::{Separators, ServerAddr};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// What is wrong with a value, as the end of a sentence about it.
pub(crate) type Complaint = String;

/// A type of parameter.
pub(crate) trait Value: Sized {
    /// Whether the value must never be shown.
    const SECRET: bool = false;

    /// Reads the text of a file or of the command line.
    fn read(text: &str, bounds: &Bounds) -> Result<Self, Complaint>;

    /// The text that [`Self::read`] reads back.
    fn print(&self) -> String;
}

/// A TCP port; 0 lets the kernel choose one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Port(pub(crate) u16);

/// A whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count(pub(crate) u64);

/// A time; a bare number is seconds, as for every TIME parameter of `OBProxy` (`ObConfigTimeParser`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

/// A time whose bare number is microseconds and where -1 means without limit (an INT of `OBProxy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeLimit(pub(crate) Option<Duration>);

/// An amount of memory in bytes; a bare number is megabytes (`ObConfigCapacityParser`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) u64);

/// A text that is never printed; empty when there is none.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

/// The SHA1 of a password as `OBProxy` stores it; none for an empty password. Never printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct PasswordHash(Option<[u8; 20]>);

/// One of a few words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word(String);

/// The servers of `rootservice_list`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerList(pub(crate) Vec<ServerAddr>);

/// The separators of `username_separator`, kept with the text that they were read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SeparatorList {
    text: String,
    separators: Separators,
}

impl Secret {
    /// The text itself, for the one who has to use it; none when it is empty.
    pub(crate) fn reveal(&self) -> Option<&str> {
        Some(self.0.as_str()).filter(|text| !text.is_empty())
    }
}

impl PasswordHash {
    /// The hash itself, for a login; none for an empty password.
    pub(crate) fn reveal(self) -> Option<[u8; 20]> {
        self.0
    }
}

impl Word {
    /// The word in lower case.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl SeparatorList {
    /// The separators, for the reader of login names.
    pub(crate) fn separators(&self) -> &Separators {
        &self.separators
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Value for String {
    fn read(text: &str, _: &Bounds) -> Result<Self, Complaint> {
        Ok(text.to_owned())
    }

    fn print(&self) -> String {
        self.clone()
    }
}

impl Value for bool {
    fn read(text: &str, _: &Bounds) -> Result<Self, Complaint> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "on" | "yes" | "t" | "y" => Ok(true),
            "false" | "0" | "off" | "no" | "f" | "n" => Ok(false),
            _ => Err("is neither true nor false".to_owned()),
        }
    }

    fn print(&self) -> String {
        self.to_string()
    }
}

impl Value for Port {
    fn read(text: &str, bounds: &Bounds) -> Result<Self, Complaint> {
        let port: u16 = text
            .parse()
            .map_err(|_| "is no port number, 0 to 65535".to_owned())?;
        if port != 0 {
            bounds.check_number(i128::from(port))?;
        }
        Ok(Self(port))
    }

    fn print(&self) -> String {
        self.0.to_string()
    }
}

impl Value for Count {
    fn read(text: &str, bounds: &Bounds) -> Result<Self, Complaint> {
        let number: i64 = text.parse().map_err(|_| "is no whole number".to_owned())?;
        bounds.check_number(i128::from(number))?;
        let count = u64::try_from(number).map_err(|_| "is negative".to_owned())?;
        Ok(Self(count))
    }

    fn print(&self) -> String {
        self.0.to_string()
    }
}

impl Value for Span {
    fn read(text: &str, bounds: &Bounds) -> Result<Self, Complaint> {
        let span = read_time(text, Duration::from_secs(1))?;
        bounds.check_time(span)?;
        Ok(Self(span))
    }

    fn print(&self) -> String {
        format!("{}us", self.0.as_micros())
    }
}

impl Value for TimeLimit {
    fn read(text: &str, bounds: &Bounds) -> Result<Self, Complaint> {
        if text == "-1" {
            return Ok(Self(None));
        }
        let limit = read_time(text, Duration::from_micros(1))?;
        bounds.check_time(limit)?;
        Ok(Self(Some(limit)))
    }

    fn print(&self) -> String {
        match self.0 {
            None => "-1".to_owned(),
            Some(limit) => limit.as_micros().to_string(),
        }
    }
}

impl Value for Bytes {
    fn read(text: &str, bounds: &Bounds) -> Result<Self, Complaint> {
        let bytes = read_bytes(text)?;
        bounds.check_bytes(bytes)?;
        Ok(Self(bytes))
    }

    fn print(&self) -> String {
        format!("{}B", self.0)
    }
}

impl Value for Secret {
    const SECRET: bool = true;

    fn read(text: &str, _: &Bounds) -> Result<Self, Complaint> {
        Ok(Self(text.to_owned()))
    }

    fn print(&self) -> String {
        self.0.clone()
    }
}

impl Value for PasswordHash {
    const SECRET: bool = true;

    fn read(text: &str, _: &Bounds) -> Result<Self, Complaint> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        let complaint = || "is no SHA1 in 40 hexadecimal digits".to_owned();
        if text.len() != 40 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(complaint());
        }
        let mut hash = [0; 20];
        for (byte, digits) in hash.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| complaint())?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| complaint())?;
        }
        Ok(Self(Some(hash)))
    }

    fn print(&self) -> String {
        let hex = |hash: [u8; 20]| hash.map(|byte| format!("{byte:02x}")).concat();
        self.0.map(hex).unwrap_or_default()
    }
}

impl Value for Word {
    fn read(text: &str, bounds: &Bounds) -> Result<Self, Complaint> {
        let word = text.to_ascii_lowercase();
        bounds.check_word(&word)?;
        Ok(Self(word))
    }

    fn print(&self) -> String {
        self.0.clone()
    }
}

impl Value for IpAddr {
    fn read(text: &str, _: &Bounds) -> Result<Self, Complaint> {
        text.parse()
            .map_err(|_| "is no IP address, for example 0.0.0.0 or ::".to_owned())
    }

    fn print(&self) -> String {
        self.to_string()
    }
}

impl Value for ServerList {
    fn read(text: &str, _: &Bounds) -> Result<Self, Complaint> {
        let servers = ServerAddr::parse_list(text).map_err(|error| error.to_string())?;
        if servers.is_empty() {
            let how = "give -r 'ip:port;ip:port', or rootservice_list in the file";
            return Err(format!("names no server; {how}"));
        }
        Ok(Self(servers))
    }

    fn print(&self) -> String {
        let texts: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        texts.join(";")
    }
}

impl Value for SeparatorList {
    fn read(text: &str, _: &Bounds) -> Result<Self, Complaint> {
        Ok(Self {
            text: text.to_owned(),
            separators: Separators::parse(text),
        })
    }

    fn print(&self) -> String {
        self.text.clone()
    }
}

/// Reads `30s`, `100ms` or a bare number of `bare` units.
pub(super) fn read_time(text: &str, bare: Duration) -> Result<Duration, Complaint> {
    let (number, unit) = split_unit(text)?;
    let unit = match unit.to_ascii_lowercase().as_str() {
        "" => bare,
        "us" => Duration::from_micros(1),
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "m" => Duration::from_mins(1),
        "h" => Duration::from_hours(1),
        "d" => Duration::from_hours(24),
        _ => return Err("has an unknown unit of time; known are us, ms, s, m, h, d".to_owned()),
    };
    u64::try_from(unit.as_micros())
        .ok()
        .and_then(|micros| micros.checked_mul(number))
        .map(Duration::from_micros)
        .ok_or_else(|| "is too long a time".to_owned())
}

/// Reads `128MB`, `1G` or a bare number of megabytes.
pub(super) fn read_bytes(text: &str) -> Result<u64, Complaint> {
    let (number, unit) = split_unit(text)?;
    let shift = match unit.to_ascii_lowercase().as_str() {
        "b" => 0,
        "k" | "kb" => 10,
        "" | "m" | "mb" => 20,
        "g" | "gb" => 30,
        "t" | "tb" => 40,
        _ => return Err("has an unknown unit of size; known are B, K, M, G, T".to_owned()),
    };
    number
        .checked_mul(1 << shift)
        .ok_or_else(|| "is too large a size".to_owned())
}

fn split_unit(text: &str) -> Result<(u64, &str), Complaint> {
    let end = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let number = digits
        .parse()
        .map_err(|_| "does not start with a number".to_owned())?;
    Ok((number, unit.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_the_unit_of_their_parameter() {
        for (text, micros) in [
            ("5", Some(5_000_000)),
            ("5s", Some(5_000_000)),
            ("250ms", Some(250_000)),
            ("7us", Some(7)),
            ("2m", Some(120_000_000)),
            ("1H", Some(3_600_000_000)),
            ("1d", Some(86_400_000_000)),
            ("1 s", Some(1_000_000)),
            ("", None),
            ("s", None),
            ("-5s", None),
            ("5w", None),
            ("99999999999999d", None),
        ] {
            let span = Span::read(text, &Bounds::Any).ok();
            assert_eq!(span.map(|span| span.0.as_micros()), micros, "{text}");
        }
        for (text, micros) in [("30000000", Some(30_000_000)), ("30s", Some(30_000_000))] {
            let limit = TimeLimit::read(text, &Bounds::Any).unwrap().0;
            assert_eq!(limit.map(|limit| limit.as_micros()), micros, "{text}");
        }
        assert_eq!(TimeLimit::read("-1", &Bounds::Any), Ok(TimeLimit(None)));
        assert!(TimeLimit::read("-2", &Bounds::Any).is_err());
    }

    #[test]
    fn sizes_are_read_with_obproxys_units() {
        for (text, bytes) in [
            ("4K", Some(4 << 10)),
            ("4kb", Some(4 << 10)),
            ("128MB", Some(128 << 20)),
            ("128", Some(128 << 20)),
            ("1G", Some(1 << 30)),
            ("17B", Some(17)),
            ("1X", None),
            ("99999999999T", None),
        ] {
            assert_eq!(read_bytes(text).ok(), bytes, "{text}");
        }
    }

    #[test]
    fn a_password_is_taken_as_sha1_only_and_never_shown() {
        let hex = "ab".repeat(20);
        let hash = PasswordHash::read(&hex, &Bounds::Any).unwrap();
        assert_eq!(hash.reveal(), Some([0xab; 20]));
        assert_eq!(hash.print(), hex);
        assert_eq!(format!("{hash:?}"), "***");
        assert!(PasswordHash::read("secret", &Bounds::Any).is_err());
        assert_eq!(PasswordHash::read("", &Bounds::Any).unwrap().reveal(), None);
        let secret = Secret::read("hunter2", &Bounds::Any).unwrap();
        assert_eq!(format!("{secret:?}"), "***");
    }

    #[test]
    fn switches_take_the_words_that_obproxy_takes() {
        for (text, on) in [("True", true), ("ON", true), ("0", false), ("No", false)] {
            assert_eq!(bool::read(text, &Bounds::Any), Ok(on));
        }
        assert!(bool::read("maybe", &Bounds::Any).is_err());
    }
}
