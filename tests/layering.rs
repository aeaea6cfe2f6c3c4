//! The layers: a module uses only those above it in lib.rs, and each dependency has its owners.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Who may use what, by the name of the module below `src/`.
const OWNERS: [(&str, &[&str]); 14] = [
    ("clap::", &["cli", "main"]),
    ("tonic::", &["pb", "client", "server"]),
    ("tonic_", &["client", "server"]),
    ("hdrhistogram::", &["latency"]),
    ("indicatif::", &["report"]),
    ("quick_junit::", &["report"]),
    ("toml::", &["gate"]),
    ("shlex::", &["target"]),
    ("thread::Builder", &["driver"]),
    ("runtime::Builder", &["driver", "cli", "client"]),
    ("rustix::net", &["client"]),
    ("rustix::event", &["client"]),
    ("std::process::", &["target", "cli", "main"]),
    ("SystemTime::now", &["environment"]),
];

/// What a server may use of this crate: it must be a fair counterpart, not an accomplice.
const SERVER_USES: [&str; 2] = ["units", "pb"];

fn modules() -> Vec<String> {
    let map = fs::read_to_string("src/lib.rs").expect("the map");
    map.lines()
        .filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';'))
        .map(str::to_owned)
        .collect()
}

/// The files below a folder, each with the top module that it belongs to.
fn sources(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("readable").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let below = path.strip_prefix("src").expect("below src");
                let top = below.components().next().expect("a name").as_os_str().to_string_lossy();
                found.push((top.trim_end_matches(".rs").to_owned(), path));
            }
        }
    }
    found
}

/// The code of a file without its comments and its tests, which may look anywhere.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("readable");
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The modules of this crate that the code names, also within braces: `crate::{a, b::C}`.
fn used(code: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        let name = |text: &str| -> String {
            text.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect()
        };
        match rest.strip_prefix('{') {
            None => {
                used.insert(name(rest));
            }
            Some(list) => {
                let mut depth = 0;
                let mut item = String::new();
                for character in list.chars() {
                    match character {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => {
                            used.insert(name(item.trim()));
                            item.clear();
                            continue;
                        }
                        _ => {}
                    }
                    if depth == 0 {
                        item.push(character);
                    }
                }
                used.insert(name(item.trim()));
            }
        }
    }
    used.retain(|name| !name.is_empty());
    used
}

#[test]
fn a_module_uses_only_those_above_it() {
    let modules = modules();
    assert!(modules.len() > 15, "{modules:?}");
    let place = |name: &str| modules.iter().position(|module| module == name);
    for (top, path) in sources(Path::new("src")) {
        if top == "lib" || top == "main" || path.ends_with("tests.rs") {
            continue;
        }
        let own = place(&top).unwrap_or_else(|| panic!("{top} is not in lib.rs"));
        for other in used(&code(&path)) {
            let Some(others) = place(&other) else { continue };
            assert!(others <= own, "{} uses {other}, which is below {top} in lib.rs", path.display());
            if top == "server" && other != "server" {
                assert!(SERVER_USES.contains(&other.as_str()), "{} uses {other}", path.display());
            }
        }
    }
}

#[test]
fn each_dependency_has_its_owners() {
    for (top, path) in sources(Path::new("src")) {
        let code = code(&path);
        for (what, owners) in OWNERS {
            if !owners.contains(&top.as_str()) {
                let line = code.lines().find(|line| line.contains(what));
                assert_eq!(line, None, "{} uses {what}, which belongs to {owners:?}", path.display());
            }
        }
    }
}

#[test]
fn the_check_sees_what_it_is_to_forbid() {
    let seen =
        used("use crate::{\n    driver::{Run, run},\n    units,\n};\nlet x = crate::report::json::write;");
    assert_eq!(seen, ["driver", "report", "units"].map(str::to_owned).into());
}
