//! A heap dump in the format of V8's heap snapshots, which Chrome's DevTools open (Memory, Load profile).
//!
//! Above: the user, through [`View::dump`]. Below: `walk.rs`, which finds and numbers the objects. The text
//! is written as it is made: three passes over the objects, for nodes, pointers and names.
//!
//! A snapshot is one JSON value: rows of numbers, whose columns `meta` names, and a table of strings.
//! Node 0 stands for the roots. Pointers have numbers for names: their place among the object's pointers.

use super::walk::{Each, Found, Walk};
use super::{Collector, Object, View};
use core::fmt::Write as _;
use std::collections::HashMap;
use std::io::{self, BufWriter, Write};
use std::string::String;
use std::vec::Vec;

/// The format's own description of its rows.
const META: &str = r#"{"node_fields":["type","name","id","self_size","edge_count","trace_node_id","detachedness"],"node_types":[["hidden","array","string","object","code","closure","regexp","number","native","synthetic","concatenated string","sliced string","symbol","bigint","object shape"],"string","number","number","number","number","number"],"edge_fields":["type","name_or_index","to_node"],"edge_types":[["context","element","property","internal","hidden","shortcut","weak"],"string_or_number","node"],"trace_function_info_fields":["function_id","name","script_name","script_id","line","column"],"trace_node_fields":["id","function_info_index","count","size","children"],"sample_fields":["timestamp_us","last_assigned_id"],"location_fields":["object_index","script_id","line","column"]}"#;

const NODE_FIELDS: usize = 7;
const ELEMENT: usize = 1;

/// Places in `node_types`.
const ARRAY: usize = 1;
const STRING: usize = 2;
const OBJECT: usize = 3;
const SYNTHETIC: usize = 9;

/// What [`View::dump`] wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dumped {
    /// Objects.
    pub objects: usize,
    /// Pointers, those of the roots included.
    pub pointers: usize,
    /// Bytes of the objects' slots.
    pub bytes: usize,
}

impl<C: Collector> View<'_, C> {
    /// Writes every object that can be reached, and every pointer, as a `.heapsnapshot`, which Chrome's
    /// DevTools open. Contents are not written, only types, sizes and pointers.
    ///
    /// Takes time and memory linear in the objects; the text is not kept in memory.
    ///
    /// # Errors
    ///
    /// Those of `to`.
    ///
    /// ```
    /// # #[cfg(feature = "conformance")] {
    /// use alloc_core::gc::{Gc, Heap, Reference};
    /// use alloc_core::Rootable;
    ///
    /// Rootable!(type Root<'gc> = Gc<'gc, str>);
    /// let mut heap = Heap::<_, Root>::new(Reference::default(), |mc| Gc::str(mc, "Ada"));
    /// let mut text = Vec::new(); // or a file
    /// let dumped = heap.inspect(|view| view.dump(&mut text))?;
    /// assert_eq!((dumped.objects, dumped.pointers), (1, 1));
    /// # }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn dump(&self, to: impl Write) -> io::Result<Dumped> {
        let walk = self.walk(|_| false);
        let mut dump = Dump {
            view: self,
            walk: &walk,
            to: BufWriter::new(to),
            names: Names::default(),
            dumped: Dumped { objects: walk.found.len(), pointers: 0, bytes: 0 },
        };
        dump.write()?;
        dump.to.flush()?;
        Ok(dump.dumped)
    }
}

/// Strings, each once.
#[derive(Default)]
struct Names {
    places: HashMap<&'static str, usize>,
    names: Vec<&'static str>,
}

impl Names {
    fn place(&mut self, name: &'static str) -> usize {
        *self.places.entry(name).or_insert_with(|| {
            self.names.push(name);
            self.names.len() - 1
        })
    }
}

struct Dump<'d, 'v, C: Collector, W: Write> {
    view: &'d View<'v, C>,
    walk: &'d Walk,
    to: BufWriter<W>,
    names: Names,
    dumped: Dumped,
}

impl<C: Collector, W: Write> Dump<'_, '_, C, W> {
    fn write(&mut self) -> io::Result<()> {
        let counts = self.count();
        self.dumped.pointers = counts.iter().sum();
        let (nodes, edges) = (self.dumped.objects + 1, self.dumped.pointers);
        write!(
            self.to,
            "{{\"snapshot\":{{\"meta\":{META},\"node_count\":{nodes},\"edge_count\":{edges},\"trace_function_count\":0}},\n\"nodes\":["
        )?;
        self.node(0, SYNTHETIC, "(roots)", 0, counts[0])?;
        for (place, Found { object, .. }) in self.walk.found.iter().enumerate() {
            let (name, size_bytes) = self.view.kind(*object);
            self.dumped.bytes += size_bytes;
            self.node(place + 1, kind(name), name, size_bytes, counts[place + 1])?;
        }
        write!(self.to, "],\n\"edges\":[")?;
        self.edges()?;
        write!(
            self.to,
            "],\n\"trace_function_infos\":[],\"trace_tree\":[],\"samples\":[],\"locations\":[],\n\"strings\":["
        )?;
        for (place, name) in self.names.names.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(self.to, "{comma}\n{}", quoted(name))?;
        }
        writeln!(self.to, "]}}")
    }

    /// How many pointers the roots have, and each object.
    fn count(&self) -> Vec<usize> {
        let mut counts = Vec::with_capacity(self.walk.found.len() + 1);
        let mut count = 0;
        self.view.visit_roots(&mut Each(|_| count += 1));
        counts.push(count);
        for Found { object, .. } in &self.walk.found {
            let mut count = 0;
            self.view.pointers(*object, &mut |_| count += 1);
            counts.push(count);
        }
        counts
    }

    fn node(
        &mut self,
        place: usize,
        kind: usize,
        name: &'static str,
        size_bytes: usize,
        edges: usize,
    ) -> io::Result<()> {
        let comma = if place == 0 { "" } else { ",\n" };
        let (name, id) = (self.names.place(name), 2 * place + 1);
        write!(self.to, "{comma}{kind},{name},{id},{size_bytes},{edges},0,0")
    }

    fn edges(&mut self) -> io::Result<()> {
        let mut is_first = true;
        let mut targets = Vec::new();
        self.view.visit_roots(&mut Each(|to| targets.push(to)));
        let mut of = self.walk.found.iter();
        loop {
            for (index, target) in targets.iter().enumerate() {
                self.edge(index, *target, is_first)?;
                is_first = false;
            }
            let Some(Found { object, .. }) = of.next() else { return Ok(()) };
            targets.clear();
            self.view.pointers(*object, &mut |to| targets.push(to));
        }
    }

    fn edge(&mut self, index: usize, target: Object, is_first: bool) -> io::Result<()> {
        let comma = if is_first { "" } else { ",\n" };
        // Every target was found: the walk saw the same pointers.
        let node = self.walk.place(target).map_or(0, |place| (place + 1) * NODE_FIELDS);
        write!(self.to, "{comma}{ELEMENT},{index},{node}")
    }
}

/// How DevTools show a type.
fn kind(name: &str) -> usize {
    match name {
        "str" => STRING,
        _ if name.starts_with('[') => ARRAY,
        _ => OBJECT,
    }
}

/// A string of JSON.
fn quoted(name: &str) -> String {
    let mut quoted = String::from("\"");
    for character in name.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            ' '.. => quoted.push(character),
            // Writing to a string does not fail.
            _ => _ = write!(quoted, "\\u{:04x}", u32::from(character)),
        }
    }
    quoted.push('"');
    quoted
}
