//! Rule `features`: every library crate has `loom`, has no `std` without asking, and is linted.

use super::Offence;
use crate::workspace::{Package, Workspace};

pub fn check(workspace: &Workspace) -> Vec<Offence> {
    workspace
        .packages
        .iter()
        .flat_map(|package| {
            let manifest = format!("{}/Cargo.toml", package.folder);
            let root = format!("{}/src/lib.rs", package.folder);
            let root = workspace.files.iter().find(|file| file.path == root);
            let has_no_std =
                root.is_some_and(|file| file.lines.iter().any(|line| line.code.contains("no_std")));
            of_package(package, has_no_std)
                .into_iter()
                .map(move |what| Offence::new(&manifest, 0, "features", what))
        })
        .collect()
}

fn of_package(package: &Package, has_no_std: bool) -> Vec<&'static str> {
    let mut offences = Vec::new();
    if !package.lints {
        offences.push("the workspace's lints are not taken over");
    }
    // A derive macro runs inside the compiler.
    if !package.is_library() || package.name.ends_with("-derive") {
        return offences;
    }
    let shim = if package.name == "alloc-core" { "dep:loom" } else { "alloc-core/loom" };
    if !package.feature("loom").is_some_and(|of| of.iter().any(|feature| feature == shim)) {
        offences.push("there is no feature `loom` that reaches the shim");
    }
    if package.feature("std").is_none() {
        offences.push("there is no feature `std`");
    }
    if !has_no_std {
        offences.push("lib.rs is not `no_std` without the feature `std`");
    }
    offences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_with_nothing_is_caught_four_times() {
        let package =
            Package { name: "rc-cycle".into(), folder: "rc-cycle".into(), ..Package::default() };
        assert_eq!(of_package(&package, false).len(), 4);
    }

    #[test]
    fn a_loom_feature_that_does_not_reach_the_shim_is_caught() {
        let features = vec![("std".into(), vec![]), ("loom".into(), vec!["dep:loom".into()])];
        let name = "rc-cycle".to_owned();
        let package = Package { name, lints: true, features, ..Package::default() };
        assert_eq!(
            of_package(&package, true),
            ["there is no feature `loom` that reaches the shim"]
        );
    }
}
