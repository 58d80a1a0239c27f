//! A snapshot in pprof's format.
//!
//! Above: `Profile::write`. Below: `message.rs`, and flate2, which compresses. Names come from `calls.rs`.

use super::maps::{Mapped, mapped};
use super::message::{Function, Line, Location, Mapping, Profile, Sample, ValueType};
use super::snapshot::{self, Snapshot};
use crate::watch::calls::{Place, places};
use flate2::Compression;
use flate2::write::GzEncoder;
use prost::Message;
use std::collections::HashMap;
use std::io::{self, Write};
use std::time::SystemTime;

/// Frames below a call of these are the allocator's, and of no use to a reader.
const DROPPED: &str = "<?alloc::(alloc|raw_vec)::.*|(__rustc::)?__rust_(alloc|alloc_zeroed|realloc)|\
    malloc|calloc|realloc|reallocarray|aligned_alloc|posix_memalign|memalign|valloc|pvalloc|operator new.*|_Zn[aw].*";

/// Whether addresses have their names beside them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Names {
    #[default]
    Looked,
    Left,
}

/// Writes the profile.
pub(super) fn write(snapshot: &Snapshot, names: Names, out: &mut impl Write) -> io::Result<()> {
    let bytes = profile(snapshot, names).encode_to_vec();
    let mut packed = GzEncoder::new(out, Compression::fast());
    packed.write_all(&bytes)?;
    packed.finish()?.flush()
}

/// A profile in the making: what has numbers in it.
#[derive(Default)]
struct Making {
    profile: Profile,
    texts: HashMap<String, i64>,
    functions: HashMap<Place, u64>,
    /// None for what is within a watcher.
    locations: HashMap<usize, Option<u64>>,
    mapped: Vec<Mapped>,
    names: Names,
}

fn profile(snapshot: &Snapshot, names: Names) -> Profile {
    let mut making = Making { mapped: mapped(), names, ..Making::default() };
    // The first string has to be empty.
    making.text("");
    let (count, bytes) = ("count", "bytes");
    for (name, unit) in [
        ("alloc_objects", count),
        ("alloc_space", bytes),
        ("inuse_objects", count),
        ("inuse_space", bytes),
    ] {
        let kind = making.value_type(name, unit);
        making.profile.sample_type.push(kind);
    }
    making.profile.default_sample_type = making.text("inuse_space");
    making.profile.period_type = Some(making.value_type("space", bytes));
    making.profile.period = i64::try_from(snapshot.mean_bytes()).unwrap_or(i64::MAX);
    making.profile.drop_frames = making.text(DROPPED);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    making.profile.time_nanos = i64::try_from(now.as_nanos()).unwrap_or(0);
    making.add_mappings();
    for sample in snapshot.samples() {
        making.add(&sample);
    }
    making.profile
}

impl Making {
    fn text(&mut self, text: &str) -> i64 {
        if let Some(number) = self.texts.get(text) {
            return *number;
        }
        let number = self.profile.string_table.len() as i64;
        self.profile.string_table.push(text.to_owned());
        self.texts.insert(text.to_owned(), number);
        number
    }

    fn value_type(&mut self, name: &str, unit: &str) -> ValueType {
        ValueType { r#type: self.text(name), unit: self.text(unit) }
    }

    fn add_mappings(&mut self) {
        for at in 0..self.mapped.len() {
            let Mapped { start, end, offset_bytes, file } = self.mapped[at].clone();
            let filename = self.text(&file);
            self.profile.mapping.push(Mapping {
                id: at as u64 + 1,
                memory_start: start,
                memory_limit: end,
                file_offset: offset_bytes,
                filename,
                // Until an address without a name is met.
                has_functions: true,
                has_filenames: true,
                has_line_numbers: true,
                has_inline_frames: true,
            });
        }
    }

    fn add(&mut self, sample: &snapshot::Sample<'_>) {
        let location_id =
            sample.calls.iter().filter_map(|address| self.location(*address)).collect();
        let (allocated, in_use) = (sample.allocated, sample.in_use);
        let value = [allocated.objects, allocated.bytes, in_use.objects, in_use.bytes];
        let value = value.map(|figure| figure.round() as i64).to_vec();
        self.profile.sample.push(Sample { location_id, value });
    }

    fn location(&mut self, address: usize) -> Option<u64> {
        if let Some(id) = self.locations.get(&address) {
            return *id;
        }
        let places = match self.names {
            Names::Looked => places(address),
            Names::Left => Some(Vec::new()),
        };
        let Some(places) = places else {
            self.locations.insert(address, None);
            return None;
        };
        let id = self.profile.location.len() as u64 + 1;
        let line: Vec<Line> = places.into_iter().map(|place| self.line(place)).collect();
        let at = address as u64;
        let mapping =
            self.mapped.iter().position(|mapped| (mapped.start..mapped.end).contains(&at));
        if let (Some(mapping), true) = (mapping, line.is_empty()) {
            let mapping = &mut self.profile.mapping[mapping];
            // `go tool pprof` looks for names only where a mapping says that it has none.
            mapping.has_functions = false;
            mapping.has_filenames = false;
            mapping.has_line_numbers = false;
            mapping.has_inline_frames = false;
        }
        let mapping_id = mapping.map_or(0, |mapping| mapping as u64 + 1);
        self.profile.location.push(Location { id, mapping_id, address: at, line });
        self.locations.insert(address, Some(id));
        Some(id)
    }

    fn line(&mut self, place: Place) -> Line {
        let line = i64::from(place.line);
        // One function for all of its lines.
        let function = Place { line: 0, ..place };
        if let Some(id) = self.functions.get(&function) {
            return Line { function_id: *id, line };
        }
        let id = self.profile.function.len() as u64 + 1;
        let (name, filename) = (self.text(&function.function), self.text(&function.file));
        // Where the two differ, pprof takes the name as it is.
        let system_name = self.text(&function.symbol);
        self.profile.function.push(Function { id, name, system_name, filename });
        self.functions.insert(function, id);
        Line { function_id: id, line }
    }
}
