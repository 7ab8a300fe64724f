//! Who may depend on whom: only as drawn.

use super::Finding;
use super::map::{self, Map};
use super::rust::{Source, mentions};
use crate::cargo::{Dependency, Package};

/// Any room's tests may use it.
const TESTKIT: &str = "testkit";

/// The feature by which tests cut the power.
const POWER_CUT: &str = "power-cut";

/// The room that is pure, and what it must not see.
const PURE: &str = "crates/model";
const IMPURE_CRATES: [&str; 2] = ["tokio", "sqlx"];
const IMPURE_WORDS: [&str; 4] = ["std::fs", "std::net", "SystemTime", "Instant"];

/// Holds the packages' dependencies against the drawing.
pub(crate) fn check(packages: &[Package], map: &Map) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        let room = room(&package.folder);
        let Some(drawn) = map.arrows.get(room) else {
            findings.push(Finding::new(
                map::FILE,
                format!("“{room}” has no line under “## Arrows”"),
                format!("draw what it may use: `{room} ──▶ …`, or `nothing`"),
            ));
            continue;
        };
        for (used, dependency) in ours(&package.dependencies) {
            if !dependency.dev && dependency.features.iter().any(|feature| feature == POWER_CUT) {
                findings.push(Finding::new(
                    format!("{}/Cargo.toml", package.folder),
                    format!("asks {used} for “{POWER_CUT}”, which would then be in what is shipped"),
                    "ask for it under [dev-dependencies]",
                ));
            }
            let for_tests = dependency.dev && used == TESTKIT;
            if !drawn.contains(used) && !for_tests {
                findings.push(Finding::new(
                    format!("{}/Cargo.toml", package.folder),
                    format!("{room} ──▶ {used} is not drawn, and what is not drawn is forbidden"),
                    format!(
                        "put what it needs where it may see it; if the arrow is right, draw it in {} with a \
                         decision record",
                        map::FILE
                    ),
                ));
            }
        }
    }
    let known = |room: &String| packages.iter().any(|package| self::room(&package.folder) == room);
    for gone in map
        .arrows
        .iter()
        .flat_map(|(from, to)| std::iter::once(from).chain(to))
        .filter(|room| !known(room))
    {
        findings.push(Finding::new(
            map::FILE,
            format!("an arrow names “{gone}”, which is no crate of the workspace"),
            "remove it from the drawing, or add the crate",
        ));
    }
    findings
}

/// The model sees no I/O, no clock, no database.
pub(crate) fn purity(packages: &[Package], sources: &[Source<'_>]) -> Vec<Finding> {
    const REMEDY: &str = "the model is pure: let the caller read, and pass in what was read";
    let mut findings = Vec::new();
    for package in packages.iter().filter(|package| package.folder == PURE) {
        for dependency in package.dependencies.iter().filter(|dependency| !dependency.dev) {
            if IMPURE_CRATES.contains(&dependency.name.as_str()) {
                findings.push(Finding::new(
                    format!("{PURE}/Cargo.toml"),
                    format!("depends on {}", dependency.name),
                    REMEDY,
                ));
            }
        }
    }
    for source in sources.iter().filter(|source| room_of_file(source.path) == PURE) {
        for (line, code) in source.code.iter().enumerate().take(source.tests_from) {
            for word in IMPURE_WORDS.into_iter().filter(|word| mentions(code, word)) {
                findings.push(Finding::new(
                    source.place(line),
                    format!("mentions {word}"),
                    REMEDY,
                ));
            }
        }
    }
    findings
}

fn ours(dependencies: &[Dependency]) -> impl Iterator<Item = (&str, &Dependency)> {
    dependencies
        .iter()
        .filter_map(|dependency| Some((room(dependency.folder.as_deref()?), dependency)))
}

fn room(folder: &str) -> &str {
    folder.rsplit('/').next().unwrap_or(folder)
}

fn room_of_file(path: &str) -> &str {
    path.match_indices('/').nth(1).map_or(path, |(at, _)| &path[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(folder: &str, dependencies: &[(&str, bool)]) -> Package {
        Package {
            folder: folder.to_owned(),
            dependencies: dependencies
                .iter()
                .map(|&(name, dev)| Dependency {
                    name: name.rsplit('/').next().unwrap().to_owned(),
                    folder: name.contains('/').then(|| name.to_owned()),
                    dev,
                    features: Vec::new(),
                })
                .collect(),
        }
    }

    fn map() -> Map {
        Map::new("## Arrows\n```\ndb ──▶ model\nmodel, testkit ──▶ nothing\n```\n")
    }

    fn places(findings: &[Finding]) -> Vec<String> {
        findings
            .iter()
            .map(|finding| format!("{}: {}", finding.place, finding.what))
            .collect()
    }

    #[test]
    fn only_tests_cut_the_power() {
        let with = |dev| {
            let mut db = package("crates/db", &[("crates/model", dev)]);
            db.dependencies[0].features.push(POWER_CUT.to_owned());
            check(
                &[db, package("crates/model", &[]), package("crates/testkit", &[])],
                &map(),
            )
        };
        assert_eq!(places(&with(true)), [""; 0]);
        assert_eq!(
            places(&with(false)),
            ["crates/db/Cargo.toml: asks model for “power-cut”, which would then be in what is shipped"]
        );
    }

    #[test]
    fn what_is_drawn_is_allowed_and_tests_may_use_the_testkit() {
        let packages = [
            package(
                "crates/db",
                &[("crates/model", false), ("crates/testkit", true), ("sqlx", false)],
            ),
            package("crates/model", &[]),
            package("crates/testkit", &[]),
        ];
        assert_eq!(check(&packages, &map()), []);
    }

    #[test]
    fn what_is_not_drawn_is_forbidden() {
        let packages = [
            package("crates/db", &[("crates/testkit", false)]),
            package("crates/model", &[("crates/db", true)]),
            package("crates/web", &[]),
        ];
        assert_eq!(
            places(&check(&packages, &map())),
            [
                "crates/db/Cargo.toml: db ──▶ testkit is not drawn, and what is not drawn is forbidden",
                "crates/model/Cargo.toml: model ──▶ db is not drawn, and what is not drawn is forbidden",
                "ARCHITECTURE.md: “web” has no line under “## Arrows”",
                "ARCHITECTURE.md: an arrow names “testkit”, which is no crate of the workspace",
            ]
        );
    }

    #[test]
    fn the_model_is_pure_outside_its_tests() {
        let packages = [package("crates/model", &[("tokio", false), ("sqlx", true)])];
        let text =
            "// std::fs is not for us\nuse std::net::IpAddr;\n#[cfg(test)]\nmod tests {\nuse std::fs;\n}\n";
        let sources = [
            Source::new("crates/model/src/lib.rs", text),
            Source::new("crates/models/src/lib.rs", text),
        ];
        assert_eq!(
            places(&purity(&packages, &sources)),
            [
                "crates/model/Cargo.toml: depends on tokio",
                "crates/model/src/lib.rs:2: mentions std::net"
            ]
        );
    }
}
