//! What there is to check: the workspace's packages by Cargo's metadata, and all their files.
//!
//! Above: the rules. Below: `cargo metadata`, the file system, `source.rs`.

use crate::source::Source;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The packages and files that the rules are about.
#[derive(Default)]
pub struct Workspace {
    pub packages: Vec<Package>,
    pub files: Vec<Source>,
    /// The text of ARCHITECTURE.md.
    pub architecture: String,
    /// The text of CONTRIBUTING.md.
    pub contributing: String,
}

/// A member of the workspace.
#[derive(Default)]
pub struct Package {
    pub name: String,
    /// Its folder, from the top of the repository.
    pub folder: String,
    pub dependencies: Vec<Dependency>,
    pub features: Vec<(String, Vec<String>)>,
    pub targets: Vec<Target>,
    /// Whether its manifest takes the workspace's lints.
    pub lints: bool,
    /// The text of its README.
    pub page: String,
    /// What others read of it, if it may be published.
    pub published: Option<Published>,
}

/// What a package says of itself; empty where it says nothing.
#[derive(Default)]
pub struct Published {
    pub description: String,
    pub repository: String,
    pub documentation: String,
    pub readme: String,
    pub license: String,
    pub rust_version: String,
    pub keywords: usize,
    pub categories: usize,
    /// Whether docs.rs shows all features, and what each item needs.
    pub documents_all: bool,
    /// Licences that are not in its folder.
    pub missing_files: Vec<&'static str>,
    /// Dependencies that would not be found outside of this repository.
    pub without_version: Vec<String>,
}

pub struct Dependency {
    pub name: String,
    /// For its tests, examples and benches only.
    pub dev: bool,
}

pub struct Target {
    pub name: String,
    pub kind: Kind,
    pub features: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Example,
    Test,
    Other,
}

impl Workspace {
    /// Loads the workspace that the current folder belongs to.
    pub fn load() -> Result<Self, String> {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .output()
            .map_err(|why| format!("cargo metadata: {why}"))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let json: Value = serde_json::from_slice(&output.stdout).map_err(|why| why.to_string())?;
        let root = PathBuf::from(text(&json["workspace_root"]));
        let packages: Vec<_> = list(&json["packages"]).map(|json| package(&root, json)).collect();
        let mut paths = Vec::new();
        for folder in packages.iter().map(|p| p.folder.as_str()).chain([".ci", "fuzz"]) {
            walk(&root.join(folder), &mut paths);
        }
        paths.sort();
        paths.dedup();
        let mut files = Vec::new();
        for path in paths {
            let text = fs::read_to_string(&path).map_err(|why| format!("{path:?}: {why}"))?;
            let short = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
            files.push(Source::new(&short, &text));
        }
        let page = |name: &str| {
            let document = root.join(name);
            fs::read_to_string(&document).map_err(|why| format!("{document:?}: {why}"))
        };
        let (architecture, contributing) = (page("ARCHITECTURE.md")?, page("CONTRIBUTING.md")?);
        Ok(Self { packages, files, architecture, contributing })
    }

    /// The files of the library crates' own code: `src` of every package but the benches.
    pub fn library(&self) -> impl Iterator<Item = &Source> {
        let libraries = || self.packages.iter().filter(|package| package.is_library());
        self.files.iter().filter(move |file| {
            libraries().any(|package| file.path.starts_with(&format!("{}/src/", package.folder)))
        })
    }
}

impl Package {
    /// Whether users depend on it: it is no part of the benches, no example, and no test.
    pub fn is_library(&self) -> bool {
        let is_within = |folder| self.folder.contains(folder);
        !self.folder.starts_with("benches") && !is_within("/examples/") && !is_within("/tests/")
    }

    pub fn feature(&self, name: &str) -> Option<&[String]> {
        self.features.iter().find(|(n, _)| n == name).map(|(_, of)| of.as_slice())
    }
}

fn package(root: &Path, json: &Value) -> Package {
    let manifest = PathBuf::from(text(&json["manifest_path"]));
    let folder = manifest.parent().and_then(|folder| folder.strip_prefix(root).ok());
    let lints = fs::read_to_string(&manifest).is_ok_and(|toml| takes_lints(&toml));
    let page = fs::read_to_string(manifest.with_file_name("README.md")).unwrap_or_default();
    Package {
        name: text(&json["name"]),
        folder: folder.map(|folder| folder.display().to_string()).unwrap_or_default(),
        dependencies: list(&json["dependencies"])
            .map(|d| Dependency { name: text(&d["name"]), dev: d["kind"] == "dev" })
            .collect(),
        features: json["features"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, of)| (name.clone(), list(of).map(text).collect()))
            .collect(),
        targets: list(&json["targets"]).map(target).collect(),
        lints,
        page,
        // Absent means anywhere, an empty list nowhere.
        published: (json["publish"] != Value::Array(Vec::new()))
            .then(|| published(json, manifest.parent().unwrap_or(root))),
    }
}

fn published(json: &Value, folder: &Path) -> Published {
    let docs = &json["metadata"]["docs"]["rs"];
    let shows_needs = list(&docs["rustdoc-args"]).any(|word| word == "docsrs");
    // A dependency of tests alone may have a path only: it is left out.
    let is_loose = |d: &&Value| d["path"].is_string() && d["req"] == "*" && d["kind"] != "dev";
    Published {
        description: text(&json["description"]),
        repository: text(&json["repository"]),
        documentation: text(&json["documentation"]),
        readme: text(&json["readme"]),
        license: text(&json["license"]),
        rust_version: text(&json["rust_version"]),
        keywords: list(&json["keywords"]).count(),
        categories: list(&json["categories"]).count(),
        documents_all: docs["all-features"] == true && shows_needs,
        missing_files: ["LICENSE-MIT", "LICENSE-APACHE"]
            .into_iter()
            .filter(|name| !folder.join(name).is_file())
            .collect(),
        without_version: list(&json["dependencies"])
            .filter(is_loose)
            .map(|d| text(&d["name"]))
            .collect(),
    }
}

fn target(json: &Value) -> Target {
    let kind = match json["kind"][0].as_str() {
        Some("example") => Kind::Example,
        Some("test") => Kind::Test,
        _ => Kind::Other,
    };
    let features = list(&json["required-features"]).map(text).collect();
    Target { name: text(&json["name"]), kind, features }
}

fn takes_lints(toml: &str) -> bool {
    toml.split("\n[lints]").nth(1).is_some_and(|rest| rest.trim_start().starts_with("workspace"))
}

fn list(json: &Value) -> impl Iterator<Item = &Value> {
    json.as_array().into_iter().flatten()
}

fn text(json: &Value) -> String {
    json.as_str().unwrap_or_default().to_owned()
}

/// All Rust files under `folder`, but those that were built.
fn walk(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() && name != "target" && name != "corpus" {
            walk(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}
