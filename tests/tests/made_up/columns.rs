//! Column types, and literals that suit them more or less.

use odp_tests::script::Random;

/// A column type with values of it that grow from one to the next.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Type {
    /// As a definition says it.
    pub(crate) sql: &'static str,
    pub(crate) class: Class,
    /// For bounds and lists, ascending, no two of them equal.
    pub(crate) ascending: &'static [&'static str],
}

/// What literals suit a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Integer,
    Bit,
    Year,
    Decimal,
    Float,
    Text,
    Binary,
    Date,
    Datetime,
    Time,
    Label,
}

const SMALL: &[&str] = &["-100", "-7", "0", "3", "50", "100", "127"];
const POSITIVE: &[&str] = &["0", "1", "7", "50", "100", "200", "255"];
const WIDE: &[&str] = &["-9000", "-1", "0", "10", "255", "1000", "30000"];
const HUGE: &[&str] = &[
    "0",
    "10",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551614",
];
const DECIMALS: &[&str] = &["-99.99", "-1.5", "0", "0.01", "1.25", "10", "99.99"];
const POSITIVE_DECIMALS: &[&str] = &["0", "0.01", "1.25", "10", "50.5", "99.99"];
const FLOATS: &[&str] = &["-1e10", "-1.5", "0", "0.25", "1", "1e5", "1e20"];
const WORDS: &[&str] = &["''", "'a'", "'abc'", "'k'", "'m1'", "'x'", "'z'"];
const BYTES: &[&str] = &["''", "'0'", "'A'", "'a'", "'abc'", "'z'"];
const DATES: &[&str] = &[
    "'1999-12-31'",
    "'2008-01-01'",
    "'2020-02-29'",
    "'2024-07-01'",
    "'2030-01-01'",
];
const MOMENTS: &[&str] = &[
    "'1999-12-31 23:59:59'",
    "'2008-01-01 00:00:00'",
    "'2020-02-29 12:00:00'",
    "'2024-07-01 10:11:12'",
    "'2030-01-01 00:00:00'",
];
const CLOCKS: &[&str] = &[
    "'-10:00:00'",
    "'00:00:00'",
    "'08:30:00'",
    "'23:59:59'",
    "'100:00:00'",
];
const YEARS: &[&str] = &["1901", "1970", "1999", "2000", "2024", "2155"];
const BITS: &[&str] = &["0", "1", "5", "100", "200"];

const fn of(sql: &'static str, class: Class, ascending: &'static [&'static str]) -> Type {
    Type {
        sql,
        class,
        ascending,
    }
}

pub(crate) const INTEGERS: &[Type] = &[
    of("tinyint", Class::Integer, SMALL),
    of("tinyint unsigned", Class::Integer, POSITIVE),
    of("smallint", Class::Integer, WIDE),
    of("smallint unsigned", Class::Integer, POSITIVE),
    of("mediumint", Class::Integer, WIDE),
    of("mediumint unsigned", Class::Integer, POSITIVE),
    of("int", Class::Integer, WIDE),
    of("int unsigned", Class::Integer, POSITIVE),
    of("bigint", Class::Integer, WIDE),
    of("bigint unsigned", Class::Integer, HUGE),
];

pub(crate) const HASHED: &[Type] = &[
    of("year", Class::Year, YEARS),
    of("bit(8)", Class::Bit, BITS),
    of("bit(64)", Class::Bit, BITS),
];

pub(crate) const OF_RANGES: &[Type] = &[
    of("int", Class::Integer, WIDE),
    of("bigint unsigned", Class::Integer, HUGE),
    of("tinyint", Class::Integer, SMALL),
    of("varchar(20) collate utf8mb4_general_ci", Class::Text, WORDS),
    of("varchar(20) collate utf8mb4_bin", Class::Text, WORDS),
    of("char(10)", Class::Text, WORDS),
    of("char(6) charset gbk", Class::Text, WORDS),
    of("varchar(20) charset latin1", Class::Text, WORDS),
    of("varchar(9) charset utf16", Class::Text, WORDS),
    of("varbinary(20)", Class::Binary, BYTES),
    of("date", Class::Date, DATES),
    of("datetime", Class::Datetime, MOMENTS),
    of("datetime(3)", Class::Datetime, MOMENTS),
    of("datetime(6)", Class::Datetime, MOMENTS),
    of("time", Class::Time, CLOCKS),
    of("time(3)", Class::Time, CLOCKS),
];

pub(crate) const ANY: &[Type] = &[
    of("decimal(4,2)", Class::Decimal, DECIMALS),
    of("decimal(20,3)", Class::Decimal, DECIMALS),
    of("decimal(38,10)", Class::Decimal, DECIMALS),
    of("decimal(65,30)", Class::Decimal, DECIMALS),
    of("decimal(10,2) unsigned", Class::Decimal, POSITIVE_DECIMALS),
    of("float", Class::Float, FLOATS),
    of("double", Class::Float, FLOATS),
    of("timestamp", Class::Datetime, MOMENTS),
    of("timestamp(6)", Class::Datetime, MOMENTS),
    of("varchar(30) collate utf8mb4_unicode_ci", Class::Text, WORDS),
    of("varchar(30) collate utf8mb4_0900_ai_ci", Class::Text, WORDS),
    of(
        "varchar(30) charset gbk collate gbk_bin",
        Class::Text,
        WORDS,
    ),
    of("varchar(30) charset gb18030", Class::Text, WORDS),
    of("char(12) collate utf8mb4_bin", Class::Text, WORDS),
    of(
        "varchar(30) charset latin1 collate latin1_bin",
        Class::Text,
        WORDS,
    ),
    of("varchar(30) charset ascii", Class::Text, WORDS),
    of(
        "varchar(30) charset utf16 collate utf16_bin",
        Class::Text,
        WORDS,
    ),
    of("binary(6)", Class::Binary, BYTES),
    of("enum('a','B','c d','é')", Class::Label, &[]),
    of("set('a','B','c','d')", Class::Label, &[]),
];

impl Type {
    /// A literal, mostly of values that the column may hold.
    pub(crate) fn literal(&self, random: &mut Random) -> String {
        if random.chance(6) {
            return one_of(random, ODD);
        }
        if !self.ascending.is_empty() && random.chance(30) {
            return random.pick(self.ascending).to_owned();
        }
        let pool = match self.class {
            Class::Integer | Class::Bit if random.chance(25) => {
                return (i64::from(random.below(300)) - 50).to_string();
            }
            Class::Integer | Class::Bit => NUMBERS,
            Class::Year => OF_YEARS,
            Class::Decimal | Class::Float => FRACTIONS,
            Class::Text => TEXTS,
            Class::Binary => OF_BYTES,
            Class::Date | Class::Datetime => INSTANTS,
            Class::Time => DURATIONS,
            Class::Label => LABELS,
        };
        one_of(random, pool)
    }
}

/// One of the literals between the bars.
fn one_of(random: &mut Random, literals: &str) -> String {
    let literals: Vec<&str> = literals.split('|').map(str::trim).collect();
    random.pick(&literals).to_owned()
}

/// For columns of any type.
const ODD: &str = "
    null | true | false | default(id) | 0x41 | x'4142' | b'1000001' | 0b1 | '' | ' ' | -0 | 0.0
    | 1e0 | '0' | x'' | 1.5 | -1 | '1' | 5 | 'abc' | 20240701 | '2024-07-01'
";

const NUMBERS: &str = r#"
    0 | -0 | +5 | -(-5) | 1.4 | 1.5 | 2.5 | -1.5 | -2.5 | 1e2 | 1.5e1 | -1E2 | 25e-1 | '12'
    | ' 12' | '12 ' | '1.5' | '2.5' | '-3' | '1e2' | 0x10 | 0xff | x'0A' | b'101' | 0b1111
    | true | false | 127 | 128 | -128 | -129 | 255 | 256 | 65535 | 65536 | 8388607 | 16777216
    | 2147483647 | 2147483648 | 4294967295 | 4294967296 | 9223372036854775807
    | 9223372036854775808 | -9223372036854775808 | -9223372036854775809 | 18446744073709551615
    | 18446744073709551616 | 99999999999999999999 | 00012 | 1_ | 12. | .5 | 12.0 | -12.000
    | 3 + 4 | 2 * 50 | 7 div 2 | abs(-5) | floor(2.7) | 7 % 4 | cast('12' as signed) | '0x10'
    | 'abc' | '12abc' | 1.49999999999999999999 | n'12' | _utf8mb4'12' | _binary'12' | "12"
    | '1''2' | -0x10 | - 5 | (5) | ((-5)) | !0 | ~0 | '\u0031' | 1/2 | null
"#;

const OF_YEARS: &str = "
    0 | 1 | 69 | 70 | 99 | 100 | 1900 | 1901 | 2155 | 2156 | '0' | '00' | '1' | '69' | '70'
    | '2024' | '24' | 24 | 2024.4 | 2023.5 | '2024.4' | 2e3 | null | -1 | date '2024-07-01'
    | true | 0x7e8 | '000' | '0000' | 99.5
";

const FRACTIONS: &str = "
    0 | -0 | 0.005 | 0.015 | -0.005 | 1.245 | 1.255 | -1.255 | 99.994 | 99.995 | -99.995 | 100
    | 1e1 | 1.25e0 | 125e-2 | '1.25' | ' 1.25 ' | '1.255' | '1e1' | '-0' | 0x0a | b'11' | true
    | 12345678901234567890 | 1234567890.123456789 | 0.1 | 0.3 | 0.1e0 | 1e-3 | 1e20 | 1e39
    | -1e39 | .5 | 5. | 1.250000000000000000000000000000000000001 | 'abc' | '1.25abc' | ''
    | 0.00000000005 | 0.5000000000 | - 1.25 | -(1.25) | +1.25 | 1.25 + 1 | round(1.255, 2)
    | null | 99999999999999999.9995
    | 1.2345678901234567890123456789012345678901234567890123456789
";

const TEXTS: &str = r#"
    'a' | 'A' | 'á' | 'ß' | 'ss' | 'a ' | 'a  ' | ' a' | 'ab' | 'aB' | 'AB' | 'abc ' | 'z'
    | 'zz' | '中' | '中文' | '😀' | 'é' | 'e' | 'İ' | 'ı' | 'α' | 'Ω' | 'a\0b' | 'a\'b' | 'a''b'
    | 'a"b' | "a'b" | "a""b" | 'a\nb' | 'a\%b' | 'a\_b' | '\\' | 'a\b' | 'a	b' | 1 | 0 | 12 | -1
    | 1.5 | 1e2 | 0x61 | x'61' | 0x6162 | b'1100001' | n'a' | N'abc' | _utf8mb4'abc' | _utf8'a'
    | _latin1'a' | _binary'a' | _gbk'a' | _gbk x'D6D0' | _utf8mb4 x'E4B8AD' | _latin1 0xe9
    | 'abc' collate utf8mb4_bin | true | null | 'a' 'b' | concat('a', 'b') | upper('a')
    | lower('ABC') | substr('abcdef', 1, 3) | date '2024-07-01'
    | 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' | 'abcdefghijk' | 'a          ' | 'm1' | 'M1 '
    | 'k̀' | 'ｋ' | 'K' | repeat('a', 3) | '' | ' ' | '	' | 'ﬀ' | 'ÿ' | '€' | 'œ' | '~' | '{'
    | '\Z'
"#;

const OF_BYTES: &str = r"
    'a' | 'A' | 'a ' | 'abc' | 'abcdefgh' | 0x61 | x'616263' | 0x00 | x'00ff' | x'' | b'1100001'
    | '' | ' ' | 1 | 1.50 | 'a\0' | 'a\0b' | '中' | n'a' | _binary'a' | _latin1'é' | _gbk'a'
    | null | true | 0x6100 | 1e1 | -1 | concat('a', 'b')
";

const INSTANTS: &str = "
    '2024-07-01' | '2024-7-1' | '24-7-1' | '69-01-01' | '70-01-01' | '2024/07/01' | '2024.07.01'
    | '20240701' | 20240701 | 240701 | '240701' | '2024-07-01 10:11:12' | '2024-07-01T10:11:12'
    | '2024-07-01 10:11' | '2024-07-01 10' | 20240701101112 | '20240701101112' | 240701101112
    | '2024-07-01 10:11:12.5' | '2024-07-01 23:59:59.999999' | '2024-07-01 23:59:59.9999995'
    | '2024-07-01 10:11:12.1234567' | 20240701101112.5 | date '2024-07-01'
    | timestamp '2024-07-01 10:11:12' | timestamp '2024-07-01 10:11:12.123456' | time '10:11:12'
    | '0000-00-00' | 0 | '2024-00-01' | '2024-02-30' | '2023-02-29' | '2024-13-01'
    | '1000-01-01' | '9999-12-31' | '9999-12-31 23:59:59.9999999' | '1970-01-01 00:00:00'
    | '1970-01-01 08:00:01' | '2038-01-19 11:14:07' | '2038-01-19 11:14:08'
    | '2024-07-01 10:11:12+00:00' | '2024-07-01 24:00:00' | '2024-07-01 10:60:00'
    | ' 2024-07-01' | '2024-07-01 ' | '2024-07-01 10:11:12 ' | '2024-7-1 1:2:3' | '1-1-1' | 101
    | '101' | 70101 | 1231 | 691231 | '2024-07-01abc' | 'abc' | '' | null | 2024 | 20240701.0
    | 2.0240701e7 | '2024-07-01 10:11:12.' | '2024-07-0110:11:12' | '2024-07-01  10:11:12'
    | '20240701 101112' | date('2024-07-01 10:11:12') | cast('2024-07-01' as date)
    | date '2024-06-30' + interval 1 day | date_sub('2024-07-02', interval 1 day) | '２０２４-07-01'
    | {d '2024-07-01'} | {ts '2024-07-01 10:11:12'} | -20240701 | x'323032342D30372D3031'
";

const DURATIONS: &str = "
    '10:11:12' | '10:11' | '10' | '1 10:11:12' | '-10:11:12' | '838:59:59' | '839:00:00'
    | '-838:59:59' | 101112 | 1112 | 12 | -101112 | 101112.5 | '101112' | '10:11:12.5'
    | '10:11:12.1234567' | '23:59:59.9999999' | time '10:11:12' | time '-00:00:00.5'
    | timestamp '2024-07-01 10:11:12' | '2024-07-01 10:11:12' | '10:60:00' | '00:00:00' | 0
    | '-0:0:0' | null | 'abc' | '10:11:12abc' | '' | ' 10:11:12' | '1:2:3' | 1e5 | '34 22:59:59'
    | date '2024-07-01' | 20240701101112 | '+10:11:12' | -0.5 | '-00:00:00.5'
    | '10:11:12.4999999'
";

const LABELS: &str = "
    'a' | 'A' | 'B' | 'b' | 'c d' | 'é' | 'e' | 'c' | 'a,B' | 'B,a' | 'a,b,c' | 'd,a' | '' | 0
    | 1 | 2 | 3 | 4 | 5 | 15 | 16 | '1' | '2' | 'a ' | ' a' | 'x' | null | 1.4 | 1.5 | 0x61
    | x'61' | true | 'a,,B' | 'a,a' | _latin1'a' | '3' | b'11' | 1e0 | -1
";
