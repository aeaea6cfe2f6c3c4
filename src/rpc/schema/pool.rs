//! Files of a schema, put into one pool of descriptors.
//!
//! A set of descriptors, or a server's reflection, may lack files that others import. An import whose types
//! are not used, such as one for options alone, is dropped. A type that is used and found nowhere is an error
//! that names it.

use std::{
    collections::{HashMap, HashSet},
    panic::{self, AssertUnwindSafe},
};

use prost_reflect::DescriptorPool;
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto};
use protox::file::{FileResolver, GoogleFileResolver};

use super::error::SchemaError;

/// Paths by which old generators import protobuf's own files.
const OLD_PATHS: [(&str, &str); 3] = [
    ("github.com/golang/protobuf/ptypes/", "google/protobuf/"),
    ("github.com/gogo/protobuf/types/", "google/protobuf/"),
    ("protobuf/", "google/protobuf/"),
];

/// Returns protobuf's own file that this import stands for, if there is one.
pub(super) fn well_known(import: &str) -> Option<FileDescriptorProto> {
    let resolver = GoogleFileResolver::new();
    let open = |name: &str| resolver.open_file(name).ok().map(|file| file.file_descriptor_proto().clone());
    open(import).or_else(|| {
        OLD_PATHS.iter().find_map(|(old, new)| {
            let rest = import.strip_prefix(old)?;
            let name = rest.rsplit('/').next().unwrap_or(rest);
            open(&format!("{new}{name}"))
        })
    })
}

/// Puts files into a pool. `source_name` names their origin in errors.
///
/// # Errors
/// Fails if a type that is used is in no file, or if the files contradict each other.
pub(super) fn pool_of(
    files: Vec<FileDescriptorProto>,
    source_name: &str,
    way_out: &'static str,
) -> Result<DescriptorPool, SchemaError> {
    let mut by_name: HashMap<String, FileDescriptorProto> = HashMap::new();
    for file in files {
        // grpc-go stands in for a file that it does not have with an empty one.
        if !file.syntax().starts_with("<unknown") {
            let known = by_name.entry(file.name().to_owned()).or_insert_with(|| file.clone());
            if *known != file {
                let why = format!("{} is there twice, with different contents", file.name().escape_default());
                return Err(SchemaError::Pool { source_name: source_name.to_owned(), why });
            }
        }
    }
    let mut open: Vec<String> = by_name.values().flat_map(|file| file.dependency.clone()).collect();
    let mut missing: HashSet<String> = HashSet::new();
    while let Some(import) = open.pop() {
        if by_name.contains_key(&import) || missing.contains(&import) {
            continue;
        }
        match well_known(&import) {
            Some(mut file) => {
                open.extend(file.dependency.clone());
                // Under the name that the others import.
                let true_name = file.name.replace(import.clone());
                if true_name.as_deref().is_some_and(|name| by_name.contains_key(name)) {
                    missing.insert(import);
                } else {
                    by_name.insert(import, file);
                }
            }
            None => {
                missing.insert(import);
            }
        }
    }
    for file in by_name.values_mut() {
        drop_imports(file, &missing);
    }
    check_types(&by_name, &missing, way_out)?;
    let mut files: Vec<FileDescriptorProto> = by_name.into_values().collect();
    files.sort_by(|left, right| left.name().cmp(right.name()));
    built(files).map_err(|why| SchemaError::Pool { source_name: source_name.to_owned(), why })
}

/// Builds the pool. Files of a server may be anything, and the builder panics on some of them; what is known to
/// do so is refused before, and the rest is caught.
fn built(files: Vec<FileDescriptorProto>) -> Result<DescriptorPool, String> {
    for file in &files {
        if !matches!(file.syntax(), "" | "proto2" | "proto3") {
            return Err(format!(
                "{} has the unknown syntax \"{}\"",
                file.name(),
                file.syntax().escape_default()
            ));
        }
    }
    let build = || {
        let mut pool = DescriptorPool::new();
        pool.add_file_descriptor_protos(files).map(|()| pool)
    };
    match panic::catch_unwind(AssertUnwindSafe(build)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err("its descriptors contradict each other".to_owned()),
    }
}

/// Removes imports from a file, and adjusts the lists that count its imports.
pub(super) fn drop_imports(file: &mut FileDescriptorProto, missing: &HashSet<String>) {
    let mut kept = Vec::new();
    let mut places = Vec::new();
    for import in std::mem::take(&mut file.dependency) {
        let is_kept = !missing.contains(&import);
        places.push(is_kept.then_some(i32::try_from(kept.len()).unwrap_or(i32::MAX)));
        if is_kept {
            kept.push(import);
        }
    }
    file.dependency = kept;
    for list in [&mut file.public_dependency, &mut file.weak_dependency] {
        let place = |index: &i32| places.get(usize::try_from(*index).ok()?).copied().flatten();
        *list = list.iter().filter_map(place).collect();
    }
}

/// Checks that each type that is used is in one of the files.
fn check_types(
    files: &HashMap<String, FileDescriptorProto>,
    missing: &HashSet<String>,
    way_out: &'static str,
) -> Result<(), SchemaError> {
    let mut known = HashSet::new();
    for file in files.values() {
        let scope = if file.package().is_empty() { String::new() } else { format!(".{}", file.package()) };
        add_types(&scope, &file.message_type, &file.enum_type, &mut known);
    }
    let mut names: Vec<&String> = files.keys().collect();
    names.sort();
    for name in names {
        let file = &files[name];
        let mut used = Vec::new();
        for field in &file.extension {
            used.extend(field.type_name.clone());
            used.extend(field.extendee.clone());
        }
        for method in file.service.iter().flat_map(|service| &service.method) {
            used.extend([method.input_type().to_owned(), method.output_type().to_owned()]);
        }
        used_types(&file.message_type, &mut used);
        // A name without a leading dot is relative; the pool resolves it, or says that it cannot.
        let unknown = used.into_iter().find(|used| used.starts_with('.') && !known.contains(used));
        if let Some(unknown) = unknown {
            let mut missing: Vec<&str> = missing.iter().map(String::as_str).collect();
            missing.sort_unstable();
            let imports = match missing.as_slice() {
                [] => String::new(),
                some => format!(" (not found: {})", some.join(", ")),
            };
            let missing = unknown.trim_start_matches('.').to_owned();
            return Err(SchemaError::Missing { file: name.clone(), missing, imports, way_out });
        }
    }
    Ok(())
}

fn add_types(
    scope: &str,
    messages: &[DescriptorProto],
    enums: &[EnumDescriptorProto],
    known: &mut HashSet<String>,
) {
    known.extend(enums.iter().map(|of_values| format!("{scope}.{}", of_values.name())));
    for message in messages {
        let name = format!("{scope}.{}", message.name());
        add_types(&name, &message.nested_type, &message.enum_type, known);
        known.insert(name);
    }
}

fn used_types(messages: &[DescriptorProto], used: &mut Vec<String>) {
    for message in messages {
        for field in message.field.iter().chain(&message.extension) {
            used.extend(field.type_name.clone());
            used.extend(field.extendee.clone());
        }
        used_types(&message.nested_type, used);
    }
}
