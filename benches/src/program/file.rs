//! A program on disk, from the process that plans to the processes that are measured.
//!
//! Above: `run`, on both sides. Below: files.
//! Not a format to keep: it is written, read and removed within one run.
//!
//! Words of 64 bits in the machine's own order: magic, threads, places, events, the number of words
//! of each thread, then the words.

use super::{ALLOC, ALLOC_ZEROED, FREE, PLACES_MAX, Program, REALLOC, Step, THREADS_MAX, kind_of};
use std::io::{self, Read, Write};
use std::path::Path;

const MAGIC: u64 = u64::from_le_bytes(*b"strata-p");
const HEAD: usize = 4;

impl Program {
    /// Writes the program to a new file.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let mut out = io::BufWriter::with_capacity(1 << 20, std::fs::File::create(path)?);
        let head = [MAGIC, self.threads.len() as u64, self.places.into(), self.events];
        let lengths = self.threads.iter().map(|&(from, to)| (to - from) as u64);
        for word in head.into_iter().chain(lengths).chain(self.words.iter().copied()) {
            out.write_all(&word.to_ne_bytes())?;
        }
        out.flush()
    }

    /// Reads a program, and checks that it keeps to its table of addresses. All of its memory is
    /// touched then.
    ///
    /// # Errors
    ///
    /// Those of the file system; `InvalidData` for a file that is no program.
    ///
    /// # Safety
    ///
    /// The file was written by [`save`](Program::save): that each object is freed with the layout
    /// that it was allocated with, in every order that O1 and O2 allow, is not checked again.
    pub unsafe fn load(path: &Path) -> io::Result<Self> {
        let mut file = std::fs::File::open(path)?;
        let total = usize::try_from(file.metadata()?.len()).map_err(|_| odd())? / 8;
        let mut head = [0; HEAD];
        read_words(&mut file, &mut head)?;
        let [magic, threads, places, events] = head;
        let threads = usize::try_from(threads).map_err(|_| odd())?;
        if magic != MAGIC || !(1..=THREADS_MAX).contains(&threads) || places > PLACES_MAX.into() {
            return Err(odd());
        }
        let mut lengths = vec![0; threads];
        read_words(&mut file, &mut lengths)?;
        let mut words = vec![0; total.checked_sub(HEAD + threads).ok_or_else(odd)?];
        read_words(&mut file, &mut words)?;
        let mut at = 0usize;
        let mut ranges = Vec::with_capacity(threads);
        for length in lengths {
            let end = usize::try_from(length).ok().and_then(|n| at.checked_add(n));
            let end = end.filter(|&end| end <= words.len()).ok_or_else(odd)?;
            ranges.push((at, end));
            at = end;
        }
        let program = Self { words, threads: ranges, places: places as u32, events };
        if program.is_sound() { Ok(program) } else { Err(odd()) }
    }

    /// Whether every step keeps to the table of addresses and to the threads that there are, and
    /// has a size that is not 0.
    fn is_sound(&self) -> bool {
        let sized = |word: u64| super::size_of(word) > 0;
        (0..self.threads()).all(|thread| {
            let (from, to) = self.threads[thread];
            let words = &self.words[from..to];
            let mut at = 0;
            while at < words.len() {
                let word = words[at];
                at += 1;
                let place = super::place_of(word);
                let sound = match kind_of(word) {
                    REALLOC => {
                        at += 1;
                        let new = words.get(at - 1).copied().unwrap_or(0);
                        place < self.places && sized(word) && sized(new)
                    }
                    ALLOC | ALLOC_ZEROED | FREE => place < self.places && sized(word),
                    super::WAIT => (place as usize) < self.threads() && place as usize != thread,
                    _ => true,
                };
                if !sound {
                    return false;
                }
            }
            true
        })
    }
}

fn read_words(from: &mut impl Read, into: &mut [u64]) -> io::Result<()> {
    let mut bytes = [0; 8 << 10];
    for part in into.chunks_mut(bytes.len() / 8) {
        let bytes = &mut bytes[..part.len() * 8];
        from.read_exact(bytes)?;
        for (word, bytes) in part.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *word = u64::from_ne_bytes(*bytes);
        }
    }
    Ok(())
}

fn odd() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "not a program of this build")
}

impl Program {
    /// A program made by hand, for tests of the replay: the steps of each thread.
    ///
    /// # Safety
    ///
    /// In every order that O1 and O2 allow, each object is freed and reallocated with the layout
    /// that it has.
    #[must_use]
    pub unsafe fn from_steps(threads: &[Vec<Step>], places: u32) -> Self {
        let mut words = Vec::new();
        let mut ranges = Vec::new();
        let mut events = 0;
        for steps in threads {
            let from = words.len();
            for step in steps {
                step.put(&mut words);
                events += u64::from(matches!(
                    step,
                    Step::Alloc { .. } | Step::Free { .. } | Step::Realloc { .. }
                ));
            }
            ranges.push((from, words.len()));
        }
        Self { words, threads: ranges, places, events }
    }
}
