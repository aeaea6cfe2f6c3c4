//! Errors of schemas.

/// Error of a schema that cannot be read, or that lacks what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// A descriptor set cannot be read.
    #[error(
        "{file} is not a set of descriptors ({why}); make one with `protoc --include_imports --descriptor_set_out=FILE`, or with `buf build -o FILE.binpb`"
    )]
    Set {
        /// The file.
        file: String,
        /// The cause.
        why: String,
    },
    /// A `.proto` file cannot be compiled.
    #[error("{file}: {why}")]
    Source {
        /// The file.
        file: String,
        /// The cause.
        why: String,
    },
    /// A `.proto` file is in an edition.
    #[error(
        "{file} is written in edition {edition}, which cannot be read from source here; use reflection, or --protoset with the output of `buf build -o set.binpb` or `protoc --include_imports --descriptor_set_out`"
    )]
    Edition {
        /// The file.
        file: String,
        /// The edition.
        edition: String,
    },
    /// A type is in a file that was not found.
    #[error("{file} takes {missing}, which is in none of its known imports{imports}; {way_out}")]
    Missing {
        /// The file that uses the type.
        file: String,
        /// The type.
        missing: String,
        /// The imports that were not found, in words.
        imports: String,
        /// Advice.
        way_out: &'static str,
    },
    /// The descriptors contradict each other.
    #[error("the schema of {source_name} cannot be used: {why}")]
    Pool {
        /// The origin of the schema.
        source_name: String,
        /// The cause.
        why: String,
    },
    /// There is no such service.
    #[error("{source_name} has no service {name}{nearest}; it has {known}")]
    NoService {
        /// The origin of the schema.
        source_name: String,
        /// The service.
        name: String,
        /// A suggestion, in words.
        nearest: String,
        /// The services that there are.
        known: String,
    },
    /// The service has no such method.
    #[error("{service} has no method {name}{nearest}; it has {known}")]
    NoMethod {
        /// The service.
        service: String,
        /// The method.
        name: String,
        /// A suggestion, in words.
        nearest: String,
        /// The methods that there are.
        known: String,
    },
    /// The method streams.
    #[error("{method} streams its {what}; this version drives unary methods")]
    Streams {
        /// The method.
        method: String,
        /// The directions that stream.
        what: &'static str,
    },
}
