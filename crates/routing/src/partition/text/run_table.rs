//! Reads the generated tables of `tables/`: from a number to a sequence of 16-bit numbers.
//!
//! `tools/collation_tables.py` writes them and describes the format. A lookup is a binary search over the
//! bytes as they lie in the binary: nothing is unpacked.

/// A table; the bytes are part of the binary.
#[derive(Debug, Clone, Copy)]
pub(super) struct RunTable(pub(super) &'static [u8]);

/// The numbers of one key.
#[derive(Debug, Clone, Default)]
pub(super) struct Numbers {
    rest: &'static [[u8; 2]],
    /// Added to the last number.
    grown: u16,
}

/// A run's place in the table, in bytes.
const RUN: usize = 12;
/// The same numbers for all keys of a run.
const SAME: u8 = 1;
/// As [`SAME`], but the last number grows by one from key to key.
const GROWING: u8 = 2;

struct Run {
    first: u32,
    keys: u16,
    kind: u8,
    width: u8,
    offset: u32,
}

impl RunTable {
    /// The numbers of `key`; `None` when the table does not hold it.
    pub(super) fn get(self, key: u32) -> Option<Numbers> {
        let (count, rest) = self.0.split_first_chunk::<4>()?;
        let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
        let (runs, data) = rest.split_at_checked(count.checked_mul(RUN)?)?;
        let (runs, _) = runs.as_chunks::<RUN>();
        let behind = runs.partition_point(|run| Run::read(run).first <= key);
        let run = Run::read(runs.get(behind.checked_sub(1)?)?);
        let place = u16::try_from(key - run.first).ok()?;
        if place >= run.keys {
            return None;
        }
        let (data, _) = data.as_chunks::<2>();
        let width = usize::from(run.width);
        let offset = usize::try_from(run.offset).ok()?;
        let (offset, grown) = match run.kind {
            SAME => (offset, 0),
            GROWING => (offset, place),
            _ => (offset + usize::from(place) * width, 0),
        };
        let rest = data.get(offset..offset + width)?;
        Some(Numbers { rest, grown })
    }

    /// The only number of `key`, or two that are one of 32 bits.
    pub(super) fn number(self, key: u32) -> Option<u32> {
        let numbers = self.get(key)?;
        Some(numbers.fold(0, |number, part| (number << 16) | u32::from(part)))
    }
}

impl Run {
    fn read(bytes: &[u8; RUN]) -> Self {
        let word = |at: usize| {
            let bytes = bytes.get(at..).and_then(<[u8]>::first_chunk::<4>);
            bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
        };
        let [low, high, kind, width] = word(4).to_le_bytes();
        Self {
            first: word(0),
            keys: u16::from_le_bytes([low, high]),
            kind,
            width,
            offset: word(8),
        }
    }
}

impl Iterator for Numbers {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        let grown = if rest.is_empty() { self.grown } else { 0 };
        Some(u16::from_le_bytes(*first).wrapping_add(grown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: RunTable = RunTable(&[
        3, 0, 0, 0, // three runs
        5, 0, 0, 0, 2, 0, 0, 2, 0, 0, 0, 0, // 5 and 6: two numbers each
        9, 0, 0, 0, 3, 0, 1, 1, 4, 0, 0, 0, // 9 to 11: the same
        0, 1, 0, 0, 9, 0, 2, 2, 5, 0, 0, 0, // 256 to 264: growing
        1, 0, 2, 0, 3, 0, 4, 0, 7, 0, 0, 1, 0, 2,
    ]);

    #[test]
    fn every_kind_of_run_is_read() {
        let get = |key| TABLE.get(key).map(Iterator::collect::<Vec<_>>);
        assert_eq!(get(4), None);
        assert_eq!(get(6), Some(vec![3, 4]));
        assert_eq!(get(7), None);
        assert_eq!(get(11), Some(vec![7]));
        assert_eq!(get(12), None);
        assert_eq!(get(258), Some(vec![256, 514]));
        assert_eq!(get(265), None);
        assert_eq!(TABLE.number(5), Some(0x1_0002));
        assert!(RunTable(&[9, 0, 0, 0, 1]).get(1).is_none());
    }
}
