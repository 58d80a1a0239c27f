//! The first answer: which candidate to take, and who cannot be told from it.
//!
//! Above: `stack`, which writes it; `cost`, `pauses`, which begin with the one that is taken. Below: `run::results`. Nothing is drawn here.
//!
//! Figures of a run differ from those of the next one. So the least figure alone decides nothing:
//!
//! * **C1, for general use.** What watches programs, stops them, or keeps what they free is shown beside the others, and not chosen: there are other
//!   reasons to take it, and to leave it, than time and memory ([`Purpose`]).
//! * **C2, ahead.** A candidate is ahead of another one if its figure is less by more than 3 %, and was less in so many of the rounds of
//!   both, which were run by turns, that two equals come out like that in 1 of 32 runs at most (a sign test: 5 of 5, 8 of 9, 18 of 25). Fewer
//!   than five rounds come out alike by chance too often: there it takes a fifth less, and on a
//!   busy machine even that is no proof, which `words` says. Memory is measured in one to three passes: its
//!   highest peak counts against the other one's least.
//! * **C3, level.** Level are the one with the least figure and those of which it is not ahead, as far as their figures are less than those of everybody of
//!   whom it is: what is worse than somebody beaten is beaten, too, however its rounds came out.
//! * **C4, the simpler one.** Of those that are level, the system's allocator is taken: it is there already. Where that is not among them, and the
//!   least figure is a stack's of this workspace, the one of those stacks with the fewest layers is; else the one with the least figure.
//!   By time alone, or memory alone, the one that is taken for both stays, if it is level.

use crate::candidates::REFERENCE;
use crate::purpose::Purpose;
use crate::run::results::{Measured, Peer, Results, TraceResult, ratio};

/// What differs by less is level (C2).
const LEVEL: f64 = 1.03;

/// The same, of fewer than [`ROUNDS`].
const WIDE: f64 = 1.25;
pub(super) const ROUNDS: usize = 5;

/// In so many runs two equals come out as ahead once, at most.
const BY_CHANCE: f64 = 32.0;

const _: () = {
    // As it stands above.
    assert!(ROUNDS == 5 && BY_CHANCE == 32.0);
    assert!(LEVEL == 1.03 && 1.0 / WIDE == 0.8);
};

/// A candidate's ratios to the reference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ratios<'r> {
    pub name: &'r str,
    /// Of processor time.
    pub time: f64,
    /// Of peak memory.
    pub memory: f64,
}

/// What is weighed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Figure {
    /// The product of time and memory: half the time is worth twice the memory.
    Both,
    Time,
    Memory,
}

/// Of so many rounds so many may have come out otherwise (C2).
fn otherwise(rounds: usize) -> usize {
    // How many of all runs have none, one, two … of them, by half.
    let mut runs = 0.5_f64.powi(rounds as i32);
    let mut up_to = runs;
    let mut otherwise = 0;
    while otherwise < rounds {
        runs *= (rounds - otherwise) as f64 / (otherwise + 1) as f64;
        up_to += runs;
        if up_to * BY_CHANCE > 1.0 {
            break;
        }
        otherwise += 1;
    }
    otherwise
}

impl Figure {
    fn of(self, it: &Ratios<'_>) -> f64 {
        match self {
            Self::Both => it.time * it.memory,
            Self::Time => it.time,
            Self::Memory => it.memory,
        }
    }
}

/// Who is best by a figure.
#[derive(Clone, Debug)]
pub(super) struct Best<'r> {
    /// The simplest of those that are level (C4).
    pub taken: Ratios<'r>,
    /// The others that are level, the least figure first (C3).
    pub level: Vec<Ratios<'r>>,
}

impl<'r> Best<'r> {
    /// The one with the least figure, if another one is taken, and it is less by so much that this asks for a word.
    pub fn much_less(&self, of: impl Fn(&Ratios<'_>) -> f64) -> Option<Ratios<'r>> {
        self.level.first().copied().filter(|least| of(least) * WIDE < of(&self.taken))
    }

    /// Whether a candidate is the one that is taken, or level with it.
    pub fn has(&self, name: &str) -> bool {
        self.taken.name == name || self.level.iter().any(|it| it.name == name)
    }
}

/// Which candidate to take.
#[derive(Clone, Debug)]
pub(super) struct Choice<'r> {
    /// By the product of time and memory.
    pub best: Best<'r>,
    /// By time alone, and by memory alone.
    pub quickest: Best<'r>,
    pub smallest: Best<'r>,
    /// The best of this workspace's, where neither it nor another one of them is taken or level.
    pub ours: Option<Ratios<'r>>,
    /// Those that are for something else (C1).
    pub aside: Vec<(&'r str, Purpose)>,
    /// Those that were not measured on everything that the reference was measured on.
    pub left_out: Vec<&'r str>,
    /// Timed rounds.
    pub rounds: u32,
}

impl<'r> Choice<'r> {
    /// The one to take.
    pub fn taken(&self) -> &'r str {
        self.best.taken.name
    }
}

/// Who may be chosen, with its figures on each trace.
struct Entrant<'r> {
    ratios: Ratios<'r>,
    layers: u32,
    measured: Vec<&'r Measured>,
}

/// Chooses for these traces; `None` where there is nothing to choose from.
pub(super) fn choice<'r>(results: &'r Results, traces: &'r [TraceResult]) -> Option<Choice<'r>> {
    let reference = results.reference();
    let whole = traces.iter().filter(|trace| trace.measured(reference).is_some()).count();
    let mut all = Vec::new();
    let (mut left_out, mut aside) = (Vec::new(), Vec::new());
    for peer in &results.candidates {
        let name = peer.name.as_str();
        if peer.purpose != Purpose::General {
            aside.push((name, peer.purpose));
            continue;
        }
        match results.means_over(traces, name).filter(|means| means.traces == whole) {
            Some(means) => {
                let ratios = Ratios { name, time: means.cpu, memory: means.peak };
                all.push(Entrant::of(ratios, peer, traces, reference));
            }
            None => left_out.push(name),
        }
    }
    if all.len() < 2 {
        return None;
    }
    let best = best(&all, Figure::Both, None)?;
    let taken = best.taken.name;
    let ours = all.iter().filter(|it| it.layers > 0);
    let no_ours_is_level = !all.iter().any(|it| it.layers > 0 && best.has(it.ratios.name));
    Some(Choice {
        quickest: self::best(&all, Figure::Time, Some(taken))?,
        smallest: self::best(&all, Figure::Memory, Some(taken))?,
        ours: least(ours, Figure::Both).map(|it| it.ratios).filter(|_| no_ours_is_level),
        best,
        aside,
        left_out,
        rounds: results.rounds,
    })
}

fn least<'e, 'r: 'e>(
    all: impl Iterator<Item = &'e Entrant<'r>>,
    figure: Figure,
) -> Option<&'e Entrant<'r>> {
    all.min_by(|a, b| figure.of(&a.ratios).total_cmp(&figure.of(&b.ratios)))
}

/// Who is best by a figure; `preferred`, if it is level.
fn best<'r>(all: &[Entrant<'r>], figure: Figure, preferred: Option<&str>) -> Option<Best<'r>> {
    let first = least(all.iter(), figure).filter(|first| figure.of(&first.ratios) > 0.0)?;
    let mut level: Vec<_> = all.iter().collect();
    level.sort_by(|a, b| figure.of(&a.ratios).total_cmp(&figure.of(&b.ratios)));
    let beaten = level.iter().position(|it| first.is_ahead_of(it, figure));
    level.truncate(beaten.unwrap_or(level.len()));
    let named = |name: &str| level.iter().find(|it| it.ratios.name == name).copied();
    let simplest = || {
        let ours = level.iter().filter(|it| it.layers > 0 && first.layers > 0);
        // Of several with as few layers, the one with the least figure stands first.
        ours.min_by_key(|it| it.layers).copied()
    };
    let taken =
        preferred.and_then(named).or_else(|| named(REFERENCE)).or_else(simplest).unwrap_or(first);
    let others = level.iter().map(|it| it.ratios).filter(|it| it.name != taken.ratios.name);
    Some(Best { taken: taken.ratios, level: others.collect() })
}

impl<'r> Entrant<'r> {
    /// Of the traces on which the reference was measured, too.
    fn of(ratios: Ratios<'r>, peer: &Peer, traces: &'r [TraceResult], reference: &str) -> Self {
        let whole = traces.iter().filter(|trace| trace.measured(reference).is_some());
        let measured = whole.filter_map(|trace| trace.measured(ratios.name)).collect();
        Self { ratios, layers: peer.layers, measured }
    }

    /// C2.
    fn is_ahead_of(&self, other: &Self, figure: Figure) -> bool {
        let (own, others) = (figure.of(&self.ratios), figure.of(&other.ratios));
        let memory = match figure {
            Figure::Time => 0.0,
            _ => self.log_mean(other, |m| m.peak_range_bytes.1, |m| m.peak_range_bytes.0),
        };
        if figure == Figure::Memory {
            return own * LEVEL < others && memory < 0.0;
        }
        let all = self.measured.iter().chain(&other.measured);
        let rounds = all.map(|m| m.cpu_rounds_ns.len()).min().unwrap_or(0);
        if rounds < ROUNDS {
            return own * WIDE < others;
        }
        let time = |round: usize| {
            self.log_mean(other, |m| m.cpu_rounds_ns[round], |m| m.cpu_rounds_ns[round])
        };
        let less = (0..rounds).filter(|&round| time(round) + memory < 0.0).count();
        own * LEVEL < others && less + otherwise(rounds) >= rounds
    }

    /// The mean over the traces of the logarithm of own over others' figures.
    fn log_mean(
        &self,
        other: &Self,
        own: impl Fn(&Measured) -> u64,
        others: impl Fn(&Measured) -> u64,
    ) -> f64 {
        let pairs = self.measured.iter().zip(&other.measured);
        let logs = pairs.map(|(a, b)| ratio(own(a), others(b)).ln());
        logs.sum::<f64>() / self.measured.len().max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::candidates;
    use crate::replay::pauses::Pauses;
    use crate::replay::{Memory, Outcome};
    use crate::run::results::{Row, Verdict};

    /// Processor time of each round, and the peak of each memory pass.
    fn verdict(rounds: &[u64], peaks: &[u64]) -> Verdict {
        let time = |&user_ns: &u64| vec![Outcome { user_ns, ..Outcome::default() }];
        let memory = |&peak_bytes: &u64| Outcome {
            memory: Some(Memory { peak_bytes, ..Memory::default() }),
            ..Outcome::default()
        };
        let rounds: Vec<_> = rounds.iter().map(time).collect();
        let memories = peaks.iter().map(memory).collect();
        Verdict::Measured(Measured::of(&rounds, memories, Pauses::default()).unwrap().into())
    }

    /// Nine rounds alike.
    fn steady(user_ns: u64, peak_bytes: u64) -> Verdict {
        verdict(&[user_ns; 9], &[peak_bytes])
    }

    /// One trace, on candidates of which those that there are are what they are.
    fn results(rows: &[(&str, Verdict)]) -> Results {
        let peer = |name: &str| match candidates::find(name) {
            Some(candidate) => Peer::of(candidate),
            None => Peer { name: name.into(), ..Peer::default() },
        };
        let row = |(name, verdict): &(&str, Verdict)| Row {
            candidate: (*name).into(),
            verdict: verdict.clone(),
        };
        Results {
            rounds: 9,
            candidates: rows.iter().map(|(name, _)| peer(name)).collect(),
            traces: vec![TraceResult {
                name: "t".into(),
                facts: Default::default(),
                rows: rows.iter().map(row).collect(),
            }],
            ..Results::default()
        }
    }

    /// Who is taken, and who is level with it.
    fn told(rows: &[(&str, Verdict)]) -> (String, Vec<String>) {
        let all = results(rows);
        let best = choice(&all, &all.traces).unwrap().best;
        (best.taken.name.into(), best.level.iter().map(|it| it.name.into()).collect())
    }

    fn is(rows: &[(&str, Verdict)], taken: &str, level: &[&str]) {
        let (is_taken, is_level) = told(rows);
        assert_eq!((&*is_taken, is_level), (taken, level.iter().map(|&it| it.into()).collect()));
    }

    #[test]
    fn the_least_product_is_taken_and_who_missed_a_trace_is_not() {
        let all = results(&[
            ("system", steady(1000, 1000)),
            ("strata", steady(600, 1200)),
            ("strata-heap", Verdict::Skipped("too large".into())),
            ("mimalloc", steady(500, 2000)),
            ("small", steady(1460, 500)),
        ]);
        let choice = choice(&all, &all.traces).unwrap();
        assert_eq!((choice.taken(), choice.quickest.taken.name), ("strata", "mimalloc"));
        assert_eq!(choice.smallest.taken.name, "small");
        assert_eq!(choice.left_out, ["strata-heap"]);
        // 0.73 is within 3 % of 0.72; 1.0 is not.
        assert_eq!(choice.best.level.iter().map(|it| it.name).collect::<Vec<_>>(), ["small"]);
        assert!(choice.ours.is_none() && (choice.best.taken.time - 0.6).abs() < 1e-9);
    }

    #[test]
    fn another_one_may_be_better_and_one_alone_is_no_choice() {
        let rows = [("system", steady(1000, 1000)), ("strata-heap", steady(1100, 1000))];
        let all = results(&rows);
        let choice = choice(&all, &all.traces).unwrap();
        assert_eq!((choice.taken(), choice.ours.unwrap().name), ("system", "strata-heap"));
        let alone = results(&rows[..1]);
        assert!(super::choice(&alone, &alone.traces).is_none());
    }

    #[test]
    fn c1_what_is_for_something_else_is_not_chosen() {
        let rows = [
            ("system", steady(1000, 1000)),
            ("strata", steady(610, 1000)),
            ("strata-profile", steady(580, 1000)),
            ("strata-sampled", steady(300, 300)),
            ("strata-hardened", steady(200, 500)),
            ("strata-bump", steady(100, 100)),
        ];
        let all = results(&rows);
        let choice = choice(&all, &all.traces).unwrap();
        for best in [&choice.best, &choice.quickest, &choice.smallest] {
            assert_eq!(best.taken.name, "strata");
        }
        let aside: Vec<_> = choice.aside.iter().map(|it| it.0).collect();
        assert_eq!(aside, ["strata-profile", "strata-sampled", "strata-hardened", "strata-bump"]);
        assert!(choice.left_out.is_empty());
        // Nothing is left to choose from.
        let rest = results(&[("system", steady(2, 2)), ("strata-bump", steady(1, 1))]);
        assert!(super::choice(&rest, &rest.traces).is_none());
    }

    #[test]
    fn c2_rounds_that_come_out_otherwise_make_it_level() {
        let base = ("system", steady(1000, 1000));
        let with = |rounds: &[u64]| [base.clone(), ("strata", verdict(rounds, &[1000]))];
        // One of nine may, two may not, however small the others are.
        is(&with(&[800, 800, 800, 800, 800, 800, 800, 800, 1200]), "strata", &[]);
        is(&with(&[500, 500, 500, 500, 500, 500, 500, 1001, 1001]), "system", &["strata"]);
        // A machine that slows down for a while slows both: rounds are compared one by one.
        let slow = [1000, 3000, 1000, 2000, 1000];
        let both =
            |others: &[u64]| [("system", verdict(&slow, &[9])), ("strata", verdict(others, &[9]))];
        is(&both(&slow.map(|ns| ns * 9 / 10)), "strata", &[]);
        is(&both(&[900, 2700, 900, 1800, 1001]), "system", &["strata"]);
        // Less in each of them, but by little.
        is(&both(&slow.map(|ns| ns * 98 / 100)), "system", &["strata"]);
    }

    #[test]
    fn c2_two_equals_seldom_come_out_as_ahead() {
        let told = [(5, 0), (6, 0), (7, 0), (8, 0), (9, 1), (12, 2), (16, 3), (25, 7)];
        assert_eq!(told.map(|(rounds, _)| (rounds, otherwise(rounds))), told);
        // A quarter of many rounds was spoilt: they tell all the same.
        let rounds: Vec<u64> = (0..25).map(|n| if n % 4 == 0 { 9000 } else { 500 }).collect();
        is(
            &[("system", verdict(&[1000; 25], &[9])), ("strata", verdict(&rounds, &[9]))],
            "strata",
            &[],
        );
    }

    #[test]
    fn c3_who_is_worse_than_somebody_beaten_is_not_level() {
        // As often less than the first as not, and in the median more than the system.
        let noisy = [300, 2000, 300, 2000, 1100, 2000, 300, 2000, 1100];
        let rows = [
            ("system", steady(1000, 1000)),
            ("strata", steady(800, 1000)),
            ("strata-heap", verdict(&noisy, &[1000])),
        ];
        is(&rows, "strata", &[]);
        is(&[rows[1].clone(), rows[2].clone()], "strata-heap", &["strata"]);
    }

    #[test]
    fn c2_a_few_rounds_tell_large_differences_only() {
        for rounds in 1..ROUNDS {
            let rows = |ns: u64| {
                [
                    ("system", verdict(&vec![1000; rounds], &[10])),
                    ("strata", verdict(&vec![ns; rounds], &[10])),
                ]
            };
            is(&rows(801), "system", &["strata"]);
            is(&rows(799), "strata", &[]);
        }
    }

    #[test]
    fn c2_peaks_that_overlap_make_it_level() {
        let rows = |peaks: &[u64]| {
            [("system", verdict(&[10; 9], &[90, 100, 110])), ("strata", verdict(&[10; 9], peaks))]
        };
        is(&rows(&[80, 85, 89]), "strata", &[]);
        is(&rows(&[80, 85, 91]), "system", &["strata"]);
        let all = results(&rows(&[80, 85, 91]));
        let smallest = choice(&all, &all.traces).unwrap().smallest;
        assert!(smallest.taken.name == "system" && smallest.has("strata"));
    }

    #[test]
    fn c4_of_those_that_are_level_the_simpler_one_is_taken() {
        let rows = [
            ("mimalloc", steady(101, 10)),
            ("strata", steady(100, 10)),
            ("strata-heap", steady(102, 10)),
            ("system", steady(102, 10)),
        ];
        is(&rows, "system", &["strata", "mimalloc", "strata-heap"]);
        // Without it: fewer layers, among the stacks. Others are not measured in layers.
        is(&rows[..3], "strata-heap", &["strata", "mimalloc"]);
        let rows = [("mimalloc", steady(100, 10)), ("strata-heap", steady(101, 10))];
        is(&rows, "mimalloc", &["strata-heap"]);
    }

    #[test]
    fn by_one_figure_alone_the_one_that_is_taken_stays_if_it_is_level() {
        let all = results(&[
            ("system", steady(1000, 1000)),
            ("strata", steady(510, 800)),
            ("mimalloc", steady(500, 1000)),
        ]);
        let choice = choice(&all, &all.traces).unwrap();
        assert_eq!((choice.taken(), choice.quickest.taken.name), ("strata", "strata"));
        assert_eq!(choice.quickest.level[0].name, "mimalloc");
    }
}
