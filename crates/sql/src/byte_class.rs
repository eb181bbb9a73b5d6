//! What a byte can start, from a table.

// The classes that a word goes on with come first, so that one comparison tells its end.
pub(crate) const WORD: u8 = 0;
pub(crate) const DIGIT: u8 = 1;
pub(crate) const BLANK: u8 = 2;
pub(crate) const QUOTE: u8 = 3;
pub(crate) const EQUALS: u8 = 4;
pub(crate) const OPERATOR: u8 = 5;
/// What may start a comment or end one.
pub(crate) const COMMENT: u8 = 6;
const SYMBOL: u8 = 7;

pub(crate) fn class(byte: u8) -> u8 {
    CLASSES.get(usize::from(byte)).copied().unwrap_or(SYMBOL)
}

const CLASSES: [u8; 256] = {
    let mut classes = [SYMBOL; 256];
    let mut byte = 0_u8;
    let mut places = classes.as_mut_slice();
    while let [place, rest @ ..] = places {
        *place = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' | 0x80.. => WORD,
            b'0'..=b'9' => DIGIT,
            0 | b' ' | b'\t'..=b'\r' => BLANK,
            b'\'' | b'"' | b'`' => QUOTE,
            b'=' => EQUALS,
            b'/' | b'-' | b'#' | b'*' => COMMENT,
            b'<' | b'>' | b'!' | b'&' | b'|' | b':' | b'?' | b'@' | b'.' => OPERATOR,
            _ => SYMBOL,
        };
        byte = byte.wrapping_add(1);
        places = rest;
    }
    classes
};
