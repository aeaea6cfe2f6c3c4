//! Results in a stream, such as the log of many processes: one after the other, with lines of other programs between
//! them. One result at a time is in memory.

use std::io::{self, BufRead, Read};

use serde_json::value::RawValue;

/// Longest result, in bytes. The largest ones of this program have 2 MB.
const LONGEST: usize = 256 << 20;

/// Part of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A JSON object.
    Object(Vec<u8>),
    /// Text that is no JSON object: a line, or the first line of an object that was cut off.
    Other(String),
}

/// Reads the parts of a stream in order, and gives them to `take`.
///
/// # Errors
/// Errors of the reader and of `take`.
pub(super) fn read<E: From<io::Error>>(
    mut reader: impl BufRead,
    mut take: impl FnMut(Part) -> Result<(), E>,
) -> Result<(), E> {
    let mut pending = Vec::new();
    loop {
        let mut start = pending.len();
        let room = LONGEST.saturating_sub(start) + 1;
        let read = reader.by_ref().take(room as u64).read_until(b'\n', &mut pending)?;
        // An object that is not complete ends where the next one begins.
        if start > 0 && (read == 0 || pending[start..].starts_with(b"{")) {
            let next = pending.split_off(start);
            take(Part::Other(first_line(&pending)))?;
            (pending, start) = (next, 0);
        }
        if read == 0 {
            return Ok(());
        }
        if pending.len() > LONGEST {
            take(Part::Other(first_line(&pending)))?;
            pending.clear();
            continue;
        }
        // An object on several lines ends with a bracket at the start of a line. Only there it is parsed.
        let is_cut = !pending.ends_with(b"\n");
        if start == 0 || is_cut || pending[start..].starts_with(b"}") {
            objects(&mut pending, &mut take)?;
        }
    }
}

/// Takes complete objects from the start of a text, and what can be none. The start of an object stays.
fn objects<E>(text: &mut Vec<u8>, take: &mut impl FnMut(Part) -> Result<(), E>) -> Result<(), E> {
    let mut rest = text.trim_ascii_start();
    while !rest.is_empty() {
        let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<&RawValue>();
        match values.next() {
            Some(Ok(value)) if rest.starts_with(b"{") => {
                let end = values.byte_offset();
                take(Part::Object(value.get().as_bytes().to_vec()))?;
                rest = rest[end..].trim_ascii_start();
            }
            Some(Err(error)) if error.is_eof() && rest.starts_with(b"{") => {
                *text = rest.to_vec();
                return Ok(());
            }
            _ => {
                let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1);
                take(Part::Other(first_line(rest)))?;
                rest = rest[end..].trim_ascii_start();
            }
        }
    }
    text.clear();
    Ok(())
}

/// Returns the first line of a text, without its end.
fn first_line(text: &[u8]) -> String {
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    String::from_utf8_lossy(line.trim_ascii_end()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the objects, and the other parts.
    fn parts(text: &[u8]) -> (Vec<String>, Vec<String>) {
        let (mut objects, mut others) = (Vec::new(), Vec::new());
        // A small buffer: lines arrive in pieces.
        let reader = io::BufReader::with_capacity(7, text);
        let read = read(reader, |part| {
            match part {
                Part::Object(object) => objects.push(String::from_utf8(object).expect("UTF-8")),
                Part::Other(other) => others.push(other),
            }
            Ok::<_, io::Error>(())
        });
        read.expect("memory can be read");
        (objects, others)
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn results_are_found_among_lines_of_other_programs() {
        for (text, objects, others) in [
            ("", &[][..], &[][..]),
            ("{\"a\":1}\n{\"b\":2}", &["{\"a\":1}", "{\"b\":2}"], &[]),
            ("{\"a\":1}{\"b\":2}\n", &["{\"a\":1}", "{\"b\":2}"], &[]),
            ("a log line\n\n{\"a\":\n{\n}\n}\nend", &["{\n}"], &["a log line", "{\"a\":", "}", "end"]),
            ("{\n  \"a\": {\n    \"b\": 1\n  }\n}\nx\n", &["{\n  \"a\": {\n    \"b\": 1\n  }\n}"], &["x"]),
            ("{\"a\":1\n{\"b\":2}\n", &["{\"b\":2}"], &["{\"a\":1"]),
            ("{\"a\":1\n{\"bcdefgh\":\"ijklmnopqrs\"}\n", &["{\"bcdefgh\":\"ijklmnopqrs\"}"], &["{\"a\":1"]),
            ("{ no object\n{\"b\":2}\n", &["{\"b\":2}"], &["{ no object"]),
            ("[1]\n7 {\"b\":2}\n", &[], &["[1]", "7 {\"b\":2}"]),
            ("{\"a\":1} trailing\n", &["{\"a\":1}"], &["trailing"]),
            ("{\"a\":", &[], &["{\"a\":"]),
        ] {
            assert_eq!(parts(text.as_bytes()), (texts(objects), texts(others)), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_between_results_leave_them_whole(
            noise in proptest::collection::vec("[^{\\n]{0,20}", 0..6),
            is_pretty: bool,
        ) {
            let value = serde_json::json!({ "a": { "b": [1, "}\n{"] }, "c": null });
            let written = if is_pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            let written = written.expect("JSON");
            let mut text = String::new();
            for line in &noise {
                text.push_str(line);
                text.push('\n');
                text.push_str(&written);
                text.push('\n');
            }
            let (objects, _) = parts(text.as_bytes());
            proptest::prop_assert_eq!(objects, vec![written; noise.len()]);
        }
    }
}
