//! Whether a statement is proven to change nothing, so that running it twice does no harm.
//!
//! The proof is by exclusion, over every token: one SELECT, nothing behind it, and no word that may
//! write, lock or draw a number. A name in front of a parenthesis must be one of the engine's own
//! functions without effects, or a word that stands before parentheses anyway. Whatever is not in a list
//! here counts as a change. (A view is taken for a table: one whose definition calls a stored function
//! that writes cannot be told from its name.)

use crate::dialect::Dialect;
use crate::lexer::{Lexer, Token};

/// Whether `text` is one SELECT that changes nothing: no INTO, FOR, LOCK or assignment, no sequence, and
/// no function but those of a list. False when in doubt.
#[must_use]
pub fn is_pure_select(text: &[u8], dialect: impl Into<Dialect>) -> bool {
    let mut lexer = Lexer::new(text, dialect.into());
    if !matches!(lexer.token(), Token::Word(word, _) if word.eq_ignore_ascii_case(b"select")) {
        return false;
    }
    let mut before = Before::Other;
    loop {
        let rest = lexer.rest();
        before = match lexer.token() {
            // An unterminated string is an end too; what it hides is not known.
            Token::End => return memchr::memchr3(b'\'', b'"', b'`', rest).is_none(),
            Token::Symbol(b';') => return lexer.peek() == Token::End,
            Token::Assign => return false,
            Token::Symbol(b'(') => match before {
                Before::Name => return false,
                _ => Before::Other,
            },
            Token::Symbol(b'.') => Before::Dot,
            Token::Quoted(_) => Before::Name,
            Token::Word(word, _) => match behind(before, word) {
                Some(next) => next,
                None => return false,
            },
            _ => Before::Other,
        };
    }
}

/// What stands before a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    /// A dot: a word behind it belongs to the word before.
    Dot,
    /// A name that must not be called.
    Name,
    /// Anything else.
    Other,
}

/// What a word is for the token behind it; `None` when it may change something.
fn behind(before: Before, word: &[u8]) -> Option<Before> {
    let is_in = |list: &str| {
        let mut known = list.split_ascii_whitespace();
        known.any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
    };
    if is_in(EFFECTS) {
        return None;
    }
    let is_known = before != Before::Dot && (is_in(SYNTAX) || is_in(FUNCTIONS));
    Some(if is_known {
        Before::Other
    } else {
        Before::Name
    })
}

/// Words that may write, lock or draw a number wherever they stand.
const EFFECTS: &str = "into for lock procedure nextval currval";

/// Words of the language that stand before parentheses, types of CAST among them.
const SYNTAX: &str = "
    against all and any as between by case cross datetime dec decimal distinct div double else
    except exists float from having in index inner intersect interval is join key lateral like
    limit match minus nchar not number numeric offset on or outer over partition regexp rlike
    row select separator some straight_join then union using values varbinary varchar when
    where xor
";

/// Functions of the engine without effects.
const FUNCTIONS: &str = "
    abs acos adddate addtime any_value ascii asin atan atan2 avg bin binary bit_and bit_count
    bit_length bit_or bit_xor cast ceil ceiling char char_length character_length charset
    coalesce collation concat concat_ws conv convert cos cot count crc32 cume_dist curdate
    current_date current_time current_timestamp current_user curtime database date date_add
    date_format date_sub datediff day dayname dayofmonth dayofweek dayofyear degrees
    dense_rank elt exp extract field find_in_set first_value floor format from_days
    from_unixtime greatest group_concat grouping hex hour if ifnull inet_aton inet_ntoa instr
    isnull json_array json_contains json_extract json_keys json_length json_object json_quote
    json_search json_type json_unquote json_valid json_value lag last_day last_value lcase
    lead least left length ln localtime localtimestamp locate log log10 log2 lower lpad ltrim
    makedate maketime max md5 microsecond mid min minute mod month monthname now nth_value
    ntile nullif oct octet_length ord percent_rank pi position pow power quarter quote radians
    rank regexp_instr regexp_like regexp_replace regexp_substr repeat replace reverse right
    round row_number rpad rtrim schema sec_to_time second session_user sha sha1 sha2 sign sin
    space sqrt std stddev stddev_pop stddev_samp str_to_date strcmp subdate substr substring
    substring_index subtime sum sysdate system_user tan time time_format time_to_sec timediff
    timestamp timestampadd timestampdiff to_base64 to_days to_seconds trim truncate ucase
    unhex unix_timestamp upper user utc_date utc_time utc_timestamp var_pop var_samp variance
    version week weekday weekofyear year yearweek
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charset::Charset;

    fn is_pure(text: &str) -> bool {
        is_pure_select(text.as_bytes(), Charset::Utf8)
    }

    #[test]
    fn plain_selects_change_nothing() {
        for text in [
            "select 1",
            "SELECT * FROM t WHERE id = 3;",
            "select count(*), Max(v) from t where id in (1, 2) and (a or b) group by c",
            "select a from (select b as a from u) x join v using (a) where exists (select 1 from w)",
            "select `id`, 'for update; into' from `t` /* into */ -- lock",
            "select @a, @@autocommit, now(), cast(v as decimal(10, 2)) from t partition (p0)",
            "select /*+ read_consistency(weak) */ concat('a', `b`) from t use index (i)",
            "select rank() over (partition by a order by b) from t limit 3 offset 4",
            "select v from t where id = ? and name like ?",
        ] {
            assert!(is_pure(text), "{text}");
        }
    }

    #[test]
    fn whatever_may_change_something_counts_as_a_change() {
        for text in [
            "",
            "insert into t values (1)",
            "update t set v = 1",
            "select * from t for update",
            "select * from t FOR SHARE",
            "select * from t lock in share mode",
            "select v into @a from t",
            "select v into outfile '/x' from t",
            "select @a := 1",
            "select s.nextval from dual",
            "select s.NextVal",
            "select nextval(s)",
            "select f(1)",
            "select db.count(1)",
            "select `count`(1)",
            "select get_lock('a', 1)",
            "select release_lock('a')",
            "select last_insert_id(7)",
            "select sleep(1)",
            "select benchmark(1, 2)",
            "select * from t procedure analyse()",
            "select 1; delete from t",
            "select 1; select 2",
            "select 1 /*! into outfile 'x' */",
            "select /*!50000 f(1) */",
            "select 'abc",
            "select \"abc; delete from t",
            "select a_function_with_a_long_name(1)",
            "(select 1)",
            "with x as (select 1) select * from x",
            "call p()",
            "set @a = 1",
            "begin",
            "show tables",
        ] {
            assert!(!is_pure(text), "{text}");
        }
    }
}
