//! The WHERE condition as a postfix stream.

use crate::condition::{self, Condition};
use crate::keyword as k;
use crate::lexer::{Lexer, Token};
use crate::literal::{Literal, LiteralList};
use crate::name::{ColumnRef, Name};
use crate::tuple::Tuples;

/// A comparison operator with the column on its left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompareOp {
    /// `=`
    Eq,
    /// `<=>`
    NullSafeEq,
    /// `<>`, `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
}

impl CompareOp {
    /// The operator that says the same with its sides exchanged.
    pub(crate) const fn mirrored(self) -> Self {
        match self {
            Self::Eq | Self::NullSafeEq | Self::Ne => self,
            Self::Lt => Self::Gt,
            Self::Le => Self::Ge,
            Self::Gt => Self::Lt,
            Self::Ge => Self::Le,
        }
    }
}

/// One step of the postfix stream: an operand pushes one truth value, And and Or take two and push one,
/// Not replaces one. `a XOR b` and conditions inside larger expressions come out with [`Item::Unsure`]s
/// joined by And and Or such that neither the condition nor its opposite claims anything.
#[derive(Clone, Debug)]
pub enum Item<'a> {
    /// `column op value`.
    Compare {
        /// The column, also when it stood on the right.
        column: ColumnRef<'a>,
        /// The operator, mirrored when the column stood on the right.
        op: CompareOp,
        /// The other side.
        value: Literal<'a>,
    },
    /// `function(column) op value`, for a function of one argument.
    Call {
        /// The function's name.
        function: Name<'a>,
        /// Its argument.
        column: ColumnRef<'a>,
        /// The operator.
        op: CompareOp,
        /// The other side.
        value: Literal<'a>,
    },
    /// `column IN (list)`.
    In {
        /// The column.
        column: ColumnRef<'a>,
        /// The members.
        list: LiteralList<'a>,
    },
    /// `column BETWEEN low AND high`, both ends included.
    Between {
        /// The column.
        column: ColumnRef<'a>,
        /// The lower end.
        low: Literal<'a>,
        /// The upper end.
        high: Literal<'a>,
    },
    /// `column IS NULL`.
    IsNull(ColumnRef<'a>),
    /// `left = right`, two columns.
    Same {
        /// The column on the left.
        left: ColumnRef<'a>,
        /// The column on the right.
        right: ColumnRef<'a>,
    },
    /// Both of the two values before.
    And,
    /// Either of the two values before.
    Or,
    /// The opposite of the value before.
    Not,
    /// A condition that is not read here: it may be true or false for any row.
    Unsure,
}

/// `column op value`, as a condition of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compared<'a> {
    /// The column.
    pub column: ColumnRef<'a>,
    /// The operator.
    pub op: CompareOp,
    /// The other side.
    pub value: Literal<'a>,
}

/// Iterator over a condition; see [`Item`]. Empty when the statement has no condition; otherwise the
/// stream leaves exactly one value. A reader's stack never holds more than [`Filter::MAX_STACK`] values.
#[derive(Clone, Debug)]
pub struct Filter<'a> {
    lexer: Lexer<'a>,
    state: State<'a>,
    /// Per open parenthesis, the operators waiting for their right side. At one level a waiting operator
    /// binds looser than the one that came after it, so a set of flags is a stack.
    levels: [u8; LEVELS],
    level: usize,
    /// Operators still to be handed out, the next in the lowest four bits.
    queue: u64,
    /// Another condition that must hold too.
    also: Also<'a>,
}

#[derive(Clone, Debug)]
enum Also<'a> {
    Nothing,
    Condition(Lexer<'a>),
    /// It is being read, or has been: an And is due behind it.
    Begun,
}

#[derive(Clone, Debug)]
enum State<'a> {
    Operand,
    Operator,
    Tuples(Tuples<'a>),
    /// The only condition.
    Compared(Compared<'a>),
    Done,
}

/// Levels of parentheses that are read; a deeper group is one Unsure.
const LEVELS: usize = 32;

const NOT: u8 = 1;
const AND: u8 = 1 << 1;
const XOR: u8 = 1 << 2;
const OR: u8 = 1 << 3;

impl<'a> Filter<'a> {
    /// The deepest stack that any stream needs: three open operators per level, one row value and two for XOR.
    pub const MAX_STACK: usize = 3 * LEVELS + 9;

    pub(crate) const fn none(lexer: Lexer<'a>) -> Self {
        Self {
            lexer,
            state: State::Done,
            levels: [0; LEVELS],
            level: 0,
            queue: 0,
            also: Also::Nothing,
        }
    }

    /// A condition that has been read.
    pub(crate) const fn compared(compared: Compared<'a>, lexer: Lexer<'a>) -> Self {
        Self {
            state: State::Compared(compared),
            ..Self::none(lexer)
        }
    }

    /// Reads the condition that starts at `lexer`.
    pub(crate) const fn new(lexer: Lexer<'a>) -> Self {
        Self {
            lexer,
            state: State::Operand,
            levels: [0; LEVELS],
            level: 0,
            queue: 0,
            also: Also::Nothing,
        }
    }

    /// This condition and the one that starts at `lexer`.
    pub(crate) fn and(self, lexer: Lexer<'a>) -> Self {
        Self {
            also: Also::Condition(lexer),
            ..self
        }
    }

    /// Reads the other condition; true when there was one.
    fn begin_other(&mut self) -> bool {
        let Also::Condition(lexer) = self.also else {
            return false;
        };
        *self = Self {
            also: Also::Begun,
            ..Self::new(lexer)
        };
        true
    }

    /// Whether the whole condition is `(columns) IN (tuples)`.
    #[must_use]
    pub fn is_row_list(&self) -> bool {
        let (State::Operand, Also::Nothing) = (&self.state, &self.also) else {
            return false;
        };
        match Tuples::read(self.lexer) {
            Some(tuples) if tuples.is_list() && !tuples.is_negated() => {
                let next = tuples.end().token();
                !matches!(next, Token::AndAnd | Token::OrOr | Token::Symbol(b')'))
                    && !matches!(next, Token::Word(_, k::AND | k::OR | k::XOR))
            }
            _ => false,
        }
    }

    /// Reads one operand with the NOTs and opening parentheses before it.
    fn operand(&mut self) -> Item<'a> {
        loop {
            let start = self.lexer.mark();
            match self.lexer.token() {
                Token::Word(_, k::NOT) => *self.waiting() ^= NOT,
                Token::Symbol(b'(') => {
                    let inside = self.lexer;
                    self.lexer.reset(start);
                    if let Some(tuples) = Tuples::read(self.lexer) {
                        self.state = State::Tuples(tuples);
                        return self.tuples();
                    }
                    // `(k) = 5`: the parenthesis belongs to the operand.
                    if let Some(condition) = condition::attempt(&mut self.lexer) {
                        return self.emit(condition);
                    }
                    if condition::opens_subquery(inside) || self.level + 1 == LEVELS {
                        return self.condition();
                    }
                    self.lexer = inside;
                    self.level += 1;
                    *self.waiting() = 0;
                }
                _ => {
                    self.lexer.reset(start);
                    return self.condition();
                }
            }
        }
    }

    fn condition(&mut self) -> Item<'a> {
        let condition = condition::read(&mut self.lexer);
        self.emit(condition)
    }

    fn emit(&mut self, condition: Condition<'a>) -> Item<'a> {
        self.state = State::Operator;
        if condition.negated {
            self.push(&Item::Not);
        }
        condition.item
    }

    fn tuples(&mut self) -> Item<'a> {
        let State::Tuples(tuples) = &mut self.state else {
            return Item::Unsure;
        };
        if let Some(item) = tuples.next() {
            return item;
        }
        let negated = tuples.is_negated();
        self.lexer = tuples.end();
        self.state = State::Operator;
        if negated { Item::Not } else { self.operator() }
    }

    /// Closes what the next token closes, or takes it as the operator it is.
    fn operator(&mut self) -> Item<'a> {
        loop {
            let before = self.lexer.mark();
            let token = self.lexer.token();
            let operator = match token {
                Token::Word(_, k::AND) | Token::AndAnd => AND,
                Token::Word(_, k::XOR) => XOR,
                Token::Word(_, k::OR) | Token::OrOr => OR,
                _ => 0,
            };
            let waiting = self.waiting();
            // The lowest flag binds tightest and came last.
            let last = *waiting & waiting.wrapping_neg();
            if last != 0 && (operator == 0 || last <= operator) {
                *waiting ^= last;
                self.lexer.reset(before);
                return self.close(last);
            }
            if operator != 0 {
                *waiting |= operator;
                return self.operand();
            }
            if self.level == 0 {
                self.state = State::Done;
                return Item::Unsure;
            }
            self.level -= 1;
            if token != Token::Symbol(b')') {
                self.lexer.reset(before);
                continue;
            }
            if !condition::ends(self.lexer.peek()) {
                // The group is part of a larger expression.
                condition::skip(&mut self.lexer);
                self.push(&Item::And);
                self.push(&Item::Unsure);
                self.push(&Item::Or);
                return Item::Unsure;
            }
        }
    }

    fn close(&mut self, operator: u8) -> Item<'a> {
        match operator {
            NOT => Item::Not,
            AND => Item::And,
            OR => Item::Or,
            _ => {
                self.push(&Item::Unsure);
                self.push(&Item::And);
                self.push(&Item::Unsure);
                self.push(&Item::Or);
                Item::And
            }
        }
    }

    fn waiting(&mut self) -> &mut u8 {
        let level = self.level.min(LEVELS - 1);
        self.levels
            .get_mut(level)
            .expect("the level is smaller than their number")
    }

    fn push(&mut self, item: &Item<'_>) {
        let code = match item {
            Item::And => 1,
            Item::Or => 2,
            Item::Not => 3,
            _ => 4,
        };
        let used = (64 - self.queue.leading_zeros()).div_ceil(4) * 4;
        self.queue |= code << used;
    }

    fn pop(&mut self) -> Option<Item<'a>> {
        let item = match self.queue & 0xF {
            0 => return None,
            1 => Item::And,
            2 => Item::Or,
            3 => Item::Not,
            _ => Item::Unsure,
        };
        self.queue >>= 4;
        Some(item)
    }
}

impl<'a> Iterator for Filter<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        if let Some(item) = self.pop() {
            return Some(item);
        }
        let item = match self.state {
            State::Operand => self.operand(),
            State::Operator => self.operator(),
            State::Tuples(_) => self.tuples(),
            State::Compared(Compared { column, op, value }) => {
                self.state = State::Done;
                return Some(Item::Compare { column, op, value });
            }
            State::Done => return None,
        };
        if !matches!(self.state, State::Done) {
            return Some(item);
        }
        if self.begin_other() {
            return self.next();
        }
        let is_second = matches!(
            std::mem::replace(&mut self.also, Also::Nothing),
            Also::Begun
        );
        is_second.then_some(Item::And)
    }
}
