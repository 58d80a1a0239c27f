//! Rule `published`: a package that others get says what it is, where its documentation is, and under which licence.

use super::Offence;
use crate::workspace::{Package, Workspace};

/// What cargo's index takes at most.
const MOST_KEYWORDS: usize = 5;

pub fn check(workspace: &Workspace) -> Vec<Offence> {
    let published = || workspace.packages.iter().filter(|package| package.published.is_some());
    let offences = |package: &Package| {
        let manifest = format!("{}/Cargo.toml", package.folder);
        of_package(package)
            .into_iter()
            .map(move |what| Offence::new(&manifest, 0, "published", what))
            .collect::<Vec<_>>()
    };
    published().flat_map(offences).collect()
}

fn of_package(package: &Package) -> Vec<String> {
    let Some(published) = &package.published else { return Vec::new() };
    let mut offences = Vec::new();
    for (name, text) in [
        ("description", &published.description),
        ("repository", &published.repository),
        ("readme", &published.readme),
        ("license", &published.license),
        ("rust-version", &published.rust_version),
    ] {
        if text.is_empty() {
            offences.push(format!("there is no `{name}`"));
        }
    }
    if published.documentation != format!("https://docs.rs/{}", package.name) {
        offences.push("`documentation` is not the crate's page".into());
    }
    if published.keywords == 0 || published.keywords > MOST_KEYWORDS {
        offences.push(format!("there are {} keywords", published.keywords));
    }
    if published.categories == 0 {
        offences.push("there is no category".into());
    }
    if !published.documents_all {
        offences.push("docs.rs is not asked for all features, with `--cfg docsrs`".into());
    }
    for name in &published.missing_files {
        offences.push(format!("there is no {name}, so the package would have none"));
    }
    for name in &published.without_version {
        offences.push(format!("`{name}` has a path, and no version"));
    }
    offences
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Published;

    fn whole() -> Package {
        let published = Published {
            description: "Words".into(),
            repository: "https://example.org".into(),
            documentation: "https://docs.rs/rc-cycle".into(),
            readme: "README.md".into(),
            license: "MIT".into(),
            rust_version: "1.88".into(),
            keywords: 5,
            categories: 1,
            documents_all: true,
            ..Published::default()
        };
        Package { name: "rc-cycle".into(), published: Some(published), ..Package::default() }
    }

    #[test]
    fn a_package_with_everything_passes() {
        assert_eq!(of_package(&whole()), [""; 0]);
    }

    #[test]
    fn a_package_with_nothing_is_caught_for_each() {
        let published = Some(Published {
            missing_files: vec!["LICENSE-MIT"],
            without_version: vec!["alloc-core".into()],
            ..Published::default()
        });
        let package = Package { published, ..Package::default() };
        assert_eq!(of_package(&package).len(), 11);
    }

    #[test]
    fn too_many_keywords_are_caught() {
        let mut package = whole();
        package.published.as_mut().expect("one that is published").keywords = 6;
        assert_eq!(of_package(&package), ["there are 6 keywords"]);
    }

    #[test]
    fn a_package_that_is_not_published_passes() {
        assert_eq!(of_package(&Package::default()), [""; 0]);
    }
}
