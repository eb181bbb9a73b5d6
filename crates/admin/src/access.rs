//! Who may ask what: bind address, token, `Host` and `Origin`.

use crate::Error;
use crate::answer::Refusal;
use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HOST, HeaderValue, ORIGIN};
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// How a request came here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Over TCP: anybody who reaches the address.
    Network,
    /// Over the Unix socket: this user or root, whom the kernel vouches for.
    Owner,
}

/// The rules of access to an endpoint.
#[derive(Clone)]
pub struct Access {
    token: Option<String>,
}

impl Access {
    const SHORTEST_TOKEN: usize = 8;

    /// The rules for an endpoint on `bind`.
    ///
    /// # Errors
    /// [`Error::TokenRequired`] beyond the loopback without a token, [`Error::WeakToken`].
    pub fn new(bind: IpAddr, token: Option<String>) -> Result<Self, Error> {
        match &token {
            None if !bind.is_loopback() => Err(Error::TokenRequired(bind)),
            Some(token)
                if token.len() < Self::SHORTEST_TOKEN
                    || !token.bytes().all(|byte| byte.is_ascii_graphic()) =>
            {
                Err(Error::WeakToken {
                    least: Self::SHORTEST_TOKEN,
                })
            }
            _ => Ok(Self { token }),
        }
    }

    /// Refuses what a browser may have been talked into: a page's own request carries an `Origin`, a
    /// rebound name a foreign `Host`.
    pub(crate) fn check_source(&self, caller: Caller, headers: &HeaderMap) -> Result<(), Refusal> {
        if caller == Caller::Owner {
            return Ok(());
        }
        if headers.contains_key(ORIGIN) {
            return Err(Refusal::forbidden("requests from web pages are refused"));
        }
        let mut hosts = headers.get_all(HOST).iter();
        match (hosts.next(), hosts.next()) {
            // HTTP/1.0 has none; load balancers use it for their checks.
            (None, _) => Ok(()),
            (Some(host), None) if self.knows_host(host) => Ok(()),
            _ => Err(Refusal::forbidden("the Host header names another host")),
        }
    }

    /// Asks for the token, when there is one.
    pub(crate) fn check_token(&self, caller: Caller, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(token) = self.token.as_ref().filter(|_| caller == Caller::Network) else {
            return Ok(());
        };
        let given = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.as_bytes().split_at_checked("Bearer ".len()))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"Bearer "));
        match given {
            Some((_, given)) if same_in_constant_time(given, token.as_bytes()) => Ok(()),
            _ => Err(Refusal::unauthorized()),
        }
    }

    /// Whoever may name a binary runs code as this user: without a token, only over the Unix socket.
    pub(crate) fn check_upgrade(&self, caller: Caller) -> Result<(), Refusal> {
        if caller == Caller::Owner || self.token.is_some() {
            return Ok(());
        }
        Err(Refusal::forbidden(
            "an upgrade needs an admin token, or the Unix socket in state_dir",
        ))
    }

    /// An address cannot be rebound, a name can. Without a token the endpoint is on the loopback only,
    /// so that only the loopback's own names are its own.
    fn knows_host(&self, host: &HeaderValue) -> bool {
        let Ok(host) = host.to_str() else {
            return false;
        };
        let ip = host
            .parse::<SocketAddr>()
            .map(|addr| addr.ip())
            .or_else(|_| host.trim_matches(['[', ']']).parse());
        if let Ok(ip) = ip {
            return ip.is_loopback() || self.token.is_some();
        }
        let name = host.split_once(':').map_or(host, |(name, _)| name);
        name.eq_ignore_ascii_case("localhost")
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let token = self.token.as_ref().map(|_| "***");
        f.debug_struct("Access").field("token", &token).finish()
    }
}

/// Compares without telling by its duration where the first difference is; the length may show.
fn same_in_constant_time(given: &[u8], token: &[u8]) -> bool {
    let differences = given
        .iter()
        .zip(token)
        .fold(0, |all, (left, right)| all | (left ^ right));
    given.len() == token.len() && std::hint::black_box(differences) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                let name = hyper::header::HeaderName::from_static(name);
                (name, HeaderValue::from_str(value).unwrap())
            })
            .collect()
    }

    #[test]
    fn beyond_the_loopback_a_token_is_required() {
        let any = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        assert_eq!(
            Access::new(any, None).unwrap_err(),
            Error::TokenRequired(any)
        );
        assert!(Access::new(any, Some("0123456789".to_owned())).is_ok());
        assert!(Access::new(LOOPBACK, None).is_ok());
        assert!(Access::new(LOOPBACK, Some("short".to_owned())).is_err());
    }

    #[test]
    fn only_the_endpoints_own_host_names_pass() {
        let open = Access::new(LOOPBACK, None).unwrap();
        let guarded = Access::new(LOOPBACK, Some("0123456789".to_owned())).unwrap();
        for (host, without_token, with_token) in [
            ("127.0.0.1:2884", true, true),
            ("localhost:2884", true, true),
            ("LOCALHOST", true, true),
            ("[::1]:2884", true, true),
            ("[::1]", true, true),
            ("10.0.0.7:2884", false, true),
            ("attacker.example", false, false),
            ("127.0.0.1.attacker.example", false, false),
            ("localhost.attacker.example:2884", false, false),
            ("", false, false),
        ] {
            let headers = headers(&[("host", host)]);
            assert_eq!(
                open.check_source(Caller::Network, &headers).is_ok(),
                without_token,
                "{host}"
            );
            assert_eq!(
                guarded.check_source(Caller::Network, &headers).is_ok(),
                with_token,
                "{host}"
            );
        }
        assert!(open.check_source(Caller::Network, &headers(&[])).is_ok());
    }

    #[test]
    fn an_origin_is_refused_even_from_the_own_host() {
        let access = Access::new(LOOPBACK, None).unwrap();
        let headers = headers(&[("host", "localhost"), ("origin", "http://localhost")]);
        assert!(access.check_source(Caller::Network, &headers).is_err());
    }

    #[test]
    fn the_token_is_compared_whole() {
        let access = Access::new(LOOPBACK, Some("0123456789".to_owned())).unwrap();
        for (value, passes) in [
            ("Bearer 0123456789", true),
            ("bearer 0123456789", true),
            ("Bearer 012345678", false),
            ("Bearer 01234567890", false),
            ("Bearer 1123456789", false),
            ("Basic 0123456789", false),
            ("Bearer", false),
        ] {
            let headers = headers(&[("authorization", value)]);
            assert_eq!(
                access.check_token(Caller::Network, &headers).is_ok(),
                passes,
                "{value}"
            );
        }
        assert!(access.check_token(Caller::Network, &headers(&[])).is_err());
    }

    #[test]
    fn an_upgrade_needs_a_token_or_the_owner() {
        let open = Access::new(LOOPBACK, None).unwrap();
        let guarded = Access::new(LOOPBACK, Some("0123456789".to_owned())).unwrap();
        assert!(open.check_upgrade(Caller::Network).is_err());
        assert!(open.check_upgrade(Caller::Owner).is_ok());
        assert!(guarded.check_upgrade(Caller::Network).is_ok());
        assert!(guarded.check_token(Caller::Owner, &headers(&[])).is_ok());
    }

    #[test]
    fn a_token_is_never_printed() {
        let access = Access::new(LOOPBACK, Some("0123456789".to_owned())).unwrap();
        assert!(!format!("{access:?}").contains("0123"));
    }
}
