//! Character sets and collations as servers name them in session variables: by word or by number.

use odp_routing::CollationId;
use odp_sql::Charset;

/// How statements in this `character_set_client` are read. An unknown one is read as ASCII-safe.
pub(crate) fn charset(value: &[u8]) -> Charset {
    let is = |name: &str| value.eq_ignore_ascii_case(name.as_bytes());
    if let Some(id) = number(value) {
        Charset::from_collation(id)
    } else if is("gbk") {
        Charset::Gbk
    } else if is("gb18030") || is("gb18030_2022") {
        Charset::Gb18030
    } else if is("big5") || is("hkscs") || is("hkscs31") {
        Charset::Big5
    } else if is("sjis") || is("cp932") {
        Charset::Sjis
    } else {
        Charset::Utf8
    }
}

/// The default collation of a character set; 0, which is none, for one that is not known.
pub(crate) fn default_of(charset: &[u8]) -> CollationId {
    const NAMES: [(&str, u16); 10] = [
        ("utf8mb4", 45),
        ("utf8", 45),
        ("utf8mb3", 45),
        ("gbk", 28),
        ("gb18030", 248),
        ("latin1", 8),
        ("ascii", 11),
        ("binary", 63),
        ("utf16", 54),
        ("big5", 1),
    ];
    let is = |(name, _): &&(&str, u16)| charset.eq_ignore_ascii_case(name.as_bytes());
    let by_name = || NAMES.iter().find(is).map(|(_, id)| *id);
    CollationId(number(charset).or_else(by_name).unwrap_or(0))
}

/// Collations by name.
const NAMES: [(&str, u16); 18] = [
    ("utf8mb4_general_ci", 45),
    ("utf8mb4_bin", 46),
    ("binary", 63),
    ("utf8mb4_unicode_ci", 224),
    ("utf8mb4_0900_ai_ci", 255),
    ("utf8mb4_0900_as_cs", 278),
    ("utf8mb4_0900_bin", 309),
    ("gbk_chinese_ci", 28),
    ("gbk_bin", 87),
    ("gb18030_chinese_ci", 248),
    ("gb18030_bin", 249),
    ("utf16_general_ci", 54),
    ("utf16_bin", 55),
    ("latin1_swedish_ci", 8),
    ("latin1_bin", 47),
    ("ascii_general_ci", 11),
    ("ascii_bin", 65),
    ("big5_chinese_ci", 1),
];

/// The id of a collation (MySQL's numbers, as `OceanBase` uses them); `utf8mb4_general_ci` when unknown.
pub(crate) fn id(value: &[u8]) -> CollationId {
    let by_name = || {
        NAMES
            .iter()
            .find(|(name, _)| value.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, id)| *id)
    };
    number(value)
        .or_else(by_name)
        .map_or_else(CollationId::default, CollationId)
}

/// The character set and the name of a collation that is named by word or number; `None` for a number that
/// is not known and for what can be no name.
pub(crate) fn name(value: &str) -> Option<(&str, &str)> {
    let by_number = |id| {
        NAMES
            .iter()
            .find(|(_, it)| *it == id)
            .map(|(name, _)| *name)
    };
    let name = match number(value.as_bytes()) {
        Some(id) => by_number(id)?,
        None => value,
    };
    let is_name = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let charset = name
        .split('_')
        .next()
        .filter(|name| is_name && !name.is_empty())?;
    Some((charset, name))
}

fn number(value: &[u8]) -> Option<u16> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers_mean_the_same() {
        assert_eq!(charset(b"gbk"), charset(b"28"));
        assert_eq!(id(b"utf8mb4_bin"), id(b"46"));
        assert_eq!(id(b"no_such_collation"), CollationId(45));
        assert_eq!(name("28"), Some(("gbk", "gbk_chinese_ci")));
        assert_eq!(name("latin1_bin"), Some(("latin1", "latin1_bin")));
        assert_eq!(name("9999"), None);
        assert_eq!(name("no' name"), None);
        assert_eq!(default_of(b"GBK"), CollationId(28));
        assert_eq!(default_of(b"no_such_set"), CollationId(0));
    }
}
