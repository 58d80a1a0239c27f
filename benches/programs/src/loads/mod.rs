//! What is run: ordinary programs over well-known crates, with inputs that are always the same.
//!
//! Above: `child`. In each file: a program or two. The input is made before the measurement begins, also
//! with the allocator under test; what the program makes of it is dropped before the measurement ends.

mod json;
mod maps;
mod regexes;
mod source;
mod tree;

/// A load whose input is there: does the work, and says what it came to.
pub type Ready = Box<dyn FnOnce() -> u64>;

/// A program.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// What it is called.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// Makes its input, in hundredths of the full size.
    pub prepare: fn(usize) -> Ready,
}

/// All programs.
pub static ALL: &[Load] = &[
    Load {
        name: "json",
        about: "a JSON text of 100 MB becomes a tree of values, and is dropped",
        prepare: |percent| json::prepare(percent, 1),
    },
    Load {
        name: "json-2",
        about: "two threads, each with a JSON text of 50 MB",
        prepare: |percent| json::prepare(percent, 2),
    },
    Load {
        name: "syn",
        about: "the workspace's Rust sources become syntax trees, 30 times; the trees of one time stay until the next",
        prepare: source::prepare,
    },
    Load {
        name: "btree",
        about: "6 million insertions into and removals from a BTreeMap of strings, 500,000 at a time",
        prepare: maps::prepare_btree,
    },
    Load {
        name: "hash",
        about: "10 million insertions into and removals from a HashMap of vectors, 500,000 at a time",
        prepare: maps::prepare_hash,
    },
    Load {
        name: "regex",
        about: "4,000 regular expressions are compiled, and each searches a text",
        prepare: regexes::prepare,
    },
    Load {
        name: "tree",
        about: "4 binary trees of 2^22 boxed nodes, one after the other",
        prepare: tree::prepare,
    },
];

/// The program of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Load> {
    ALL.iter().find(|load| load.name == name)
}

/// So many hundredths of `full`, at least one.
fn scaled(full: usize, percent: usize) -> usize {
    (full * percent / 100).max(1)
}

/// Numbers without order, always the same (xorshift64*; Vigna, 2016).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn every_load_comes_to_the_same_twice_and_to_something() {
        for load in ALL {
            let answers = [(load.prepare)(1)(), (load.prepare)(1)()];
            assert!(answers[0] == answers[1] && answers[0] > 0, "{}: {answers:?}", load.name);
        }
    }
}
