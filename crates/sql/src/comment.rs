//! Comments in front of a statement in which an application speaks to the proxy.
//!
//! `/* ODP: target_db_server='10.0.0.1:2881', trace_id=abc */`, also without `ODP:`, as `OBProxy` reads
//! them (`opsql/parser/ob_proxy_parser.y`).

/// What the comments before the first keyword say. Values are as written, without quotes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RoutingComment<'a> {
    /// `target_db_server`: servers `ip:port`, `,` between equals and `;` between groups.
    pub target_db_server: Option<&'a [u8]>,
    /// `trace_id`.
    pub trace_id: Option<&'a [u8]>,
    /// `rpc_id`.
    pub rpc_id: Option<&'a [u8]>,
}

impl<'a> RoutingComment<'a> {
    /// Reads the comments at the front of `text`. Of a key given twice the last counts.
    pub(crate) fn read(text: &'a [u8]) -> Self {
        let mut found = Self::default();
        let mut rest = text.trim_ascii_start();
        while let Some(behind) = rest.strip_prefix(b"/*") {
            let Some(length) = memchr::memmem::find(behind, b"*/") else {
                break;
            };
            let (body, end) = behind.split_at(length);
            // `/*+` is a hint, `/*!` is code.
            if !matches!(body.first(), Some(b'+' | b'!')) {
                found.take(body);
            }
            rest = end.get(2..).unwrap_or_default().trim_ascii_start();
        }
        found
    }

    fn take(&mut self, body: &'a [u8]) {
        let mut rest = body.trim_ascii_start();
        if let Some((prefix, behind)) = rest.split_at_checked(4)
            && prefix.eq_ignore_ascii_case(b"ODP:")
        {
            rest = behind;
        }
        while let Some((key, value, behind)) = pair(rest) {
            let slot = match key {
                key if key.eq_ignore_ascii_case(b"target_db_server") => &mut self.target_db_server,
                key if key.eq_ignore_ascii_case(b"trace_id") => &mut self.trace_id,
                key if key.eq_ignore_ascii_case(b"rpc_id") => &mut self.rpc_id,
                _ => {
                    rest = behind;
                    continue;
                }
            };
            *slot = Some(value);
            rest = behind;
        }
    }
}

/// Cuts off the next `key=value`: key, value and what follows. Words without `=` are passed over.
fn pair(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let mut rest = text;
    loop {
        let start = rest.iter().position(|byte| !is_separator(*byte))?;
        rest = rest.get(start..)?;
        let ends = |byte: &u8| *byte == b'=' || is_separator(*byte);
        let length = rest.iter().position(ends).unwrap_or(rest.len());
        let (key, behind) = rest.split_at_checked(length)?;
        let Some(value) = behind.trim_ascii_start().strip_prefix(b"=") else {
            rest = behind;
            continue;
        };
        let value = value.trim_ascii_start();
        if let [quote @ (b'\'' | b'"'), quoted @ ..] = value {
            let end = memchr::memchr(*quote, quoted)?;
            return Some((key, quoted.get(..end)?, quoted.get(end + 1..)?));
        }
        let end = value.iter().position(|byte| is_separator(*byte));
        let (value, behind) = value.split_at_checked(end.unwrap_or(value.len()))?;
        return Some((key, value, behind));
    }
}

fn is_separator(byte: u8) -> bool {
    byte == b',' || byte.is_ascii_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Charset, outline};

    fn read(text: &str) -> RoutingComment<'_> {
        outline(text.as_bytes(), Charset::Utf8).routing_comment()
    }

    #[test]
    fn the_forms_of_a_routing_comment_are_read() {
        let servers = Some(&b"10.0.0.1:2881,10.0.0.2:2881;10.0.0.3:2881"[..]);
        for text in [
            "/* ODP: target_db_server='10.0.0.1:2881,10.0.0.2:2881;10.0.0.3:2881', trace_id=a-1 */ select 1",
            "/*trace_id=a-1 target_db_server = \"10.0.0.1:2881,10.0.0.2:2881;10.0.0.3:2881\"*/select 1",
            " /* x */ /*odp: TRACE_ID=old*/ /*trace_id='a-1',Target_DB_Server='10.0.0.1:2881,10.0.0.2:2881;10.0.0.3:2881'*/ select 1",
        ] {
            let comment = read(text);
            assert_eq!(comment.target_db_server, servers, "{text}");
            assert_eq!(comment.trace_id, Some(&b"a-1"[..]), "{text}");
        }
        let pair = read("/* trace_id=1,rpc_id=0.2 */ update t set a=1");
        assert_eq!(
            (pair.trace_id, pair.rpc_id),
            (Some(&b"1"[..]), Some(&b"0.2"[..]))
        );
    }

    #[test]
    fn hints_code_and_other_places_are_no_routing_comments() {
        for text in [
            "select /* trace_id=1 */ 1",
            "/*+ trace_id=1 */ select 1",
            "/*! trace_id=1 */",
            "/* trace_id */ select 1",
            "/* trace_id=1",
            "/* target_db_server='10 */ select 1",
            "",
        ] {
            assert_eq!(read(text), RoutingComment::default(), "{text}");
        }
    }
}
