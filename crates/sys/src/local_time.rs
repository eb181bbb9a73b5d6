//! Moments in the time zone of this machine.

use std::mem::MaybeUninit;
use std::time::{SystemTime, UNIX_EPOCH};

/// A moment on the clock on the wall (`TZ`, else `/etc/localtime`), to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LocalTime {
    /// The year, for example 2026.
    pub year: i32,
    /// 1 to 12.
    pub month: i32,
    /// 1 to 31.
    pub day: i32,
    /// 0 to 23.
    pub hour: i32,
    /// 0 to 59.
    pub minute: i32,
    /// 0 to 60.
    pub second: i32,
}

impl LocalTime {
    /// `moment` here; `None` for one beyond what the C library reckons with.
    #[must_use]
    pub fn of(moment: SystemTime) -> Option<Self> {
        let seconds = moment.duration_since(UNIX_EPOCH).ok()?.as_secs();
        let seconds = libc::time_t::try_from(seconds).ok()?;
        let mut parts = MaybeUninit::<libc::tm>::zeroed();
        // SAFETY: both pointers are good for the length of the call, which fills `parts` or answers null;
        // nothing in odp changes the environment that it may read.
        let result = unsafe { libc::localtime_r(&raw const seconds, parts.as_mut_ptr()) };
        if result.is_null() {
            return None;
        }
        // SAFETY: it was filled, and zeros are valid for what was not.
        let parts = unsafe { parts.assume_init() };
        Some(Self {
            year: parts.tm_year + 1900,
            month: parts.tm_mon + 1,
            day: parts.tm_mday,
            hour: parts.tm_hour,
            minute: parts.tm_min,
            second: parts.tm_sec,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn moments_are_those_of_the_systems_own_clock() {
        for seconds in [0, 951_782_400, 1_769_903_999, 4_107_542_400] {
            let local = LocalTime::of(UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
            let date = std::process::Command::new("date")
                .args(["-d", &format!("@{seconds}"), "+%Y-%-m-%-d %-H:%-M:%-S"])
                .output()
                .unwrap();
            let LocalTime {
                year,
                month,
                day,
                hour,
                minute,
                second,
            } = local;
            let text = format!("{year}-{month}-{day} {hour}:{minute}:{second}");
            assert_eq!(text, String::from_utf8_lossy(&date.stdout).trim());
        }
        let end = UNIX_EPOCH.checked_add(Duration::from_secs(1 << 62));
        assert_eq!(end.and_then(LocalTime::of), None);
    }
}
