//! Whether the machine had other work: by its load before the run, and by what the replays themselves show.
//!
//! Above: `table`, `report`, which print the note. Below: `results`.
//!
//! | sign | why |
//! |---|---|
//! | the load before it began is above half of the processors | the only one that does not depend on what was replayed. A build that has just ended counts: the load is what it is |
//! | replays of one thread took far longer than their processor time | they waited for a processor. Threads that wait for each other look the same, so that those of several threads say nothing |
//! | the rounds of a candidate differ by much | caches, memory and a processor's other half are shared, and processor time does not tell |

use super::results::{Measured, Results, median};

/// Of how many processors others may have use, before it counts.
const LOAD_PART: f64 = 0.5;

/// Wall time over processor time of one thread from which a machine counts as busy.
const WAITED: f64 = 1.25;

/// The middle half of the rounds over their median, from which they differ by much.
const SPREAD: f64 = 0.1;

/// Of fewer rounds there is no middle half.
const ROUNDS: usize = 5;

impl Results {
    /// What to say of a machine that was busy; `None` if nothing says that it was.
    #[must_use]
    pub fn busy_note(&self) -> Option<String> {
        let mut signs = Vec::new();
        let processors = self.setting.machine.processors.max(1);
        if let Some(load) = self.setting.load.filter(|&load| load > processors as f64 * LOAD_PART) {
            signs.push(format!("load {load:.2} before it began, on {processors} processors"));
        }
        if let Some(times) = self.waited().filter(|&times| times > WAITED) {
            signs.push(format!("replays of one thread took {times:.2} of their processor time"));
        }
        let mut trust = "trust the CPU times, not the wall times";
        if let Some(spread) = self.spread().filter(|&spread| spread > SPREAD) {
            let percent = spread * 100.0;
            signs.push(format!("the middle half of the rounds lies {percent:.0} % apart"));
            trust = "the CPU times differ, too, less than the wall times; repeat it on a quiet machine, or with more rounds";
        }
        (!signs.is_empty()).then(|| {
            let signs = signs.join("; ");
            format!("the machine was busy ({signs}): {trust}")
        })
    }

    /// Wall time over processor time, of all replays of one thread.
    fn waited(&self) -> Option<f64> {
        let single = self.traces.iter().filter(|trace| trace.facts.replay_threads == 1);
        let rows = single.flat_map(|t| t.rows.iter().filter_map(|row| t.measured(&row.candidate)));
        let (wall, cpu) = rows.fold((0, 0), |(w, c), m| (w + m.wall_ns, c + m.cpu_ns));
        (cpu > 0).then(|| wall as f64 / cpu as f64)
    }

    /// How far the rounds of a candidate lie apart: the middle one of all candidates on all traces.
    fn spread(&self) -> Option<f64> {
        let measured = self.traces.iter().flat_map(|trace| self.measured(trace));
        let per_million = measured.filter_map(|(.., m)| {
            let (low, high) = m.cpu_quartiles_ns()?;
            Some((high - low) * 1_000_000 / m.cpu_ns.max(1))
        });
        median(per_million).map(|spread| spread as f64 / 1e6)
    }
}

impl Measured {
    /// Processor times between which the middle half of the rounds lies; `None` for few rounds.
    #[must_use]
    pub fn cpu_quartiles_ns(&self) -> Option<(u64, u64)> {
        let mut rounds = self.cpu_rounds_ns.clone();
        rounds.sort_unstable();
        let last = rounds.len().checked_sub(1).filter(|_| rounds.len() >= ROUNDS)?;
        Some((rounds[last / 4], rounds[last - last / 4]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::facts::Facts;
    use crate::replay::pauses::Pauses;
    use crate::replay::{Memory, Outcome};
    use crate::run::results::{Peer, Row, TraceResult, Verdict};
    use crate::run::setting::{Machine, Setting};

    /// A run of one candidate on a trace of so many threads: wall and processor time of each round.
    fn results(load: f64, replay_threads: u64, rounds: &[(u64, u64)]) -> Results {
        let time = |&(wall_ns, user_ns): &(u64, u64)| {
            vec![Outcome { wall_ns, user_ns, ..Outcome::default() }]
        };
        let memory = Outcome { memory: Some(Memory::default()), ..Outcome::default() };
        let rounds: Vec<_> = rounds.iter().map(time).collect();
        let measured = Measured::of(&rounds, vec![memory], Pauses::default()).unwrap();
        let row = Row { candidate: "a".into(), verdict: Verdict::Measured(measured.into()) };
        let facts = Facts { replay_threads, ..Facts::default() };
        let machine = Machine { processors: 4, ..Machine::default() };
        Results {
            setting: Setting { machine, load: Some(load), ..Setting::default() },
            rounds: rounds.len() as u32,
            candidates: vec![Peer { name: "a".into(), ..Peer::default() }],
            traces: vec![TraceResult { name: "t".into(), facts, rows: vec![row] }],
            ..Results::default()
        }
    }

    #[test]
    fn the_load_before_is_a_sign_whatever_was_replayed() {
        for threads in [1, 4] {
            assert_eq!(results(2.0, threads, &[(100, 100)]).busy_note(), None);
            let note = results(2.01, threads, &[(100, 100)]).busy_note().unwrap();
            assert!(note.contains("load 2.01 before it began, on 4 processors"), "{note}");
        }
        assert_eq!(Results::default().busy_note(), None);
    }

    #[test]
    fn one_thread_that_waited_is_a_sign_and_threads_that_wait_for_each_other_are_none() {
        let note = results(0.0, 1, &[(200, 100)]).busy_note().unwrap();
        assert!(note.contains("took 2.00 of their processor time"), "{note}");
        assert_eq!(results(0.0, 1, &[(105, 100)]).busy_note(), None);
        assert_eq!(results(0.0, 4, &[(200, 100)]).busy_note(), None);
    }

    #[test]
    fn rounds_that_differ_are_a_sign() {
        let all = |times: &[u64]| times.iter().map(|&ns| (ns, ns)).collect::<Vec<_>>();
        let of = |times: &[u64]| results(0.0, 4, &all(times)).busy_note();
        let note = of(&[80, 90, 100, 100, 110, 120]).unwrap();
        assert!(note.contains("the middle half of the rounds lies 20 % apart"), "{note}");
        // One that was disturbed is not half of them, and four are too few.
        assert_eq!(of(&[100, 101, 300, 102, 99, 100]), None);
        assert_eq!(of(&[80, 90, 110, 120]), None);
    }

    #[test]
    fn quartiles_lie_around_the_middle_half() {
        let of = |times: &[u64]| {
            let rounds: Vec<_> = times.iter().map(|&ns| (ns, ns)).collect();
            let all = results(0.0, 1, &rounds);
            all.traces[0].measured("a").unwrap().cpu_quartiles_ns()
        };
        assert_eq!(of(&[9, 8, 7, 6, 5, 4, 3, 2, 1]), Some((3, 7)));
        assert_eq!(of(&[1, 2, 3, 4, 5]), Some((2, 4)));
        assert_eq!(of(&[6, 5, 4, 3, 2, 1]), Some((2, 5)));
        assert_eq!(of(&[1, 2, 3, 4]), None);
    }
}
