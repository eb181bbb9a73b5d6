//! The range of a parameter: checked when a value is read, printed in the documentation.

use super::value::{Complaint, read_bytes, read_time};
use std::fmt;
use std::time::Duration;

/// Which values a parameter takes. Times and sizes are written as a user would write them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bounds {
    /// Every value of its type.
    Any,
    /// A number from the first to the second.
    Number(i64, i64),
    /// A time from the first to the second.
    Time(&'static str, &'static str),
    /// A size from the first to the second.
    Size(&'static str, &'static str),
    /// One of these words.
    OneOf(&'static [&'static str]),
}

impl Bounds {
    pub(super) fn check_number(&self, number: i128) -> Result<(), Complaint> {
        match *self {
            Self::Number(least, most)
                if !(i128::from(least)..=i128::from(most)).contains(&number) =>
            {
                Err(self.complaint())
            }
            _ => Ok(()),
        }
    }

    pub(super) fn check_time(&self, time: Duration) -> Result<(), Complaint> {
        let Self::Time(least, most) = *self else {
            return Ok(());
        };
        let bound = |text| read_time(text, Duration::from_secs(1));
        if (bound(least)?..=bound(most)?).contains(&time) {
            Ok(())
        } else {
            Err(self.complaint())
        }
    }

    pub(super) fn check_bytes(&self, bytes: u64) -> Result<(), Complaint> {
        let Self::Size(least, most) = *self else {
            return Ok(());
        };
        if (read_bytes(least)?..=read_bytes(most)?).contains(&bytes) {
            Ok(())
        } else {
            Err(self.complaint())
        }
    }

    pub(super) fn check_word(&self, word: &str) -> Result<(), Complaint> {
        match self {
            Self::OneOf(words) if !words.contains(&word) => Err(self.complaint()),
            _ => Ok(()),
        }
    }

    fn complaint(&self) -> Complaint {
        format!("is out of range; allowed is {self}")
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::Number(least, most) => write!(f, "[{least}, {most}]"),
            Self::Time(least, most) | Self::Size(least, most) => write!(f, "[{least}, {most}]"),
            Self::OneOf(words) => f.write_str(&words.join(", ")),
        }
    }
}
