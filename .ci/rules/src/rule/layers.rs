//! Rule `layers`: a layer knows only what lies below it.
//!
//! Here is the blueprint's graph. What tests and examples depend on is free.

use super::Offence;
use crate::workspace::{Package, Workspace};

/// Each library crate, and the crates of this workspace that it may depend on.
const MAY_USE: &[(&str, &[&str])] = &[
    ("alloc-core", &["alloc-core-derive"]),
    ("alloc-core-derive", &[]),
    ("alloc-arena", &["alloc-core"]),
    ("alloc-sizeclass", &["alloc-core"]),
    ("pool-prealloc", &["alloc-core"]),
    ("gc-marksweep", &["alloc-core", "alloc-sizeclass"]),
    ("gc-generational", &["alloc-core", "gc-marksweep"]),
    ("rc-cycle", &["alloc-core"]),
];

pub fn check(workspace: &Workspace) -> Vec<Offence> {
    let libraries = workspace.packages.iter().filter(|package| package.is_library());
    libraries.flat_map(|package| of_package(package, workspace)).collect()
}

fn of_package(package: &Package, workspace: &Workspace) -> Vec<Offence> {
    let manifest = format!("{}/Cargo.toml", package.folder);
    let offence = |what: String| Offence::new(&manifest, 0, "layers", what);
    let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == package.name) else {
        return vec![offence(format!("{} has no place in the graph of layers", package.name))];
    };
    let ours = |name: &str| workspace.packages.iter().any(|package| package.name == name);
    package
        .dependencies
        .iter()
        .filter(|d| !d.dev && ours(&d.name) && !allowed.contains(&d.name.as_str()))
        .map(|d| offence(format!("{} must not know {}", package.name, d.name)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    fn package(name: &str, dependencies: &[(&str, bool)]) -> Package {
        let dependencies = dependencies.iter();
        Package {
            name: name.into(),
            folder: name.into(),
            dependencies: dependencies
                .map(|(name, dev)| Dependency { name: (*name).into(), dev: *dev })
                .collect(),
            ..Package::default()
        }
    }

    fn offences(packages: Vec<Package>) -> Vec<String> {
        let workspace = Workspace { packages, ..Workspace::default() };
        check(&workspace).into_iter().map(|offence| offence.what).collect()
    }

    #[test]
    fn an_edge_between_neighbours_is_caught() {
        let packages = vec![
            package("alloc-core", &[]),
            package("alloc-arena", &[("alloc-core", false), ("libc", false)]),
            package("alloc-sizeclass", &[("alloc-core", false), ("alloc-arena", false)]),
        ];
        assert_eq!(offences(packages), ["alloc-sizeclass must not know alloc-arena"]);
    }

    #[test]
    fn an_edge_upwards_is_caught_but_not_for_tests() {
        let packages = vec![
            package("alloc-core", &[("alloc-arena", false), ("alloc-sizeclass", true)]),
            package("alloc-arena", &[]),
            package("alloc-sizeclass", &[]),
        ];
        assert_eq!(offences(packages), ["alloc-core must not know alloc-arena"]);
    }

    #[test]
    fn a_crate_without_a_place_is_caught() {
        let found = offences(vec![package("alloc-new", &[])]);
        assert_eq!(found, ["alloc-new has no place in the graph of layers"]);
    }
}
