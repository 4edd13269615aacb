//! A day's cells in little memory.

use std::collections::HashMap;

use super::Cell;

/// The cells of one day, in the order of target, network and kind. A cell that counts more than 65,535 is told in several.
#[derive(Debug, Clone, Default)]
pub struct Cells {
    /// Each target once, ascending.
    targets: Box<[u32]>,
    /// Where in `packed` the cells of each target end.
    ends: Box<[u32]>,
    packed: Box<[Packed]>,
    /// Sketches that do not fit into a cell, each once.
    sketches: Box<[u64]>,
}

/// Network, kind, count, and the lower and upper half of a sketch (`Sketches::coded`).
type Packed = [u16; 5];

impl Cells {
    /// Of cells that are in order.
    pub(super) fn pack(cells: &[Cell]) -> Self {
        let (mut targets, mut ends): (Vec<u32>, Vec<u32>) = (Vec::new(), Vec::new());
        let mut packed = Vec::with_capacity(cells.len());
        let mut sketches = Sketches::default();
        for cell in cells {
            let [b0, b1, b2, b3] = sketches.coded(cell.sketch).to_le_bytes();
            let halves = [u16::from_le_bytes([b0, b1]), u16::from_le_bytes([b2, b3])];
            let mut left = cell.count;
            while left > 0 {
                let count = u16::try_from(left).unwrap_or(u16::MAX);
                packed.push([cell.network, cell.kind, count, halves[0], halves[1]]);
                left -= u32::from(count);
            }
            // More than 4 billion cells of a day do not fit into any memory that this is meant for.
            let end = u32::try_from(packed.len()).unwrap_or(u32::MAX);
            match (targets.last(), ends.last_mut()) {
                (Some(last), Some(last_end)) if *last == cell.target => *last_end = end,
                _ => {
                    targets.push(cell.target);
                    ends.push(end);
                }
            }
        }
        packed.shrink_to_fit();
        Self {
            targets: targets.into_boxed_slice(),
            ends: ends.into_boxed_slice(),
            packed: packed.into_boxed_slice(),
            sketches: sketches.all.into_boxed_slice(),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.packed.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.packed.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = Cell> {
        (0..self.targets.len()).flat_map(|at| self.at(at))
    }

    /// Those of one target.
    pub fn of(&self, target: u32) -> impl Iterator<Item = Cell> {
        self.targets.binary_search(&target).into_iter().flat_map(|at| self.at(at))
    }

    /// Those of the target at a place.
    fn at(&self, at: usize) -> impl Iterator<Item = Cell> {
        let target = self.targets.get(at).copied().unwrap_or_default();
        let end = |at: usize| self.ends.get(at).map_or(0, |end| *end as usize);
        let from = at.checked_sub(1).map_or(0, end);
        let cells = self.packed.get(from..end(at)).unwrap_or_default();
        cells.iter().map(move |[network, kind, count, lower, upper]| Cell {
            target,
            network: *network,
            kind: *kind,
            count: u32::from(*count),
            sketch: self.sketch(u32::from(*upper) << 16 | u32::from(*lower)),
        })
    }

    /// What [`Sketches::coded`] gave.
    fn sketch(&self, code: u32) -> u64 {
        if code & IN_LIST != 0 {
            return self.sketches.get((code & !IN_LIST) as usize).copied().unwrap_or_default();
        }
        (0..PLACES).fold(0, |sketch, at| sketch | 1 << (code >> (6 * at) & 63))
    }
}

/// Sketches as codes of 32 bits.
#[derive(Default)]
struct Sketches {
    all: Vec<u64>,
    places: HashMap<u64, u32>,
}

impl Sketches {
    /// Of at most [`PLACES`] bits: their places, 6 bits each, the last one again where there are fewer. Else [`IN_LIST`] and a place in the list.
    fn coded(&mut self, sketch: u64) -> u32 {
        if (1..=PLACES).contains(&sketch.count_ones()) {
            let (mut code, mut left) = (0, sketch);
            for at in 0..PLACES {
                code |= left.trailing_zeros() << (6 * at);
                let rest = left & (left - 1);
                left = if rest == 0 { left } else { rest };
            }
            return code;
        }
        let next = self.places.len();
        let place = *self.places.entry(sketch).or_insert_with(|| {
            self.all.push(sketch);
            u32::try_from(next).unwrap_or(!IN_LIST)
        });
        place | IN_LIST
    }
}

const PLACES: u32 = 5;
const IN_LIST: u32 = 1 << 31;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cell() -> impl Strategy<Value = Cell> {
        let sketch = prop_oneof![
            Just(0),
            any::<u64>(),
            proptest::collection::vec(0..64_u32, 1..8)
                .prop_map(|all| all.iter().fold(0, |sketch, at| sketch | 1 << at)),
        ];
        (0..9_u32, 0..4_u16, any::<u16>(), prop_oneof![1..9_u32, 1..400_000_u32], sketch).prop_map(
            |(target, network, kind, count, sketch)| Cell { target, network, kind, count, sketch },
        )
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_out_again(cells in proptest::collection::vec(cell(), 0..60)) {
            let cells = crate::rollup::merged(cells);
            let packed = Cells::pack(&cells);
            prop_assert_eq!(crate::rollup::merged(packed.iter().collect()), cells.clone());
            for target in 0..10 {
                let of: Vec<Cell> = cells.iter().copied().filter(|it| it.target == target).collect();
                prop_assert_eq!(crate::rollup::merged(packed.of(target).collect()), of);
            }
            let split: usize = cells.iter().map(|it| it.count.div_ceil(65_535) as usize).sum();
            prop_assert_eq!((packed.len(), packed.is_empty()), (split, cells.is_empty()));
        }
    }

    #[test]
    fn a_cell_is_small() {
        assert_eq!(std::mem::size_of::<Packed>(), 10);
    }
}
