//! `.proto` files, compiled when a run starts.
//!
//! Options of others (validation, gateways) need files that a user of a service rarely has. Such options say
//! nothing about the encoding, so they are taken out before the file is compiled, and so are imports that are
//! found nowhere.

use std::{
    collections::HashSet,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto, UninterpretedOption,
};
use protox::{
    Compiler,
    file::{File, FileResolver},
};

use super::{
    error::SchemaError,
    pool::{drop_imports, well_known},
};

/// Finds files in folders, and takes out of them what cannot be resolved and does not matter.
struct Folders {
    folders: Vec<PathBuf>,
    /// Imports that were found nowhere.
    missing: Arc<Mutex<HashSet<String>>>,
}

impl Folders {
    fn find(&self, name: &str) -> Option<PathBuf> {
        self.folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file())
    }
}

impl FileResolver for Folders {
    fn resolve_path(&self, path: &Path) -> Option<String> {
        self.folders.iter().find_map(|folder| {
            let name = path.strip_prefix(folder).ok()?;
            Some(name.to_str()?.replace('\\', "/"))
        })
    }

    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        let Some(path) = self.find(name) else {
            let mut file = well_known(name).ok_or_else(|| protox::Error::file_not_found(name))?;
            file.name = Some(name.to_owned());
            return Ok(File::from_file_descriptor_proto(file));
        };
        let parsed = File::open(name, &path)?;
        let mut file = parsed.file_descriptor_proto().clone();
        let is_missing = |import: &String| self.find(import).is_none() && well_known(import).is_none();
        let missing: HashSet<String> =
            file.dependency.iter().filter(|import| is_missing(import)).cloned().collect();
        let has_options = take_out_options(&mut file);
        if missing.is_empty() && !has_options {
            return Ok(parsed);
        }
        drop_imports(&mut file, &missing);
        self.missing.lock().unwrap_or_else(PoisonError::into_inner).extend(missing);
        Ok(File::from_file_descriptor_proto(file))
    }
}

/// Compiles files. `folders` are searched for their imports; without any, the folder of each file is.
///
/// # Errors
/// Fails if a file cannot be read or compiled, or is in an edition.
pub(super) fn compile(
    files: &[PathBuf],
    folders: &[PathBuf],
) -> Result<Vec<FileDescriptorProto>, SchemaError> {
    let mut searched: Vec<PathBuf> = folders.to_vec();
    for file in files {
        let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.map_or_else(|| PathBuf::from("."), Path::to_path_buf);
        let is_inside = |folder: &PathBuf| {
            file.starts_with(folder) || (file.is_relative() && folder.join(file).is_file())
        };
        if !searched.iter().any(is_inside) {
            searched.push(parent);
        }
    }
    let missing = Arc::default();
    let resolver = Folders { folders: searched.clone(), missing: Arc::clone(&missing) };
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.include_imports(true);
    for file in files {
        let shown = file.display().to_string();
        let found = [file.clone()].into_iter().chain(searched.iter().map(|folder| folder.join(file)));
        let Some(path) = found.into_iter().find(|path| path.is_file()) else {
            return Err(SchemaError::Source {
                file: shown,
                why: format!("there is no such file; looked in {}", listed(&searched)),
            });
        };
        if let Some(edition) = fs::read_to_string(&path).ok().and_then(|source| edition_of(&source)) {
            return Err(SchemaError::Edition { file: shown, edition });
        }
        compiler.open_file(file).map_err(|error| {
            let missing = missing.lock().unwrap_or_else(PoisonError::into_inner);
            failed(&shown, &error, &missing, &searched)
        })?;
    }
    Ok(compiler.file_descriptor_set().file)
}

fn failed(file: &str, error: &protox::Error, missing: &HashSet<String>, folders: &[PathBuf]) -> SchemaError {
    // The debug form has the position in the file; a chain of lines becomes one.
    let said = format!("{error:?}");
    let mut why = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut missing: Vec<&str> = missing.iter().map(String::as_str).collect();
    missing.sort_unstable();
    if !missing.is_empty() {
        let _ = write!(
            why,
            "; found in none of {}: {}; add the folder with -I",
            listed(folders),
            missing.join(", ")
        );
    }
    SchemaError::Source { file: file.to_owned(), why }
}

fn listed(folders: &[PathBuf]) -> String {
    folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// Returns the edition of a source, if it names one before anything else.
fn edition_of(source: &str) -> Option<String> {
    let mut rest = source.trim_start_matches('\u{feff}').trim_start();
    loop {
        if let Some(comment) = rest.strip_prefix("//") {
            rest = comment.split_once('\n').map_or("", |(_, rest)| rest).trim_start();
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, rest)| rest).trim_start();
        } else {
            break;
        }
    }
    let value = rest.strip_prefix("edition")?.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|first| matches!(first, '"' | '\''))?;
    value[1..].split(quote).next().map(str::to_owned)
}

/// Takes out the options that extensions define. Returns true if there was one.
fn take_out_options(file: &mut FileDescriptorProto) -> bool {
    let mut found = false;
    let mut clean = |options: Option<&mut Vec<UninterpretedOption>>| {
        if let Some(options) = options {
            let before = options.len();
            options.retain(|option| !option.name.iter().any(|part| part.is_extension));
            found |= options.len() < before;
        }
    };
    clean(file.options.as_mut().map(|options| &mut options.uninterpreted_option));
    for service in &mut file.service {
        clean(service.options.as_mut().map(|options| &mut options.uninterpreted_option));
        for method in &mut service.method {
            clean(method.options.as_mut().map(|options| &mut options.uninterpreted_option));
        }
    }
    clean_fields(&mut file.extension, &mut clean);
    clean_enums(&mut file.enum_type, &mut clean);
    clean_messages(&mut file.message_type, &mut clean);
    found
}

type Clean<'a> = dyn FnMut(Option<&mut Vec<UninterpretedOption>>) + 'a;

fn clean_messages(messages: &mut [DescriptorProto], clean: &mut Clean<'_>) {
    for message in messages {
        clean(message.options.as_mut().map(|options| &mut options.uninterpreted_option));
        clean_fields(&mut message.field, clean);
        clean_fields(&mut message.extension, clean);
        for one in &mut message.oneof_decl {
            clean(one.options.as_mut().map(|options| &mut options.uninterpreted_option));
        }
        for range in &mut message.extension_range {
            clean(range.options.as_mut().map(|options| &mut options.uninterpreted_option));
        }
        clean_enums(&mut message.enum_type, clean);
        clean_messages(&mut message.nested_type, clean);
    }
}

fn clean_fields(fields: &mut [FieldDescriptorProto], clean: &mut Clean<'_>) {
    for field in fields {
        clean(field.options.as_mut().map(|options| &mut options.uninterpreted_option));
    }
}

fn clean_enums(enums: &mut [EnumDescriptorProto], clean: &mut Clean<'_>) {
    for of_values in enums {
        clean(of_values.options.as_mut().map(|options| &mut options.uninterpreted_option));
        for value in &mut of_values.value {
            clean(value.options.as_mut().map(|options| &mut options.uninterpreted_option));
        }
    }
}
