//! Layering: rooms use only rooms above them, and so do the files of a room; each dependency has its owners.

mod tree;
mod words;

use std::path::Path;

use tree::{Module, Tree};

/// Rooms, in the order of `lib.rs`.
const ROOMS: [&str; 15] = [
    "units",
    "rpc",
    "load",
    "stop",
    "endpoint",
    "client",
    "measure",
    "engine",
    "result",
    "statistics",
    "experiment",
    "report",
    "view",
    "server",
    "cli",
];

/// Rooms that the server may use. The server must be a fair counterpart of the client.
const SERVER_USES: [&str; 3] = ["units", "rpc", "server"];

/// Names of other crates, with the rooms or files that may use them.
const OWNERS: [(&str, &[&str]); 38] = [
    ("clap", &["cli"]),
    ("tonic", &["rpc", "client", "server"]),
    ("tonic_health", &["server"]),
    ("tonic_reflection", &["client/reflection", "server"]),
    ("prost_reflect", &["rpc/schema"]),
    ("prost_types", &["rpc/schema", "client/reflection"]),
    ("protox", &["rpc/schema"]),
    ("sha2", &["load/corpus"]),
    ("tower", &["client", "server"]),
    ("h2", &["client/stub"]),
    ("hyper", &["client/stub", "server"]),
    ("hyper_util", &["client/stub"]),
    ("percent_encoding", &["client/lean"]),
    ("hdrhistogram", &["measure"]),
    ("flate2", &["rpc", "measure"]),
    ("zstd", &["rpc"]),
    ("indicatif", &["view"]),
    ("textwrap", &["report"]),
    ("csv", &["report/csv"]),
    ("chrono", &["endpoint/tls/fault", "measure/environment", "report/junit"]),
    ("rustls", &["client", "server", "endpoint"]),
    ("tokio_rustls", &["client/stub", "server"]),
    ("rustls_native_certs", &["endpoint/tls"]),
    ("rcgen", &["endpoint/tls/made"]),
    ("quick_junit", &["report"]),
    ("maud", &["report/html"]),
    ("toml", &["experiment/gate"]),
    ("shlex", &["endpoint"]),
    (
        "procfs_core",
        &[
            "endpoint/processes",
            "measure/proc_files",
            "measure/environment",
            "measure/processes",
            "measure/accounts",
            "measure/quota",
            "cli/signals",
        ],
    ),
    ("rustix::net", &["client", "endpoint/place", "endpoint/target", "server/listener"]),
    ("rustix::event", &["client", "endpoint"]),
    ("std::process", &["endpoint", "cli"]),
    ("std::time::SystemTime::now", &["measure/environment"]),
    // Threads and runtimes.
    (
        "std::thread::Builder",
        &["cli/serve", "engine/driver", "engine/pulse", "engine/threads", "server/in_process", "view/watch"],
    ),
    // Signals belong to the host of the library.
    ("tokio::signal", &["cli/signals"]),
    ("std::thread::spawn", &["endpoint/child", "server/delays", "cli/signals", "cli/serve"]),
    ("std::thread::scope", &["engine/driver"]),
    (
        "tokio::runtime::Builder",
        &[
            "client/one_shot",
            "client/reflection",
            "client/stub/default_client",
            "engine/driver",
            "engine/threads",
            "server/in_process",
            "cli/signals",
            "cli/serve",
        ],
    ),
];

fn tree() -> Tree {
    Tree::read(Path::new("src/lib.rs"))
}

fn place(module: &Module) -> String {
    module.path.join("/")
}

#[test]
fn the_rooms_stand_in_their_order() {
    let tree = tree();
    let rooms: Vec<&str> =
        tree.0.iter().filter(|module| module.path.len() == 1).map(|module| module.path[0].as_str()).collect();
    assert_eq!(rooms, ROOMS);
}

#[test]
fn a_file_uses_only_files_above_it() {
    let tree = tree();
    let mut wrong = Vec::new();
    for module in &tree.0 {
        for name in &module.names {
            let Some(used) = tree.definition(module, name) else { continue };
            let is_folder = |folder: &Module| module.path.starts_with(&folder.path);
            // A folder's own file declares its children; a child names it only on the way to a sibling.
            if used.path == module.path
                || used.path.starts_with(&module.path)
                || (is_folder(used) && used.items == 0)
            {
                continue;
            }
            if !tree.is_above(used, module) {
                wrong.push(format!("{} uses {}, by `{}`", place(module), place(used), name.join("::")));
            }
        }
    }
    wrong.sort();
    wrong.dedup();
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn the_server_uses_quantities_and_calls_alone() {
    let tree = tree();
    for module in tree.0.iter().filter(|module| module.path.first().is_some_and(|room| room == "server")) {
        for name in &module.names {
            let Some(used) = tree.definition(module, name) else { continue };
            let room = used.path.first().expect("no name is the whole crate");
            assert!(SERVER_USES.contains(&room.as_str()), "{} uses {}", place(module), place(used));
        }
    }
}

#[test]
fn each_dependency_has_its_owners() {
    let tree = tree();
    for module in &tree.0 {
        let place = place(module);
        for (what, owners) in OWNERS {
            let is_owner =
                owners.iter().any(|owner| place == *owner || place.starts_with(&format!("{owner}/")));
            if is_owner {
                continue;
            }
            let what: Vec<&str> = what.split("::").collect();
            // A single word may be a variable, or an element of HTML.
            let used = module.names.iter().find(|name| {
                name.len() > 1
                    && name.len() >= what.len()
                    && name.iter().zip(&what).all(|(left, right)| left == right)
            });
            assert_eq!(used, None, "{} belongs to {owners:?}", module.file.display());
        }
    }
}

#[test]
fn a_folder_declares_and_hands_on_and_does_nothing_else() {
    for module in &tree().0 {
        if module.file.ends_with("mod.rs") {
            assert_eq!(module.items, 0, "{} has items of its own", module.file.display());
        }
        let folder = module.file.with_extension("");
        let is_root = module.path.is_empty();
        assert!(
            is_root || !folder.is_dir(),
            "{} should be {}/mod.rs",
            module.file.display(),
            folder.display()
        );
    }
}

/// Checks that names are found in macros, in braces, after `super::` and after an import.
#[test]
fn the_check_sees_what_it_forbids() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
    write("lib.rs", "mod low; mod middle; mod top;");
    write(
        "low.rs",
        "fn f() { println!(\"{}\", crate::top::X); }\n#[cfg(test)] mod tests { use crate::top::Y; }",
    );
    write("middle.rs", "use super::{low, top as above}; fn f() { std::thread::spawn(|| above::f()); }");
    write("top.rs", "use crate::{low::f, middle}; use std::thread; fn g() { thread::spawn(middle::f); }");
    let tree = Tree::read(&folder.path().join("lib.rs"));
    let uses = |name: &str| -> Vec<String> {
        let module = tree.0.iter().find(|module| place(module) == name).expect("declared");
        let mut uses: Vec<String> =
            module.names.iter().filter_map(|name| tree.definition(module, name)).map(place).collect();
        uses.sort();
        uses.dedup();
        uses
    };
    assert_eq!(uses("low"), ["top"], "in a macro, and not in a test");
    assert_eq!(uses("middle"), ["low", "top"]);
    assert_eq!(uses("top"), ["low", "middle"]);
    for module in &tree.0[2..] {
        let spawns = ["std", "thread", "spawn"].map(str::to_owned).to_vec();
        assert!(module.names.contains(&spawns), "{:?}", module.names);
    }
    assert!(tree.is_above(&tree.0[1], &tree.0[2]) && !tree.is_above(&tree.0[3], &tree.0[1]));
}
