//! Changed copies of seeds: what a test of a minute can do of what fuzzing does in hours. The same seed gives the same copies.

use super::Target;
use crate::{Chance, SeededChance};

/// Numbers that readers stumble over.
const NUMBERS: [&[u8]; 14] = [
    b"0",
    b"-1",
    b"1",
    b"255",
    b"65535",
    b"65536",
    b"2147483647",
    b"-2147483648",
    b"4294967295",
    b"18446744073709551615",
    b"1e39",
    b"-1e308",
    b"1e-46",
    b"0.5",
];
/// Bytes that readers stumble over.
const BYTES: [u8; 12] = [0, 1, 0x7F, 0x80, 0xFE, 0xFF, b'\n', b' ', b'(', b'<', b'[', b'"'];
/// A copy is not longer than its seed by more than this.
const MAX_GROWTH_BYTES: usize = 4096;

/// Makes changed copies.
#[derive(Debug)]
pub struct Mutator {
    chance: SeededChance,
}

impl Mutator {
    /// The copies that belong to `seed`.
    pub fn new(seed: u64) -> Self {
        Self { chance: SeededChance::new(seed) }
    }

    /// A copy of one of `seeds` with one to eight changes; nothing if there is no seed.
    pub fn next(&self, seeds: &[Vec<u8>]) -> Vec<u8> {
        if seeds.is_empty() {
            return Vec::new();
        }
        let mut copy = seeds[self.below(seeds.len())].clone();
        let most = copy.len() + MAX_GROWTH_BYTES;
        for _ in 0..=self.below(8) {
            self.change(&mut copy, &seeds[self.below(seeds.len())]);
            copy.truncate(most);
        }
        copy
    }

    fn change(&self, copy: &mut Vec<u8>, other: &[u8]) {
        let at = self.below(copy.len() + 1);
        let run = at..(at + 1 + self.below(64)).min(copy.len()).max(at);
        match self.below(9) {
            0 => self.at(copy, |byte, chance| *byte ^= 1 << (chance % 8)),
            1 => self.at(copy, |byte, chance| *byte = BYTES[chance % BYTES.len()]),
            2 => self.at(copy, |byte, chance| *byte = chance as u8),
            3 => drop(copy.drain(run)),
            4 => {
                let again = copy[run].repeat(1 + self.below(8));
                copy.splice(at..at, again);
            }
            5 => copy.truncate(at),
            6 => drop(copy.splice(at..at, NUMBERS[self.below(NUMBERS.len())].iter().copied())),
            7 => self.replace_number(copy, at),
            _ => {
                let from = self.below(other.len() + 1);
                let piece = &other[from..(from + 1 + self.below(256)).min(other.len()).max(from)];
                drop(copy.splice(run, piece.iter().copied()));
            }
        }
    }

    /// Changes one byte.
    fn at(&self, copy: &mut [u8], change: impl FnOnce(&mut u8, usize)) {
        if !copy.is_empty() {
            let at = self.below(copy.len());
            change(&mut copy[at], self.below(usize::MAX));
        }
    }

    /// Puts another number in place of the next one.
    fn replace_number(&self, copy: &mut Vec<u8>, from: usize) {
        let Some(start) = copy[from..].iter().position(u8::is_ascii_digit).map(|at| from + at) else { return };
        let end = copy[start..].iter().position(|byte| !byte.is_ascii_digit()).map_or(copy.len(), |length| start + length);
        drop(copy.splice(start..end, NUMBERS[self.below(NUMBERS.len())].iter().copied()));
    }

    fn below(&self, end: usize) -> usize {
        let mut bytes = [0; 8];
        self.chance.fill(&mut bytes);
        usize::try_from(u64::from_le_bytes(bytes) % (end.max(1) as u64)).unwrap_or(0)
    }
}

/// Runs a target over its seeds and over `mutations` changed copies of them; what breaks it is printed.
///
/// # Panics
/// Where the target does, and if it has no seeds.
pub fn rehearse(target: &Target, mutations: usize) {
    let seeds = (target.seeds)();
    assert!(!seeds.is_empty(), "{} has seeds", target.name);
    let mutator = Mutator::new(0);
    let copies = (0..mutations).map(|_| mutator.next(&seeds));
    for input in seeds.iter().cloned().chain(copies) {
        let shown = OnPanic { target, input: &input };
        (target.run)(&input);
        std::mem::forget(shown);
    }
}

/// Prints the input when the target panics.
struct OnPanic<'a> {
    target: &'a Target,
    input: &'a [u8],
}

impl Drop for OnPanic<'_> {
    fn drop(&mut self) {
        eprintln!("{} does not hold with the input b\"{}\"", self.target.name, self.input.escape_ascii());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_copies_and_they_are_all_kinds_of_things() {
        let seeds = vec![b"1 2 obj << /Length 10 >>".to_vec(), Vec::new(), vec![0xFF; 300]];
        let copies = |seed| {
            let mutator = Mutator::new(seed);
            (0..500).map(|_| mutator.next(&seeds)).collect::<Vec<_>>()
        };
        let first = copies(7);
        assert_eq!(first, copies(7));
        assert_ne!(first, copies(8));
        let different: std::collections::BTreeSet<_> = first.iter().collect();
        assert!(different.len() > 300, "{}", different.len());
        assert!(first.iter().all(|copy| copy.len() <= 300 + MAX_GROWTH_BYTES));
        assert_eq!(Mutator::new(1).next(&[]), b"");
    }
}
