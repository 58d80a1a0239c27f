//! The answers of the page but the first: what the figures say, before they are shown.
//!
//! Above: `cost`, `traffic`, `pauses`, which write them. Beside: `choice`, the first answer. Below: `run::results`. Nothing is drawn here.

use crate::replay::pauses::{Kind, Pause};
use crate::run::results::{Measured, Results, TraceResult};

/// What a candidate had resident, over all traces on which it was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Kept {
    /// Resident bytes for each live byte, where most is live; a geometric mean.
    pub at_peak: f64,
    /// The part of its peak that it still has at the end; a mean.
    pub at_end: f64,
    /// The largest peak.
    pub most_bytes: u64,
    pub traces: usize,
}

pub(super) fn kept(results: &Results, name: &str) -> Option<Kept> {
    let measured = results.traces.iter().filter_map(|trace| trace.measured(name));
    let (mut logs, mut ends, mut most_bytes, mut traces) = (0.0, 0.0, 0, 0);
    for m in measured {
        let peak_bytes = m.memory.peak_bytes.max(1);
        // Where nothing was ever live, there is nothing to compare with.
        logs +=
            m.memory.at_peak.fragmentation().map_or(0.0, |times| times.max(f64::MIN_POSITIVE).ln());
        ends += m.memory.at_end.resident_bytes as f64 / peak_bytes as f64;
        most_bytes = most_bytes.max(peak_bytes);
        traces += 1;
    }
    let count = traces as f64;
    let means = Kept { at_peak: (logs / count).exp(), at_end: ends / count, most_bytes, traces };
    (traces > 0).then_some(means)
}

/// What a program asks for, in parts of the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Traffic {
    pub requests: u64,
    /// Requests of at most [`SMALL_BYTES`].
    pub small: f64,
    /// The part of all bytes that is in requests above [`LARGE_BYTES`].
    pub large_bytes: f64,
    /// Requests that change a size.
    pub resized: f64,
    /// Objects that go from thread to thread.
    pub handed_over: f64,
    /// How often the bytes of the peak are asked for.
    pub turnover: f64,
}

pub(super) const SMALL_BYTES: u64 = 128;
pub(super) const LARGE_BYTES: u64 = 32 << 10;

/// The traffic of these traces together.
pub(super) fn traffic<'t>(traces: impl Iterator<Item = &'t TraceResult>) -> Traffic {
    let part = |of: u64, all: u64| of as f64 / all.max(1) as f64;
    let (mut requests, mut small, mut large, mut bytes) = (0, 0, 0, 0);
    let (mut resized, mut objects, mut handed_over, mut peaks) = (0, 0, 0, 0);
    for trace in traces {
        let facts = &trace.facts;
        for entry in facts.sizes.entries() {
            requests += entry.count;
            bytes += entry.bytes;
            small += if entry.up_to_bytes <= SMALL_BYTES { entry.count } else { 0 };
            large += if entry.up_to_bytes > LARGE_BYTES { entry.bytes } else { 0 };
        }
        resized += facts.reallocs;
        objects += facts.objects;
        handed_over += facts.handed_over;
        peaks += facts.peak_live_bytes;
    }
    Traffic {
        requests,
        small: part(small, requests),
        large_bytes: part(large, bytes),
        resized: part(resized, requests),
        handed_over: part(handed_over, objects),
        turnover: part(bytes, peaks),
    }
}

/// What calls may have in common that take long.
pub(super) type Group = (Kind, bool);

/// The long calls of a candidate.
#[derive(Clone, Debug, Default)]
pub(super) struct Long<'r> {
    /// All of them, with their trace.
    pub all: Vec<(&'r str, Pause)>,
    /// All calls of at least so long are there.
    pub from_ns: u64,
    /// Processor time of the replays, and the kernel's part of it.
    pub cpu_ns: u64,
    pub sys_ns: u64,
    pub minor_faults: u64,
}

impl<'r> Long<'r> {
    /// Of a candidate on these traces.
    pub fn of(traces: impl Iterator<Item = &'r TraceResult>, name: &str) -> Option<Self> {
        let mut long = Self::default();
        let mut any = false;
        for trace in traces {
            let Some(m) = trace.measured(name) else { continue };
            any = true;
            long.add(trace, m);
        }
        long.all.sort_by_key(|(_, pause)| std::cmp::Reverse(pause.ns));
        any.then_some(long)
    }

    fn add(&mut self, trace: &'r TraceResult, m: &Measured) {
        self.from_ns = self.from_ns.max(m.pauses.from_ns);
        self.all.extend(m.pauses.long.iter().map(|&pause| (trace.name.as_str(), pause)));
        self.cpu_ns += m.cpu_ns;
        self.sys_ns += m.sys_ns;
        self.minor_faults += m.minor_faults;
    }

    pub fn longest(&self) -> Option<(&'r str, Pause)> {
        self.all.first().copied()
    }

    /// How many took at least so long.
    pub fn above(&self, ns: u64) -> usize {
        self.all.iter().filter(|(_, pause)| pause.ns >= ns).count()
    }

    /// Nanoseconds in all of them.
    pub fn sum_ns(&self) -> u64 {
        self.all.iter().map(|(_, pause)| pause.ns).sum()
    }

    /// Of what kind most of their time is, whether of large objects, and which part.
    pub fn mostly(&self) -> Option<(Group, f64)> {
        let group = |pause: &Pause| (pause.kind, pause.bytes > LARGE_BYTES);
        let kinds = [Kind::Alloc, Kind::Free, Kind::Realloc];
        let groups = kinds.into_iter().flat_map(|kind| [(kind, false), (kind, true)]);
        let sum = |wanted: Group| {
            let of = self.all.iter().filter(|(_, pause)| group(pause) == wanted);
            of.map(|(_, pause)| pause.ns).sum::<u64>()
        };
        let (most, ns) = groups.map(|it| (it, sum(it))).max_by_key(|&(_, ns)| ns)?;
        (ns > 0).then(|| (most, ns as f64 / self.sum_ns() as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::facts::Facts;
    use crate::replay::pauses::Pauses;
    use crate::replay::{Memory, Outcome, Sample};
    use crate::run::results::{Peer, Row, Verdict};

    fn verdict(user_ns: u64, peak_bytes: u64, long: &[(u64, Kind, u64)]) -> Verdict {
        let time = Outcome { user_ns, wall_ns: user_ns, ..Outcome::default() };
        let at_end = Sample { resident_bytes: peak_bytes / 2, ..Sample::default() };
        let at_peak = Sample { live_bytes: 100, resident_bytes: peak_bytes, ..Sample::default() };
        let memory = Some(Memory { peak_bytes, at_peak, at_end, ..Memory::default() });
        let memory = Outcome { memory, ..Outcome::default() };
        let pause = |&(ns, kind, bytes)| Pause { thread: 0, event: ns, ns, kind, bytes };
        let pauses = Pauses { from_ns: 10_000, long: long.iter().map(pause).collect() };
        Verdict::Measured(Measured::of(&[vec![time]], vec![memory], pauses).unwrap().into())
    }

    /// Rows of two traces, by candidate.
    fn results(rows: &[(&str, [Verdict; 2])]) -> Results {
        let peer = |name: &str| Peer { name: name.into(), ..Peer::default() };
        let row = |at: usize| {
            let of = |(name, verdicts): &(&str, [Verdict; 2])| Row {
                candidate: (*name).into(),
                verdict: verdicts[at].clone(),
            };
            rows.iter().map(of).collect()
        };
        let facts = Facts::default();
        let trace =
            |at: usize| TraceResult { name: format!("t{at}"), facts: facts.clone(), rows: row(at) };
        Results {
            candidates: rows.iter().map(|(name, _)| peer(name)).collect(),
            traces: vec![trace(0), trace(1)],
            ..Results::default()
        }
    }

    #[test]
    fn memory_is_told_for_each_live_byte() {
        let mut all = results(&[("system", [verdict(1, 200, &[]), verdict(1, 800, &[])])]);
        let kept = kept(&all, "system").unwrap();
        assert!((kept.at_peak - 4.0).abs() < 1e-9 && (kept.at_end - 0.5).abs() < 1e-9);
        assert_eq!((kept.most_bytes, kept.traces), (800, 2));
        assert!(super::kept(&all, "nobody").is_none());
        // The terminal has the same of one trace.
        all.traces.truncate(1);
        let of_page = format!("{:.2}", super::kept(&all, "system").unwrap().at_peak);
        assert_eq!(crate::table::row(all.traces[0].measured("system").unwrap(), None)[8], of_page);
    }

    #[test]
    fn long_calls_are_those_of_all_traces() {
        let first = verdict(1, 1, &[(20_000, Kind::Alloc, 64), (300_000, Kind::Alloc, 1 << 20)]);
        let second = verdict(1, 1, &[(90_000, Kind::Free, 1 << 20)]);
        let all = results(&[("system", [first, second])]);
        let long = Long::of(all.traces.iter(), "system").unwrap();
        let (trace, pause) = long.longest().unwrap();
        assert_eq!((trace, pause.ns, long.sum_ns()), ("t0", 300_000, 410_000));
        assert_eq!((long.above(10_000), long.above(90_000), long.above(1 << 20)), (3, 2, 0));
        let (group, part) = long.mostly().unwrap();
        assert_eq!(group, (Kind::Alloc, true));
        assert!((part - 300.0 / 410.0).abs() < 1e-9);
    }

    #[test]
    fn traffic_is_told_in_parts() {
        let mut facts = Facts { objects: 3, reallocs: 1, handed_over: 1, ..Facts::default() };
        facts.peak_live_bytes = 50_000;
        [64, 128, 200, 99_808].into_iter().for_each(|size| facts.sizes.count(size));
        let trace = TraceResult { name: "t".into(), facts, rows: Vec::new() };
        let traffic = traffic([&trace].into_iter());
        assert_eq!((traffic.requests, traffic.small, traffic.resized), (4, 0.5, 0.25));
        assert!(traffic.large_bytes > 0.99 && (traffic.turnover - 2.004).abs() < 1e-9);
        assert!((traffic.handed_over - 1.0 / 3.0).abs() < 1e-9);
    }
}
