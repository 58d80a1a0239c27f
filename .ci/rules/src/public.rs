//! Public dependencies: the crates whose types and traits stand in a library's public API.
//!
//! Above: `.ci/packages`, step `api`. Below: rustdoc's JSON of each library, items that are hidden included, for macros
//! name those; the table in CONTRIBUTING.md, which says what is meant. Not here: private fields, bodies, documentation,
//! and what the compiler or a blanket impl elsewhere adds to each type.

use crate::workspace::{Package, Workspace};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What begins the table.
const HEAD: &str = "| crate | public dependency | where |";
/// What every program has.
const STANDARD: [&str; 4] = ["core", "alloc", "std", "proc_macro"];

/// A crate, by its name in code, and the first place that names it.
type Named = BTreeMap<String, String>;

/// Compares what the JSON in `folder` names with the table; returns what is named, then what is wrong.
pub fn check(workspace: &Workspace, folder: &Path) -> Result<(Vec<String>, Vec<String>), String> {
    let meant = table(&workspace.contributing)?;
    let (mut lines, mut offences) = (Vec::new(), Vec::new());
    for package in workspace.packages.iter().filter(|package| package.published.is_some()) {
        let path = folder.join(in_code(&package.name)).with_extension("json");
        let text = fs::read_to_string(&path).map_err(|why| format!("{}: {why}", path.display()))?;
        let named = named(&serde_json::from_str(&text).map_err(|why| why.to_string())?)?;
        lines.extend(named.iter().map(|(name, at)| format!("{} {name} {at}", package.name)));
        offences.extend(compare(package, &named, &meant));
    }
    Ok((lines, offences))
}

fn compare(package: &Package, named: &Named, meant: &[(String, String)]) -> Vec<String> {
    let ours: Vec<_> =
        meant.iter().filter(|row| row.0 == package.name).map(|row| in_code(&row.1)).collect();
    let unmeant = named.iter().filter(|(name, _)| !ours.contains(name)).map(|(name, at)| {
        format!(
            "{at}: {name} is in the public API of {}, and not in CONTRIBUTING's table",
            package.name
        )
    });
    let unnamed = ours.iter().filter(|name| !named.contains_key(*name)).map(|name| {
        format!(
            "CONTRIBUTING.md: {name} stands in the table, and not in the public API of {}",
            package.name
        )
    });
    unmeant.chain(unnamed).collect()
}

/// The rows of the table: a crate, and a public dependency of it. A cell may hold several, each in backticks.
fn table(page: &str) -> Result<Vec<(String, String)>, String> {
    let (_, table) =
        page.split_once(HEAD).ok_or("CONTRIBUTING.md has no table of public dependencies")?;
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let mut all = Vec::new();
    for row in rows {
        let mut cells = row.split('|').skip(1).map(quoted);
        let (crates, dependencies) =
            (cells.next().unwrap_or_default(), cells.next().unwrap_or_default());
        for name in &crates {
            all.extend(dependencies.iter().map(|dependency| (name.clone(), dependency.clone())));
        }
    }
    Ok(all)
}

fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The other crates that a public item names.
fn named(json: &Value) -> Result<Named, String> {
    let items = json["index"].as_object().ok_or("this is not rustdoc's JSON")?;
    let mut all = Named::new();
    for item in items.values().filter(|item| is_own(item)) {
        let mut ids = Vec::new();
        collect_ids(&item["inner"], &mut ids);
        for id in ids {
            let Some(number) = json["paths"][id.to_string()]["crate_id"].as_u64() else { continue };
            let name = json["external_crates"][number.to_string()]["name"].as_str().unwrap_or("");
            if number != 0 && !STANDARD.contains(&name) {
                let at = place(item);
                let first = all.entry(name.to_owned()).or_insert_with(|| at.clone());
                // The items stand in no order.
                if at < *first {
                    *first = at;
                }
            }
        }
    }
    Ok(all)
}

/// Whether this library wrote an item, for all to see.
fn is_own(item: &Value) -> bool {
    let block = &item["inner"]["impl"];
    let is_added = block["is_synthetic"] == true || !block["blanket_impl"].is_null();
    let is_seen = item["visibility"] == "public" || item["visibility"] == "default";
    item["crate_id"] == 0 && is_seen && !is_added
}

/// The numbers of all items that a type, a bound, a signature or a `use` refers to.
fn collect_ids(inner: &Value, ids: &mut Vec<u64>) {
    match inner {
        Value::Object(fields) => {
            ids.extend(fields.get("id").and_then(Value::as_u64));
            fields.values().for_each(|value| collect_ids(value, ids));
        }
        Value::Array(values) => values.iter().for_each(|value| collect_ids(value, ids)),
        _ => {}
    }
}

fn place(item: &Value) -> String {
    let (file, line) = (&item["span"]["filename"], &item["span"]["begin"][0]);
    format!("{}:{line}", file.as_str().unwrap_or("?"))
}

/// A crate's name as code writes it.
fn in_code(name: &str) -> String {
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const PAGE: &str = "Text.\n\n| crate | public dependency | where |\n|---|---|---|\n\
        | `rc-cycle`, `pool` | `alloc-core` | the `Layer` below |\n| `rc-cycle` | `serde` | |\n\n| `not` | `this` | |\n";

    fn named_by(inner: Value, visibility: &str) -> Vec<String> {
        let item = json!({ "crate_id": 0, "visibility": visibility, "span": null, "inner": inner });
        let json = json!({
            "index": { "1": item },
            "paths": { "7": { "crate_id": 3 }, "8": { "crate_id": 2 }, "9": { "crate_id": 0 } },
            "external_crates": { "2": { "name": "core" }, "3": { "name": "libc" } },
        });
        named(&json).expect("it is rustdoc's JSON").into_keys().collect()
    }

    #[test]
    fn another_crates_type_is_found_wherever_it_stands() {
        let path =
            |id: u64| json!({ "resolved_path": { "path": "siginfo_t", "id": id, "args": null } });
        let of = |id| json!({ "function": { "sig": { "inputs": [["info", { "raw_pointer": path(id) }]] } } });
        assert_eq!(named_by(of(7), "public"), ["libc"]);
        assert_eq!(named_by(of(8), "public"), [""; 0], "the standard library is no dependency");
        assert_eq!(named_by(of(9), "public"), [""; 0], "nor is a crate its own");
        assert_eq!(named_by(json!({ "use": { "id": 7 } }), "public"), ["libc"]);
        assert_eq!(named_by(of(7), "crate"), [""; 0]);
    }

    #[test]
    fn what_others_add_to_a_type_is_not_its_own() {
        let of = |synthetic: bool, blanket: Value| json!({ "impl": { "trait": { "id": 7 }, "is_synthetic": synthetic, "blanket_impl": blanket } });
        assert_eq!(named_by(of(false, Value::Null), "default"), ["libc"]);
        assert_eq!(named_by(of(true, Value::Null), "default"), [""; 0]);
        assert_eq!(named_by(of(false, json!({ "generic": "T" })), "default"), [""; 0]);
    }

    #[test]
    fn the_table_is_read_to_its_end() {
        let rows = table(PAGE).expect("a table");
        let rows: Vec<_> = rows.iter().map(|row| (row.0.as_str(), row.1.as_str())).collect();
        assert_eq!(
            rows,
            [("rc-cycle", "alloc-core"), ("pool", "alloc-core"), ("rc-cycle", "serde")]
        );
        assert!(table("No table.").is_err());
    }

    #[test]
    fn what_is_not_meant_is_caught_and_what_is_no_more() {
        let package = Package { name: "rc-cycle".into(), ..Package::default() };
        let meant = table(PAGE).expect("a table");
        let names = |all: &[&str]| all.iter().map(|n| (n.to_string(), "a.rs:1".into())).collect();
        assert_eq!(compare(&package, &names(&["alloc_core", "serde"]), &meant), [""; 0]);
        let offences = compare(&package, &names(&["alloc_core", "libc"]), &meant);
        assert_eq!(offences.len(), 2);
        assert!(offences[0].starts_with("a.rs:1: libc is") && offences[1].contains("serde stands"));
    }
}
