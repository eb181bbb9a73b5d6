//! The host part of an account: which client addresses it admits.

use std::net::IpAddr;

/// Whether a pattern admits an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admits {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// Only the server can tell: a host name, or a form that is not known here.
    Unknown,
}

/// Whether the host `pattern` of an account admits a client at `addr`: `%` and `_` as in LIKE, one
/// address, or `address/mask` and `address/bits` (`ObNetUtil::is_match` of `OceanBase`).
pub(crate) fn admits(pattern: &str, addr: IpAddr) -> Admits {
    let text = addr.to_string();
    if pattern == "%" || pattern == text {
        return Admits::Yes;
    }
    if let Some((network, mask)) = pattern.split_once('/') {
        return in_network(network, mask, addr);
    }
    let digits = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'%' | b'_');
    let address_like = match addr {
        IpAddr::V4(_) => pattern.bytes().all(digits),
        IpAddr::V6(_) => false,
    };
    if pattern.parse::<IpAddr>().is_ok_and(|other| other != addr) {
        return Admits::No;
    }
    if !address_like {
        return Admits::Unknown;
    }
    if like(pattern.as_bytes(), text.as_bytes()) {
        Admits::Yes
    } else {
        Admits::No
    }
}

fn in_network(network: &str, mask: &str, addr: IpAddr) -> Admits {
    let (Ok(IpAddr::V4(network)), IpAddr::V4(addr)) = (network.parse(), addr) else {
        return Admits::Unknown;
    };
    let mask = match (mask.parse::<u32>(), mask.parse::<std::net::Ipv4Addr>()) {
        (Ok(bits), _) if bits <= 32 => u32::MAX.checked_shl(32 - bits).unwrap_or(0),
        (_, Ok(mask)) => mask.to_bits(),
        _ => return Admits::Unknown,
    };
    if (network.to_bits() ^ addr.to_bits()) & mask == 0 {
        Admits::Yes
    } else {
        Admits::No
    }
}

/// LIKE without an escape character. An address has at most 15 characters here, so trying is cheap.
fn like(pattern: &[u8], text: &[u8]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        // Several in a row are one.
        Some((b'%', rest)) if rest.first() == Some(&b'%') => like(rest, text),
        Some((b'%', rest)) => {
            (0..=text.len()).any(|skip| like(rest, text.get(skip..).unwrap_or_default()))
        }
        Some((expected, rest)) => match text.split_first() {
            Some((seen, text)) => (*expected == b'_' || expected == seen) && like(rest, text),
            None => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_admit_what_the_server_lets_in() {
        for (pattern, addr, expected) in [
            ("%", "10.0.0.1", Admits::Yes),
            ("%", "::1", Admits::Yes),
            ("10.0.0.1", "10.0.0.1", Admits::Yes),
            ("10.0.0.1", "10.0.0.2", Admits::No),
            ("10.%", "10.0.0.1", Admits::Yes),
            ("10.%", "11.0.0.1", Admits::No),
            ("10.0.0._", "10.0.0.7", Admits::Yes),
            ("10.0.0._", "10.0.0.17", Admits::No),
            ("127.0.0.0/255.255.255.0", "127.0.0.9", Admits::Yes),
            ("127.0.0.0/24", "127.0.1.9", Admits::No),
            ("0.0.0.0/0", "9.9.9.9", Admits::Yes),
            ("10.0.0.0/x", "10.0.0.1", Admits::Unknown),
            ("localhost", "127.0.0.1", Admits::Unknown),
            ("%.example.com", "127.0.0.1", Admits::Unknown),
            ("::1", "::1", Admits::Yes),
            ("::1", "::2", Admits::No),
            ("fe80::%", "fe80::1", Admits::Unknown),
        ] {
            assert_eq!(
                admits(pattern, addr.parse().unwrap()),
                expected,
                "{pattern} {addr}"
            );
        }
    }
}
