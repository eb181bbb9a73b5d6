//! Tests of temporal literals.

use super::*;
use proptest::prelude::*;
use std::borrow::Cow;

fn text(text: &str) -> Operand<'_> {
    Operand::Text {
        bytes: Cow::Borrowed(text.as_bytes()),
        encoding: None,
    }
}

fn micros(hour: i64, minute: i64, second: i64, micros: i64) -> i64 {
    duration(hour, minute, second).unwrap() + micros
}

#[test]
fn what_is_no_moment_is_not_read() {
    for literal in [
        "",
        "2024",
        "224-01-01",
        "2024-13-01",
        "2023-02-29",
        "2024-1-1x",
        "2024-01-01 24:00:00",
        "2024-1-1 1:2:3+08:00",
        "0000-00-00",
        "2024-01",
        "101",
    ] {
        assert_eq!(moment(&text(literal)), None, "{literal}");
    }
}

#[test]
fn the_forms_of_a_moment_are_read_alike() {
    let expected = Moment::new(2024, 3, 4, micros(5, 6, 7, 0));
    for literal in [
        "2024-03-04 05:06:07",
        "24-3-4 05.06.07",
        "2024/3/4T5:06:07",
        "2024@03@04  05:06:07 ",
        "20240304050607",
        "240304050607",
        "2024-03-04 05:06:06.9999999",
    ] {
        assert_eq!(moment(&text(literal)), expected, "{literal}");
    }
    let day = Moment::new(2000, 1, 1, 0);
    assert_eq!(moment(&Operand::Integer(101)), day);
    assert_eq!(moment(&text("000101")), day);
    let eve = Moment::new(2024, 1, 1, 0);
    assert_eq!(moment(&text("2023-12-31 23:59:59.9999999")), eve);
    let hour = Moment::new(2024, 1, 2, micros(3, 0, 0, 0));
    assert_eq!(moment(&text("2024-1-2-3")), hour);
}

#[test]
fn the_forms_of_a_time_are_read_as_the_server_does() {
    for (literal, expected) in [
        ("1:2:3", Some(micros(1, 2, 3, 0))),
        ("1:2", Some(micros(1, 2, 0, 0))),
        ("101112", Some(micros(10, 11, 12, 0))),
        ("12", Some(micros(0, 0, 12, 0))),
        ("1 2:3:4", Some(micros(26, 3, 4, 0))),
        ("-1:2:3", Some(-micros(1, 2, 3, 0))),
        ("-1:2:3.5", Some(-micros(1, 2, 3, 0))),
        ("-1:2:3.6", Some(-micros(1, 2, 4, 0))),
        ("12:34:56.4999999", Some(micros(12, 34, 57, 0))),
        ("101112.5", Some(micros(10, 11, 13, 0))),
        ("839:0:0", None),
        ("1:60:0", None),
        ("", None),
        ("1:2:3x", None),
    ] {
        assert_eq!(time(&text(literal), 0), expected, "{literal}");
    }
}

#[test]
fn years_are_read_by_number_and_by_text() {
    for (operand, expected) in [
        (text("0"), Some(100)),
        (Operand::Integer(0), Some(0)),
        (text("0000"), Some(0)),
        (text("70"), Some(70)),
        (Operand::Integer(69), Some(169)),
        (text("1999.6"), Some(100)),
        (Operand::Integer(1900), None),
    ] {
        let found = year(&operand, Intent::Store).map(|(year, _)| year);
        assert_eq!(found, expected, "{operand:?}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(literal in "[-0-9:./T ]{0,24}", scale in 0_u32..7) {
        moment(&text(&literal)).and_then(|moment| moment.rounded(scale));
        time(&text(&literal), scale);
        year(&text(&literal), Intent::Store);
    }
}
