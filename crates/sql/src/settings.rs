//! The assignments of SET.

use crate::filter::CompareOp;
use crate::keyword as k;
use crate::lexer::{Lexer, Token};
use crate::literal::{Literal, skip_assigned};
use crate::name::{ColumnRef, Name};
use crate::operand::{Operand, operand};
use crate::table;

/// One assignment of SET.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting<'a> {
    /// What is set.
    pub target: Target<'a>,
    /// To what.
    pub value: SettingValue<'a>,
}

/// The left side of an assignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// A system variable of the session.
    Session(Name<'a>),
    /// A system variable of the server (GLOBAL, PERSIST).
    Global(Name<'a>),
    /// A user variable.
    User(Name<'a>),
    /// SET NAMES. A COLLATE behind the character set is left out.
    Names,
    /// SET CHARACTER SET or CHARSET.
    CharacterSet,
}

/// The right side of an assignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingValue<'a> {
    /// A constant; [`Literal::Unsure`] for an expression, [`Literal::Default`] for DEFAULT.
    Literal(Literal<'a>),
    /// A bare word such as ON, OFF, utf8mb4 or READ.
    Word(Name<'a>),
}

/// Iterator over the assignments of SET, in their order. Ends early at one that it cannot make out.
#[derive(Clone, Debug)]
pub struct Settings<'a> {
    /// `None` behind the last.
    lexer: Option<Lexer<'a>>,
}

impl<'a> Settings<'a> {
    /// The assignments that start at `lexer`.
    pub(crate) const fn new(lexer: Option<Lexer<'a>>) -> Self {
        Self { lexer }
    }
}

impl<'a> Iterator for Settings<'a> {
    type Item = Setting<'a>;

    fn next(&mut self) -> Option<Setting<'a>> {
        let mut lexer = self.lexer.take()?;
        let target = target(&mut lexer)?;
        if !matches!(target, Target::Names | Target::CharacterSet)
            && !matches!(lexer.token(), Token::Compare(CompareOp::Eq) | Token::Assign)
        {
            return None;
        }
        let value = value(&mut lexer, target);
        if lexer.take_symbol(b',') {
            self.lexer = Some(lexer);
        }
        Some(Setting { target, value })
    }
}

fn target<'a>(lexer: &mut Lexer<'a>) -> Option<Target<'a>> {
    Some(match lexer.token() {
        Token::UserVariable(name) => Target::User(name),
        Token::SystemVariable(first) => {
            if !lexer.take_dot() {
                return Some(Target::Session(first));
            }
            let name = table::name(lexer)?;
            if first.eq_ignore_case("global") || first.eq_ignore_case("persist") {
                Target::Global(name)
            } else {
                Target::Session(name)
            }
        }
        Token::Word(_, k::GLOBAL | k::PERSIST) => Target::Global(table::name(lexer)?),
        Token::Word(_, k::SESSION | k::LOCAL) => Target::Session(table::name(lexer)?),
        Token::Word(_, k::NAMES) => Target::Names,
        Token::Word(_, k::CHARSET) => Target::CharacterSet,
        Token::Word(_, k::CHARACTER) if lexer.take_word(k::SET) => Target::CharacterSet,
        Token::Word(text, _) => Target::Session(Name::new(text)),
        Token::Quoted(name) => Target::Session(name),
        _ => return None,
    })
}

fn value<'a>(lexer: &mut Lexer<'a>, target: Target<'_>) -> SettingValue<'a> {
    let start = lexer.mark();
    let operand = operand(lexer);
    if target == Target::Names && lexer.take_word(k::COLLATE) {
        lexer.token();
    }
    if matches!(lexer.peek(), Token::End | Token::Symbol(b',' | b';')) {
        match operand {
            Operand::Value(literal) => return SettingValue::Literal(literal),
            Operand::Column(ColumnRef {
                table: None,
                column,
            }) => return SettingValue::Word(column),
            _ => {}
        }
    }
    lexer.reset(start);
    skip_assigned(lexer);
    SettingValue::Literal(Literal::Unsure)
}
