//! Prepared statements of the binary protocol.

use super::{Dialect, Script, Step};
use crate::wire;

/// A prepared statement as the client knows it.
#[derive(Debug)]
pub(super) struct Slot {
    parameters: &'static [Kind],
    /// The server knows the parameters' types.
    typed: bool,
    /// Which parameters have been sent ahead.
    long: Vec<bool>,
    is_query: bool,
}

/// What a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Integer,
    Text,
}

impl Script {
    pub(super) fn prepared(&mut self) -> Step {
        let roll = self.random.below(100);
        if self.slots.is_empty() || (roll < 12 && self.slots.len() < SLOTS) {
            return self.prepare();
        }
        let slot = self
            .random
            .below(u32::try_from(self.slots.len()).unwrap_or(1)) as usize;
        match roll {
            0..72 => self.execute(slot),
            72..80 => self.long_data(slot),
            80..88 => self.fetch(slot),
            88..92 => self.without_long_data(slot, wire::COM_STMT_RESET),
            92..95 => self.close(slot),
            // The engine has two errors for it, by what its session has prepared before.
            _ if self.dialect == Dialect::SeekDb => self.execute(slot),
            _ => nobodys(),
        }
    }

    fn prepare(&mut self) -> Step {
        let (sql, parameters) = self.random.pick(&STATEMENTS);
        let number = self.random.below(super::TABLES).to_string();
        let mut sql = sql.replace('#', &number);
        if self.dialect == Dialect::SeekDb {
            // The engine tells the length of a bare parameter as that of an earlier value.
            sql = sql.replace("? AS y", "CAST(? AS CHAR(50)) AS y");
        }
        self.slots.push(Slot {
            parameters,
            typed: false,
            long: vec![false; parameters.len()],
            is_query: sql.starts_with("SELECT"),
        });
        let slot = self.slots.len() - 1;
        if self.dialect == Dialect::SeekDb && sql.contains("missing") {
            // Nobody has it; see `nobodys`.
            self.slots.pop();
        }
        Step::Prepare(slot, sql)
    }

    fn execute(&mut self, slot: usize) -> Step {
        let declares = self.random.chance(30);
        let cursor = self.random.chance(15);
        let Some(state) = self.slots.get_mut(slot) else {
            return nobodys();
        };
        let declares = declares || !state.typed;
        state.typed = true;
        let (parameters, long) = (state.parameters, state.long.clone());
        state.long.fill(false);
        let cursor = cursor && state.is_query;
        let mut tail = vec![u8::from(cursor), 1, 0, 0, 0];
        if parameters.is_empty() {
            return with_id(slot, wire::COM_STMT_EXECUTE, &tail);
        }
        let mut nulls = vec![0_u8; parameters.len().div_ceil(8)];
        let (mut types, mut values) = (Vec::new(), Vec::new());
        for (index, kind) in parameters.iter().enumerate() {
            let is_long = long.get(index).is_some_and(|is_long| *is_long);
            types.extend(match kind {
                Kind::Integer => [0x08, 0],
                Kind::Text => [0xFD, 0],
            });
            if is_long {
                continue;
            }
            if self.random.chance(10) {
                if let Some(byte) = nulls.get_mut(index / 8) {
                    *byte |= 1 << (index % 8);
                }
                continue;
            }
            match kind {
                Kind::Integer => values.extend(i64::from(self.random.below(20)).to_le_bytes()),
                Kind::Text => {
                    let text = format!("value {}", self.random.below(100));
                    values.push(u8::try_from(text.len()).unwrap_or(0));
                    values.extend(text.into_bytes());
                }
            }
        }
        tail.extend(nulls);
        tail.push(u8::from(declares));
        if declares {
            tail.extend(types);
        }
        tail.extend(values);
        with_id(slot, wire::COM_STMT_EXECUTE, &tail)
    }

    fn long_data(&mut self, slot: usize) -> Step {
        let text = self.slots.get(slot).and_then(|state| {
            let is_text = |kind: &Kind| *kind == Kind::Text;
            state.parameters.iter().position(is_text)
        });
        let (Some(index), Some(state)) = (text, self.slots.get_mut(slot)) else {
            return self.execute(slot);
        };
        if let Some(long) = state.long.get_mut(index) {
            *long = true;
        }
        let mut tail = u16::try_from(index).unwrap_or(0).to_le_bytes().to_vec();
        tail.extend(format!("long {}", self.random.below(10)).into_bytes());
        with_id(slot, wire::COM_STMT_SEND_LONG_DATA, &tail)
    }

    fn fetch(&mut self, slot: usize) -> Step {
        let rows = (1 + self.random.below(4)).to_le_bytes();
        with_id(slot, wire::COM_STMT_FETCH, &rows)
    }

    /// A closed statement's number stays taken: what is asked of it from now on fails. For the engine see
    /// [`nobodys`].
    fn close(&mut self, slot: usize) -> Step {
        if self.dialect != Dialect::SeekDb {
            return self.without_long_data(slot, wire::COM_STMT_CLOSE);
        }
        self.slots.pop();
        with_id(self.slots.len(), wire::COM_STMT_CLOSE, &[])
    }

    /// RESET or CLOSE.
    fn without_long_data(&mut self, slot: usize, command: u8) -> Step {
        if let Some(state) = self.slots.get_mut(slot) {
            state.long.fill(false);
        }
        with_id(slot, command, &[])
    }
}

/// A statement that was never prepared.
fn nobodys() -> Step {
    let mut command = vec![wire::COM_STMT_EXECUTE];
    command.extend(0x00AB_CDEF_u32.to_le_bytes());
    command.extend([0, 1, 0, 0, 0]);
    Step::Command(command)
}

fn with_id(slot: usize, command: u8, tail: &[u8]) -> Step {
    let mut bytes = vec![command, 0, 0, 0, 0];
    bytes.extend(tail);
    Step::Prepared(slot, bytes)
}

const SLOTS: usize = 12;

const STATEMENTS: [(&str, &[Kind]); 11] = [
    ("SELECT k, v FROM test.parted WHERE k = ?", &[Kind::Integer]),
    ("SELECT x, ? AS y FROM test.one_#", &[Kind::Text]),
    (
        "INSERT INTO test.t_# (k, v) VALUES (?, ?)",
        &[Kind::Integer, Kind::Text],
    ),
    (
        "UPDATE test.t_# SET v = ? WHERE k = ?",
        &[Kind::Text, Kind::Integer],
    ),
    (
        "SELECT id, k, v, d, w FROM test.t_# WHERE k >= ? ORDER BY id LIMIT 9",
        &[Kind::Integer],
    ),
    ("SELECT @a, @b, LAST_INSERT_ID() FROM test.one_#", &[]),
    (
        "REPLACE INTO test.parted VALUES (?, ?)",
        &[Kind::Integer, Kind::Text],
    ),
    ("SELECT x FROM test.one_#", &[]),
    ("SELECT missing FROM test.one_#", &[]),
    ("SET @a = ?", &[Kind::Text]),
    (
        "DELETE FROM test.t_# WHERE k = ? AND id > 30",
        &[Kind::Integer],
    ),
];
