//! Methods of a service, and the request of one of them.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::outside::in_lines;
use crate::{
    result::DocumentKind,
    rpc::{
        MethodName,
        schema::{MethodEntry, Schema, SchemaError, Types},
    },
};

/// Methods that can be called, and the request of a method that was named.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Methods {
    /// Schema of the document: the value of `DocumentKind::Methods.schema()`.
    pub schema: &'static str,
    /// Methods of all services, of one service, or one method, as was requested.
    pub methods: Vec<MethodEntry>,
    /// Request to start from, by the canonical JSON mapping; absent unless one method was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<Value>,
    /// Paths of the strings and bytes that can make the request larger; absent unless one method was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_grow: Option<Vec<String>>,
}

impl Methods {
    /// Lists methods.
    #[must_use]
    pub fn listed(methods: Vec<MethodEntry>) -> Self {
        Self { schema: DocumentKind::Methods.schema(), methods, example: None, can_grow: None }
    }

    /// Describes one method.
    ///
    /// # Errors
    /// The schema does not have the method, or the method streams.
    pub fn of_one(schema: &Schema, name: &MethodName) -> Result<Self, SchemaError> {
        let types: Types = schema.types_of(name)?;
        let is_named = |entry: &MethodEntry| entry.service == name.service && entry.method == name.method;
        let methods = schema.methods().into_iter().filter(is_named).collect();
        Ok(Self {
            example: Some(types.request_skeleton()),
            can_grow: Some(types.growable_fields()),
            ..Self::listed(methods)
        })
    }
}

/// Writes the list as text, or the description of one method. Names of a server's services may be anything, so
/// active characters are escaped.
///
/// # Errors
/// Errors of the writer.
pub fn write(methods: &Methods, out: &mut dyn Write) -> io::Result<()> {
    let mut text = Vec::new();
    match (&methods.example, methods.methods.first()) {
        (Some(example), Some(method)) => {
            describe(method, example, methods.can_grow.as_deref().unwrap_or(&[]), &mut text)?;
        }
        _ => list(&methods.methods, &mut text)?,
    }
    out.write_all(in_lines(&String::from_utf8_lossy(&text)).as_bytes())?;
    out.flush()
}

fn describe(method: &MethodEntry, example: &Value, growable: &[String], out: &mut Vec<u8>) -> io::Result<()> {
    let MethodEntry { service, method, request, reply, .. } = method;
    writeln!(out, "{service}/{method}\n  request    {request}\n  reply      {reply}")?;
    if !growable.is_empty() {
        writeln!(out, "  can grow   {}", growable.join(", "))?;
    }
    writeln!(out, "\n{example:#}")
}

fn list(methods: &[MethodEntry], out: &mut Vec<u8>) -> io::Result<()> {
    if methods.is_empty() {
        writeln!(out, "no methods")?;
    }
    let mut service = None;
    for entry in methods {
        if service != Some(&entry.service) {
            let gap = if service.is_none() { "" } else { "\n" };
            service = Some(&entry.service);
            writeln!(out, "{gap}{}", entry.service)?;
        }
        let stream = |streams: bool| if streams { "stream " } else { "" };
        let (requests, replies) = (stream(entry.streams_requests), stream(entry.streams_replies));
        let MethodEntry { method, request, reply, .. } = entry;
        writeln!(out, "  {method}({requests}{request}) returns ({replies}{reply})")?;
    }
    Ok(())
}
