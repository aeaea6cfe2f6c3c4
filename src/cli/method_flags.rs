//! Flags about the method, its messages and the check of its replies, on every command that can drive any
//! method.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueHint};

use super::{
    metadata_flags::MetadataFlags,
    rehearsal::is_lost,
    values::{MetadataParser, named, read_text},
};
use crate::{
    client::reflection::{self, ReflectionError},
    endpoint::Located,
    load::{Corpus, DataFormat, DataOrigin, Expect, Payload, Pick, Texts, requests_of},
    rpc::{
        Message, Method, MethodName,
        metadata::Pair,
        schema::{JsonError, Schema},
    },
    units::counted,
};

#[derive(Debug, Args)]
pub(super) struct MethodFlags {
    /// Unary method to call, such as `helloworld.Greeter/SayHello` [default: example.FormatData/DoFormat]
    #[arg(long, alias = "call", value_name = "PKG.SERVICE/METHOD", help_heading = "Method")]
    method: Option<MethodName>,

    #[command(flatten)]
    pub(super) schema: SchemaFlags,

    /// Request as JSON; `@FILE` or `@-` (standard input) reads one or more [default: the empty message]
    #[arg(short, long, value_name = "JSON | @FILE | @-", requires = "method", help_heading = "Method")]
    data: Option<String>,

    /// File with one encoded request, `@-` for standard input; needs no schema
    #[arg(long, value_name = "@FILE | @-", requires = "method", conflicts_with = "data", value_hint = ValueHint::FilePath, help_heading = "Method")]
    data_binary: Option<String>,

    /// Format of --data [default: json]
    #[arg(long, value_name = "FORMAT", value_parser = named::<DataFormat>(), requires = "data", conflicts_with = "data_binary", help_heading = "Method")]
    data_format: Option<DataFormat>,

    /// Message of each call, if there are several [default: cycle]
    #[arg(long, value_name = "ORDER", value_parser = named::<Pick>(), requires = "data", help_heading = "Method")]
    pick: Option<Pick>,

    /// Check that makes a reply verified: `ok` (one message), `decodes` (as the reply's type), `same` (as the first reply
    /// to the same message), or the expected reply as JSON or `@FILE` [default: decodes with a schema, ok without]
    #[arg(
        long,
        value_name = "ok | decodes | same | JSON | @FILE",
        requires = "method",
        help_heading = "Method"
    )]
    expect: Option<WrittenCheck>,

    /// Check of one value of each reply, such as `header.revision > 0`, `kvs.len == 10`, `content == request.content`.
    /// Repeatable
    #[arg(
        long = "check",
        value_name = "PATH OP VALUE",
        requires = "method",
        conflicts_with = "expect",
        help_heading = "Method"
    )]
    checks: Vec<String>,

    /// Leave the data given with --data out of the result
    #[arg(long, requires = "data", help_heading = "Method")]
    no_data_in_result: bool,

    /// Accept JSON fields that the request's type does not have
    #[arg(long, requires = "data", help_heading = "Method")]
    allow_unknown_fields: bool,
}

/// A check of replies as written.
#[derive(Debug, Clone)]
enum WrittenCheck {
    /// A check by its name.
    Named(Expect),
    /// The expected reply as JSON.
    Json(String),
    /// A file with the expected reply as JSON.
    File(PathBuf),
}

impl FromStr for WrittenCheck {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text.chars().next(), text) {
            (Some('@'), _) => Ok(Self::File(text[1..].into())),
            (Some('{' | '['), _) => Ok(Self::Json(text.to_owned())),
            (_, "ok") => Ok(Self::Named(Expect::Ok)),
            (_, "decodes") => Ok(Self::Named(Expect::Decodes)),
            (_, "same") => Ok(Self::Named(Expect::Same)),
            (_, "upper") => {
                Err("`upper` is the check of example.FormatData/DoFormat; use `decodes`, `same` or `ok`"
                    .to_owned())
            }
            _ => Err(format!(
                "`{text}` is no check; write ok, decodes, same, the expected reply as JSON, or @FILE"
            )),
        }
    }
}

/// Flags about the origin of a schema.
#[derive(Debug, Args)]
pub(super) struct SchemaFlags {
    /// `.proto` file with the method, instead of server reflection. Repeatable
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "protoset", help_heading = "Method")]
    proto: Vec<PathBuf>,

    /// Folder in which imports of --proto are searched. Repeatable
    #[arg(short = 'I', long = "import-path", value_name = "DIR", value_hint = ValueHint::DirPath, requires = "proto", help_heading = "Method")]
    import_paths: Vec<PathBuf>,

    /// Set of descriptors with the method, instead of server reflection. Repeatable
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Method")]
    protoset: Vec<PathBuf>,

    /// Metadata of reflection calls, instead of --metadata. Repeatable
    #[arg(long, value_name = "'NAME: VALUE | NAME: @FILE'", value_parser = MetadataParser, help_heading = "Method")]
    reflect_metadata: Vec<Pair>,
}

impl MethodFlags {
    /// Files that the flags name: data and schemas.
    pub(super) fn files(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        let data = [("the data to send", &self.data), ("the data to send", &self.data_binary)];
        let data =
            data.into_iter().filter_map(|(words, text)| Some((words, text.as_deref()?.strip_prefix('@')?)));
        let SchemaFlags { proto, protoset, .. } = &self.schema;
        let schemas = proto.iter().chain(protoset).map(|path| ("the schema to read", path.as_path()));
        data.map(|(words, path)| (words, Path::new(path))).chain(schemas)
    }
}

impl SchemaFlags {
    /// Returns true if the schema comes from files.
    pub(super) fn has_files(&self) -> bool {
        !self.proto.is_empty() || !self.protoset.is_empty()
    }

    /// Reads the schema from files, or from the server's reflection.
    ///
    /// # Errors
    /// The schema cannot be read.
    pub(super) fn schema(
        &self,
        target: Option<&Located>,
        service: Option<&str>,
        metadata: &MetadataFlags,
    ) -> Result<Schema> {
        if !self.proto.is_empty() {
            return Ok(Schema::compile(&self.proto, &self.import_paths)?);
        }
        if !self.protoset.is_empty() {
            return Ok(Schema::of_sets(&self.protoset)?);
        }
        let Some(target) = target else {
            bail!(
                "name the server whose reflection to ask, or give the schema with --proto FILE -I DIR, or --protoset FILE"
            )
        };
        let metadata = if self.reflect_metadata.is_empty() {
            metadata.pairs()?
        } else {
            metadata.expanded(&self.reflect_metadata)?
        };
        reflection::schema_of(target, service, &metadata).map_err(|error| {
            let is_unreachable = match &error {
                ReflectionError::Open(_) | ReflectionError::Slow(_) => true,
                ReflectionError::Unserved { said, .. } => said.split([' ', ',']).any(is_lost),
                _ => false,
            };
            match is_unreachable.then(|| target.diagnosis()).flatten() {
                Some(mistake) => anyhow::anyhow!(mistake),
                None => error.into(),
            }
        })
    }
}

/// Most bytes of data that are read.
const MOST_DATA: u64 = 2 << 30;

/// Reads a file of data.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    bounded(fs::File::open(path)?)
}

/// Reads the data of a file, or of standard input for `-`, with its origin.
fn read_data(source: &str) -> Result<(Vec<u8>, DataOrigin)> {
    if source == "-" {
        let bytes = bounded(io::stdin()).context("cannot read the data from standard input")?;
        return Ok((bytes, DataOrigin::Stdin));
    }
    let path = PathBuf::from(source);
    let bytes = read_file(&path).with_context(|| format!("cannot read the data of `{source}`"))?;
    Ok((bytes, DataOrigin::File(path)))
}

/// Reads data up to a bound, over which it is an error: a device may have no end.
fn bounded(data: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    data.take(MOST_DATA + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_DATA {
        return Err(io::Error::other("it has more than 2 GiB"));
    }
    Ok(bytes)
}

/// A method with its messages.
pub(super) struct Driven {
    pub(super) method: Method,
    pub(super) texts: Texts,
}

impl Driven {
    /// The only message, with the check of its reply.
    pub(super) fn only_message(&self) -> Result<Message> {
        let Texts::Encoded(corpus) = &self.texts else { bail!("a method has encoded messages") };
        let payload = Payload::of_corpus(corpus, &self.method, 1)?;
        match &payload.messages()[..] {
            [message] => Ok(message.clone()),
            messages => bail!(
                "the data has {}, and this command makes one call; give one message, or use `plimsoll run`",
                counted(messages.len() as u64, "message")
            ),
        }
    }
}

impl MethodFlags {
    /// Returns true if the flags name a method other than the built-in one.
    pub(super) fn is_given(&self) -> bool {
        self.method.is_some()
    }

    /// Reads the schema and the data. Returns `None` for the built-in method.
    ///
    /// # Errors
    /// The schema or the data cannot be read, or they do not fit the method.
    pub(super) fn driven(
        &self,
        target: Option<&Located>,
        metadata: &MetadataFlags,
    ) -> Result<Option<Driven>> {
        let Some(name) = &self.method else {
            if self.schema.has_files() {
                bail!("a schema is for the method that --method names; give --method too");
            }
            return Ok(None);
        };
        if target.is_none() {
            bail!(
                "--method needs a server: name it, such as `plimsoll run localhost:50051 --method {name}`; without a target this command starts its own server of example.FormatData/DoFormat"
            )
        }
        let (data, origin) = self.data()?;
        let format = if self.data_binary.is_some() {
            DataFormat::Binary
        } else {
            self.data_format.unwrap_or_default()
        };
        // Without JSON, and with a check of bytes alone, no schema is needed.
        let has_json = (format == DataFormat::Json && self.data.is_some())
            || matches!(self.expect, Some(WrittenCheck::Json(_) | WrittenCheck::File(_)));
        let is_of_bytes = match self.expect {
            Some(WrittenCheck::Named(expect)) => expect != Expect::Decodes,
            _ => self.data_binary.is_some() || format != DataFormat::Json,
        };
        let needs_schema = !self.checks.is_empty() || has_json || self.schema.has_files() || !is_of_bytes;
        let types = if needs_schema {
            let schema = self.schema.schema(target, Some(&name.service), metadata)?;
            Some(schema.types_of(name)?)
        } else {
            None
        };
        let shown = match &origin {
            DataOrigin::File(path) => path.display().to_string(),
            DataOrigin::Stdin => "standard input".to_owned(),
            _ => "--data".to_owned(),
        };
        let requests = match (&origin, format) {
            (DataOrigin::Empty, _) => vec![Vec::new()],
            _ => requests_of(&data, &shown, format, types.as_ref(), self.allow_unknown_fields)?,
        };
        let usual = if types.is_some() { Expect::Decodes } else { Expect::Ok };
        let (expect, reply) = match &self.expect {
            None => (usual, None),
            Some(WrittenCheck::Named(expect)) => (*expect, None),
            Some(WrittenCheck::Json(text)) => (usual, Some((text.clone(), "--expect".to_owned()))),
            Some(WrittenCheck::File(path)) => {
                let text = read_text(path)?;
                (usual, Some((text, path.display().to_string())))
            }
        };
        let mut corpus = Corpus::new(requests, origin, self.pick.unwrap_or_default(), expect)?;
        if let (Some((text, name)), Some(types)) = (&reply, &types) {
            let encoded = types.reply_of_json(text).map_err(|error| {
                let JsonError { line, column, what } = error;
                anyhow::anyhow!("the expected reply of {name} (line {line}, column {column}): {what}")
            })?;
            corpus = corpus.expecting(encoded);
        }
        if let (false, Some(types)) = (self.checks.is_empty(), &types) {
            let checks: Result<Vec<_>, _> = self.checks.iter().map(|check| types.check(check)).collect();
            corpus = corpus.checking(checks?);
        }
        Ok(Some(Driven { method: Method::new(name, types), texts: Texts::Encoded(corpus) }))
    }

    /// Reads the data, with its origin.
    fn data(&self) -> Result<(Vec<u8>, DataOrigin)> {
        if let Some(written) = &self.data_binary {
            return read_data(written.strip_prefix('@').unwrap_or(written));
        }
        let Some(written) = &self.data else { return Ok((Vec::new(), DataOrigin::Empty)) };
        match written.strip_prefix('@') {
            None if !written.trim_start().starts_with(['{', '[']) && Path::new(written).is_file() => {
                bail!("`{written}` is no JSON, but a file; write -d @{written} to read it")
            }
            None => {
                let kept = if self.no_data_in_result { String::new() } else { written.clone() };
                Ok((written.clone().into_bytes(), DataOrigin::Inline(kept)))
            }
            Some(source) => read_data(source),
        }
    }
}
