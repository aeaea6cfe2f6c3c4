//! The schema of services: what can be called, and with which messages.

use std::{collections::HashSet, fmt, fs, path::PathBuf, sync::Arc};

use prost::Message;
use prost_reflect::{DescriptorPool, MethodDescriptor, ServiceDescriptor};
use schemars::JsonSchema;
use serde::Serialize;

use super::{error::SchemaError, lowering, pool::pool_of, source, types::Types};
use crate::{rpc::name::MethodName, units::nearest};

/// Schema of services.
#[derive(Clone)]
pub struct Schema {
    pool: DescriptorPool,
    /// Full names of fields without presence, in files in editions.
    implicit: Arc<HashSet<String>>,
    /// Origin of the schema, for errors.
    source_name: String,
}

/// One method of a schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MethodEntry {
    /// Full name of the service.
    pub service: String,
    /// Name of the method.
    pub method: String,
    /// Full name of the request's type.
    pub request: String,
    /// Full name of the reply's type.
    pub reply: String,
    /// True if the client sends a stream of requests.
    pub streams_requests: bool,
    /// True if the server sends a stream of replies.
    pub streams_replies: bool,
}

/// Set of files, of which each is kept as bytes: features of editions would be lost otherwise.
#[derive(Clone, PartialEq, Message)]
struct FileSet {
    #[prost(bytes = "vec", repeated, tag = "1")]
    files: Vec<Vec<u8>>,
}

impl Schema {
    /// Reads sets of descriptors, as `protoc` and `buf` write them.
    ///
    /// # Errors
    /// Fails if a file cannot be read or is no such set, or lacks a type.
    pub fn of_sets(paths: &[PathBuf]) -> Result<Self, SchemaError> {
        let mut files = Vec::new();
        for path in paths {
            let wrong = |why: String| SchemaError::Set { file: path.display().to_string(), why };
            let bytes = fs::read(path).map_err(|error| SchemaError::Source {
                file: path.display().to_string(),
                why: error.to_string(),
            })?;
            let set = FileSet::decode(bytes.as_slice()).map_err(|error| wrong(error.to_string()))?;
            if set.files.is_empty() {
                return Err(wrong("it has no files".to_owned()));
            }
            files.extend(set.files);
        }
        let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        Self::of_files(&files, &names.join(", "), "make the set with --include_imports")
    }

    /// Reads encoded descriptors of files. `source_name` names their origin in errors.
    ///
    /// # Errors
    /// Fails if a descriptor cannot be read, or lacks a type.
    pub fn of_files(
        files: &[Vec<u8>],
        source_name: &str,
        way_out: &'static str,
    ) -> Result<Self, SchemaError> {
        let mut implicit = Vec::new();
        let decoded: Result<Vec<_>, _> =
            files.iter().map(|file| lowering::decode(file, &mut implicit)).collect();
        let decoded = decoded
            .map_err(|error| SchemaError::Set { file: source_name.to_owned(), why: error.to_string() })?;
        let pool = pool_of(decoded, source_name, way_out)?;
        Ok(Self {
            pool,
            implicit: Arc::new(implicit.into_iter().collect()),
            source_name: source_name.to_owned(),
        })
    }

    /// Compiles `.proto` files. `folders` are searched for their imports.
    ///
    /// # Errors
    /// Fails if a file cannot be read or compiled, or is in an edition.
    pub fn compile(files: &[PathBuf], folders: &[PathBuf]) -> Result<Self, SchemaError> {
        let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
        let source_name = names.join(", ");
        let pool = pool_of(source::compile(files, folders)?, &source_name, "add its folder with -I")?;
        Ok(Self { pool, implicit: Arc::default(), source_name })
    }

    /// Lists the methods, in the order of their services and of their declaration.
    #[must_use]
    pub fn methods(&self) -> Vec<MethodEntry> {
        let mut services: Vec<ServiceDescriptor> = self.pool.services().collect();
        services.sort_by(|left, right| left.full_name().cmp(right.full_name()));
        let entry = |service: &ServiceDescriptor, method: MethodDescriptor| MethodEntry {
            service: service.full_name().to_owned(),
            method: method.name().to_owned(),
            request: method.input().full_name().to_owned(),
            reply: method.output().full_name().to_owned(),
            streams_requests: method.is_client_streaming(),
            streams_replies: method.is_server_streaming(),
        };
        services
            .iter()
            .flat_map(|service| service.methods().map(|method| entry(service, method)).collect::<Vec<_>>())
            .collect()
    }

    /// Returns the types of a unary method.
    ///
    /// # Errors
    /// Fails if there is no such method, or if it streams.
    pub fn types_of(&self, name: &MethodName) -> Result<Types, SchemaError> {
        let method = self.find(name)?;
        let what = match (method.is_client_streaming(), method.is_server_streaming()) {
            (false, false) => {
                return Ok(Types::new(method.input(), method.output(), Arc::clone(&self.implicit)));
            }
            (false, true) => "replies",
            (true, false) => "requests",
            (true, true) => "requests and replies",
        };
        Err(SchemaError::Streams { method: name.to_string(), what })
    }

    fn find(&self, name: &MethodName) -> Result<MethodDescriptor, SchemaError> {
        let Some(service) = self.pool.get_service_by_name(&name.service) else {
            let mut names: Vec<String> =
                self.pool.services().map(|service| service.full_name().to_owned()).collect();
            names.sort();
            return Err(SchemaError::NoService {
                source_name: self.source_name.clone(),
                name: name.service.clone(),
                nearest: suggestion(&name.service, &names),
                known: or_nothing(&names, "no service"),
            });
        };
        let found = service.methods().find(|method| method.name() == name.method);
        found.ok_or_else(|| {
            let names: Vec<String> = service.methods().map(|method| method.name().to_owned()).collect();
            SchemaError::NoMethod {
                service: name.service.clone(),
                name: name.method.clone(),
                nearest: suggestion(&name.method, &names),
                known: or_nothing(&names, "no method"),
            }
        })
    }
}

fn suggestion(written: &str, names: &[String]) -> String {
    // A name without its package is as good as right.
    let suffix = format!(".{written}");
    let near = names.iter().map(String::as_str).find(|name| name.ends_with(&suffix));
    let near = near.or_else(|| nearest(written, names.iter().map(String::as_str)));
    near.map_or_else(String::new, |name| format!(" (did you mean {name}?)"))
}

fn or_nothing(names: &[String], nothing: &str) -> String {
    if names.is_empty() { nothing.to_owned() } else { names.join(", ") }
}

impl fmt::Debug for Schema {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "schema of {} with {} services", self.source_name, self.pool.services().len())
    }
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
