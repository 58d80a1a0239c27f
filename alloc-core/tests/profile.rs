//! `Profile`: through the kit, alone and stacked; what it says of programs whose proportions are known; what it writes.

#![cfg_attr(strata_nightly, feature(allocator_api))]
#![cfg(not(all(loom, feature = "loom")))]

mod common;

use alloc_core::api2::alloc::{Global, System};
use alloc_core::api2::vec::Vec as StackVec;
use alloc_core::conformance::Kit;
use alloc_core::profile::Totals;
use alloc_core::{
    Allocator, Failing, Fallback, Layer, Layout, Limit, Locked, Null, Observe, Profile, Schedule,
    Segregate,
};
use common::Toy;
use std::io::Read;
use std::ptr::NonNull;

const MIB: usize = 1 << 20;

fn toy() -> Locked<Toy> {
    Locked::new(Toy::new(MIB))
}

/// Everything sampled; about half of it; hardly anything.
const MEANS: [usize; 3] = [0, 300, 1 << 20];

#[test]
fn the_kit() {
    for mean in MEANS {
        let over_global = || Profile::new(Global).with_mean_bytes(mean);
        Kit::layer(over_global).threads().cases(24).check();
        Kit::layer(|| Profile::new(Observe::new(System)).with_mean_bytes(mean))
            .threads()
            .cases(16)
            .check();
    }
}

/// What is large and stays, what goes away, and what grows.
#[test]
fn growth_is_told_from_size() {
    let stack = Profile::new(Global).with_mean_bytes(0);
    let bytes = |bytes: usize| StackVec::<u8, _>::with_capacity_in(bytes, &stack);
    let large = bytes(1 << 20);
    let passing = bytes(50_000);
    let (mut leaks, before) = (Vec::new(), stack.snapshot());
    drop(passing);
    // One call, and not three.
    for _ in 0..std::hint::black_box(3) {
        leaks.push(bytes(100));
    }
    let now = stack.snapshot();
    let growth = now.since(&before);
    let of = |at: usize| (growth[at].allocated.objects, growth[at].in_use.bytes);
    assert_eq!(growth.len(), 2, "{growth:?}");
    assert_eq!((of(0), of(1)), ((3.0, 300.0), (0.0, -50_000.0)));
    assert!(now.since(&now).is_empty() && before.since(&before).is_empty());
    drop((large, leaks));
}

#[test]
fn the_kit_where_memory_runs_out() {
    for mean in MEANS {
        Kit::layer(|| Profile::new(toy()).with_mean_bytes(mean))
            .threads()
            .cases(32)
            .max_bytes(2 * MIB)
            .max_align_bytes(1 << 16)
            .may_run_out()
            .check();
        let failing = |seed| Failing::new(Schedule::Random { seed, permille: 300 }, toy());
        Kit::layer(|| {
            let small = Fallback::new(Profile::new(failing(1)).with_mean_bytes(mean), Null);
            Limit::new(
                MIB,
                Profile::new(Segregate::new(512, small, failing(2))).with_mean_bytes(mean),
            )
        })
        .may_refuse_anytime()
        .max_align_bytes(1 << 16)
        .threads()
        .cases(32)
        .check();
    }
}

/// All memory goes back: the ledger's when the profile goes, samples' when they are freed.
#[test]
fn nothing_is_kept() {
    let below = Observe::new(Global);
    let profile = Profile::new(&below).with_mean_bytes(0);
    for round in 0..100usize {
        let mut list = StackVec::new_in(&profile);
        list.extend(0..round * 10);
    }
    profile.verify().expect("all is well");
    assert!(below.figures().live_bytes > 0, "the ledger");
    drop(profile);
    assert_eq!((below.figures().live_bytes, below.figures().live), (0, 0));
    let profile = Profile::new(&below).with_mean_bytes(0);
    drop(StackVec::<u8, _>::with_capacity_in(100, &profile));
    assert_eq!(profile.into_inner().figures().live_bytes, 0);
}

fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, 8).expect("it is small")
}

#[inline(never)]
fn allocate_small(profile: &impl Allocator) -> NonNull<u8> {
    profile.allocate(layout(48)).expect("there is memory").cast()
}

#[inline(never)]
fn allocate_medium(profile: &impl Allocator) -> NonNull<u8> {
    profile.allocate(layout(3000)).expect("there is memory").cast()
}

#[inline(never)]
fn allocate_large(profile: &impl Allocator) -> NonNull<u8> {
    profile.allocate(layout(100_000)).expect("there is memory").cast()
}

type Allocate = fn(&Profile<Global>) -> NonNull<u8>;

/// What is known of the call site in a function of this name.
fn of_site(profile: &Profile<Global>, name: &str) -> (Totals, Totals) {
    let snapshot = profile.snapshot();
    let mut sums = (Totals::default(), Totals::default());
    for sample in snapshot.samples() {
        if sample.functions().iter().any(|function| function.contains(name)) {
            for (sum, of) in [(&mut sums.0, sample.allocated), (&mut sums.1, sample.in_use)] {
                sum.objects += of.objects;
                sum.bytes += of.bytes;
            }
        }
    }
    sums
}

/// Three sites of known sizes; of each, every second object is freed. Over the seeds, the mean of the estimates is
/// within five standard errors of the truth.
#[test]
fn proportions_are_without_bias() {
    const SEEDS: u64 = 40;
    let mean = 16 << 10;
    // Allocations; bytes of each.
    let sites: [(&str, usize, usize, Allocate); 3] = [
        ("allocate_small", 20_000, 48, |profile| allocate_small(profile)),
        ("allocate_medium", 1_000, 3000, |profile| allocate_medium(profile)),
        ("allocate_large", 20, 100_000, |profile| allocate_large(profile)),
    ];
    let mut sums = [[0.0; 4]; 3];
    for seed in 1..=SEEDS {
        let profile = Profile::new(Global).with_mean_bytes(mean).with_seed(seed);
        let mut kept = Vec::new();
        for (_, count, bytes, allocate) in sites {
            for turn in 0..count {
                let ptr = allocate(&profile);
                if turn % 2 == 0 {
                    kept.push((ptr, bytes));
                } else {
                    // SAFETY: allocated right above.
                    unsafe { profile.deallocate(ptr, layout(bytes)) };
                }
            }
        }
        for (sums, (name, ..)) in sums.iter_mut().zip(sites) {
            let (allocated, in_use) = of_site(&profile, name);
            let figures = [allocated.objects, allocated.bytes, in_use.objects, in_use.bytes];
            sums.iter_mut().zip(figures).for_each(|(sum, figure)| *sum += figure);
        }
        for (ptr, bytes) in kept {
            // SAFETY: allocated above, for this layout, and not freed since.
            unsafe { profile.deallocate(ptr, layout(bytes)) };
        }
        assert!(profile.snapshot().samples().all(|sample| sample.in_use == Totals::default()));
        assert_eq!(profile.lost_samples(), 0);
    }
    for ((name, count, bytes, _), sums) in sites.into_iter().zip(sums) {
        let odds = -(-(bytes as f64) / mean as f64).exp_m1();
        for (at, sum) in sums.into_iter().enumerate() {
            let objects = if at < 2 { count } else { count / 2 } as f64;
            let unit = if at % 2 == 0 { 1.0 } else { bytes as f64 };
            let estimate = sum / SEEDS as f64 / unit;
            // The standard error of the mean of so many estimates of a thinned count.
            let error = (objects * (1.0 - odds) / odds / SEEDS as f64).sqrt();
            let off = (estimate - objects).abs();
            assert!(
                off <= 5.0 * error + 1e-6,
                "{name}, figure {at}: {estimate}, not {objects} ± {error}"
            );
        }
    }
}

/// A vector that grows is a new allocation each time, and its last size is in use.
#[test]
fn growth_and_shrinking() {
    let profile = Profile::new(Global).with_mean_bytes(0);
    let mut list = StackVec::<u64, _>::with_capacity_in(4, &profile);
    list.extend([1, 2, 3, 4]);
    list.reserve_exact(12);
    let total = |pick: fn(alloc_core::profile::Sample<'_>) -> Totals| {
        let snapshot = profile.snapshot();
        snapshot
            .samples()
            .map(pick)
            .fold((0.0, 0.0), |sum, of| (sum.0 + of.objects, sum.1 + of.bytes))
    };
    assert_eq!(total(|sample| sample.allocated), (2.0, 32.0 + 128.0));
    assert_eq!(total(|sample| sample.in_use), (1.0, 128.0));
    list.shrink_to_fit();
    assert_eq!(total(|sample| sample.allocated), (2.0, 32.0 + 128.0), "less is no allocation");
    assert_eq!(total(|sample| sample.in_use), (1.0, 32.0));
    assert_eq!(list[..], [1, 2, 3, 4]);
    profile.verify().expect("all is well");
    list.clear();
    list.shrink_to_fit();
    assert_eq!(total(|sample| sample.in_use), (0.0, 0.0));
}

/// A sample that grows to something that is not sampled, and back.
#[test]
fn samples_come_and_go_by_growth() {
    for seed in 1..200 {
        let profile = Profile::new(Global).with_mean_bytes(100).with_seed(seed);
        let mut list = StackVec::<u8, _>::new_in(&profile);
        for byte in 0..250u8 {
            list.reserve_exact(1);
            list.push(byte);
            if byte % 16 == 0 {
                list.shrink_to_fit();
            }
            profile.verify().expect("all is well");
        }
        assert!(list.iter().copied().eq(0..250));
    }
}

#[test]
fn many_threads_at_once() {
    let profile = Profile::new(Global).with_mean_bytes(500);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for round in 0..300usize {
                    let lists: Vec<_> = (0..20)
                        .map(|n| StackVec::<u8, _>::with_capacity_in(n * 300 + round, &profile))
                        .collect();
                    // Large ones, which begin on a page and are no samples.
                    drop(StackVec::<u8, _>::with_capacity_in(4096, &profile));
                    drop(lists);
                }
            });
        }
        for _ in 0..20 {
            let mut file = Vec::new();
            assert!(profile.snapshot().samples().count() < 10_000);
            if profile.snapshot().samples().count() < 4 {
                profile.write(&mut file).expect("a vector takes everything");
            }
        }
    });
    assert!(profile.snapshot().samples().all(|sample| sample.in_use == Totals::default()));
    profile.verify().expect("all is well");
}

#[test]
fn what_is_promised_of_threads() {
    fn sync<T: Send + Sync>() {}
    sync::<Profile<Global>>();
    sync::<alloc_core::profile::Snapshot>();
}

/// A message of the protocol that pprof's files are written in, taken apart by that protocol's own rules: nothing of what writes it.
mod wire {
    pub type Fields<'a> = std::collections::HashMap<u64, Vec<Value<'a>>>;

    pub enum Value<'a> {
        Number(u64),
        Bytes(&'a [u8]),
    }

    pub fn number(bytes: &mut &[u8]) -> u64 {
        let mut number = 0;
        for at in 0.. {
            let (first, rest) = bytes.split_first().expect("a number ends");
            *bytes = rest;
            number |= u64::from(first & 127) << (7 * at);
            if first & 128 == 0 {
                break;
            }
        }
        number
    }

    /// The fields, by their numbers.
    pub fn fields(mut bytes: &[u8]) -> Fields<'_> {
        let mut fields = Fields::new();
        while !bytes.is_empty() {
            let tag = number(&mut bytes);
            let value = match tag & 7 {
                0 => Value::Number(number(&mut bytes)),
                2 => {
                    let (inner, rest) = {
                        let length = usize::try_from(number(&mut bytes)).expect("it is short");
                        bytes.split_at(length)
                    };
                    bytes = rest;
                    Value::Bytes(inner)
                }
                kind => panic!("a field of kind {kind}"),
            };
            fields.entry(tag >> 3).or_default().push(value);
        }
        fields
    }
}

/// A field's messages or texts.
fn parts<'a>(fields: &'a wire::Fields<'a>, field: u64) -> Vec<&'a [u8]> {
    let values = fields.get(&field).map_or(&[][..], Vec::as_slice).iter();
    let bytes = |value: &wire::Value<'a>| match value {
        wire::Value::Bytes(bytes) => *bytes,
        wire::Value::Number(_) => panic!("field {field} is a number"),
    };
    values.map(bytes).collect()
}

/// A field's number; 0 where it is not there.
fn number(fields: &wire::Fields<'_>, field: u64) -> u64 {
    match fields.get(&field).map(Vec::as_slice) {
        Some([wire::Value::Number(number)]) => *number,
        None => 0,
        Some(_) => panic!("field {field} is no single number"),
    }
}

fn packed(mut bytes: &[u8]) -> Vec<u64> {
    let mut numbers = Vec::new();
    while !bytes.is_empty() {
        numbers.push(wire::number(&mut bytes));
    }
    numbers
}

/// Functions, innermost first, and values.
type Sample = (Vec<String>, Vec<u64>);

fn unpacked(file: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    flate2::read::MultiGzDecoder::new(file).read_to_end(&mut bytes).expect("it is gzip");
    bytes
}

/// What `write` wrote, by `profile.proto` of github.com/google/pprof: its sample types, and its samples.
fn decoded(file: &[u8]) -> (Vec<String>, Vec<Sample>) {
    let bytes = unpacked(file);
    let profile = wire::fields(&bytes);
    let texts: Vec<_> = parts(&profile, 6)
        .into_iter()
        .map(|text| String::from_utf8(text.to_vec()).unwrap())
        .collect();
    assert_eq!(texts[0], "", "the format says so");
    let text = |number: u64| texts[usize::try_from(number).unwrap()].clone();
    let by_id = |field| -> std::collections::HashMap<_, _> {
        let messages = parts(&profile, field).into_iter();
        messages.map(|bytes| (number(&wire::fields(bytes), 1), bytes)).collect()
    };
    let (locations, functions) = (by_id(4), by_id(5));
    let types = parts(&profile, 1).into_iter().map(|bytes| text(number(&wire::fields(bytes), 1)));
    let samples = parts(&profile, 2).into_iter().map(|bytes| {
        let sample = wire::fields(bytes);
        let of_location = |id| {
            let location = wire::fields(locations[&id]);
            let lines = parts(&location, 4).into_iter();
            let ids: Vec<_> = lines.map(|line| number(&wire::fields(line), 1)).collect();
            ids.into_iter().map(|id| text(number(&wire::fields(functions[&id]), 2)))
        };
        let names = packed(parts(&sample, 1)[0]).into_iter().flat_map(of_location).collect();
        (names, packed(parts(&sample, 2)[0]))
    });
    (types.collect(), samples.collect())
}

#[test]
fn what_is_written_is_what_the_format_says() {
    let profile = Profile::new(Global).with_mean_bytes(0);
    let kept: Vec<_> = (0..std::hint::black_box(3)).map(|_| allocate_small(&profile)).collect();
    let gone = allocate_medium(&profile);
    // SAFETY: allocated right above.
    unsafe { profile.deallocate(gone, layout(3000)) };
    let mut file = Vec::new();
    profile.write(&mut file).expect("it is a list of bytes");
    let (types, samples) = decoded(&file);
    assert_eq!(types, ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"]);
    assert_eq!(samples.len(), 2, "{samples:#?}");
    for (name, values) in
        [("allocate_small", [3, 144, 3, 144]), ("allocate_medium", [1, 3000, 0, 0])]
    {
        let sample = samples.iter().find(|(names, _)| names.iter().any(|it| it.contains(name)));
        let (names, found) = sample.unwrap_or_else(|| panic!("{name}: {samples:#?}"));
        assert_eq!(found[..], values);
        // The watcher's own functions are left out.
        assert!(names[0].contains(name), "{name}: {names:#?}");
    }
    // Without names: the same samples, and nothing that would keep pprof from looking for the names.
    let mut file = Vec::new();
    profile.write_addresses(&mut file).expect("it is a list of bytes");
    let (types, samples) = decoded(&file);
    assert_eq!(types.len(), 4);
    let mut values: Vec<_> = samples.iter().map(|(_, values)| values[..].to_vec()).collect();
    values.sort();
    assert_eq!(values, [[1, 3000, 0, 0], [3, 144, 3, 144]]);
    assert!(samples.iter().all(|(names, _)| names.is_empty()), "{samples:#?}");
    let bytes = unpacked(&file);
    let whole = wire::fields(&bytes);
    let mappings: Vec<_> = parts(&whole, 3).into_iter().map(wire::fields).collect();
    let locations: Vec<_> = parts(&whole, 4).into_iter().map(wire::fields).collect();
    assert!(locations.len() >= 4);
    for location in locations {
        let (mapping, address) = (number(&location, 2), number(&location, 3));
        let mapping = mappings.iter().find(|it| number(it, 1) == mapping).expect("it is mapped");
        assert!((number(mapping, 2)..number(mapping, 3)).contains(&address));
        assert_eq!(number(mapping, 7), 0, "it has functions");
    }
    for ptr in kept {
        // SAFETY: allocated above, and freed once.
        unsafe { profile.deallocate(ptr, layout(48)) };
    }
}
