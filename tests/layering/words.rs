//! Plain words: a doc comment starts with a noun or a verb.

use std::{
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::{Expr, ExprLit, Lit, MetaNameValue};

/// Folders whose doc comments are checked.
const FOLDERS: [&str; 3] = ["src", "benches", "examples"];

/// First words of clauses that describe an item without naming it, in lower case.
const FORBIDDEN: [&str; 18] = [
    "what", "which", "those", "these", "that", "the same", "whether", "how", "of", "who", "where", "when",
    "as", "so", "nobody", "somebody", "it", "if",
];

/// One line of a doc comment.
struct DocLine {
    /// Text after the slashes.
    text: String,
    /// True for `//!`, false for `///`.
    is_inner: bool,
    /// True for the first line of its comment.
    is_first: bool,
}

/// Collects the doc comments of a token stream in the order of the source, including those inside macro calls.
fn doc_lines(tokens: TokenStream, found: &mut Vec<DocLine>) {
    let mut before: Option<bool> = None;
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let is_hash = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '#');
        let is_bang = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == '!');
        let is_inner = is_hash && tokens.next_if(is_bang).is_some();
        let text = match tokens.peek() {
            Some(TokenTree::Group(group)) if is_hash && group.delimiter() == Delimiter::Bracket => {
                doc_text(group.stream())
            }
            _ => None,
        };
        match (text, token) {
            (Some(text), _) => {
                tokens.next();
                found.push(DocLine { text, is_inner, is_first: before != Some(is_inner) });
                before = Some(is_inner);
            }
            (None, TokenTree::Group(group)) => {
                doc_lines(group.stream(), found);
                before = None;
            }
            (None, _) => before = None,
        }
    }
}

/// Returns the text of a `doc = "..."` attribute, or `None` for another attribute.
fn doc_text(attribute: TokenStream) -> Option<String> {
    let MetaNameValue { path, value, .. } = syn::parse2(attribute).ok()?;
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if path.is_ident("doc") => Some(text.value()),
        _ => None,
    }
}

/// Returns the forbidden word that starts a text, if there is one. Code in backticks counts as a noun.
fn forbidden_start(text: &str) -> Option<&'static str> {
    let lower = text.trim_start().to_lowercase();
    let words: Vec<&str> = lower
        .split_whitespace()
        .map(|word| word.split(|character: char| !character.is_alphanumeric() && character != '`'))
        .filter_map(|mut parts| parts.find(|part| !part.is_empty()))
        .take(2)
        .collect();
    let is_start = |forbidden: &&str| {
        let count = forbidden.split(' ').count();
        words.get(..count).is_some_and(|start| start.join(" ") == *forbidden)
    };
    FORBIDDEN.iter().copied().find(is_start)
}

/// Lists the doc comments of a source text that start with a forbidden word: file, line, word and text.
fn findings(file: &Path, source: &str) -> Vec<String> {
    let tokens: TokenStream = source.parse().unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut comments = Vec::new();
    doc_lines(tokens, &mut comments);
    let mut lines = source.lines().enumerate();
    let mut findings = Vec::new();
    for DocLine { text, is_inner, is_first } in comments {
        // Tokens carry no line numbers. The lines of the source come in the same order.
        let slashes = if is_inner { "//!" } else { "///" };
        let is_its_line = |line: &str| line.trim_start().strip_prefix(slashes) == Some(text.as_str());
        let line = lines.by_ref().find(|(_, line)| is_its_line(line)).map(|(index, _)| index + 1);
        let line = line.unwrap_or_else(|| {
            panic!("{}: write the doc comment `{text}` with `{slashes}`", file.display());
        });
        if let Some(word) = forbidden_start(&text).filter(|_| is_first) {
            findings.push(format!("{}:{line}: starts with `{word}`:{text}", file.display()));
        }
    }
    findings
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[test]
fn a_doc_comment_starts_with_a_noun_or_a_verb() {
    let mut files = Vec::new();
    for folder in FOLDERS {
        sources(Path::new(folder), &mut files);
    }
    files.sort();
    assert!(files.len() > 100, "only {} files", files.len());
    let read = |file: &PathBuf| {
        let source = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        findings(file, &source)
    };
    let found: Vec<String> = files.iter().flat_map(read).collect();
    assert!(
        found.is_empty(),
        "{} doc comments should start with a noun or a verb that names the item:\n{}",
        found.len(),
        found.join("\n")
    );
}

#[test]
fn the_check_names_file_line_and_word() {
    let source = "\
//! What this file is for.
//! Which is not the first line.

/// The same for a duration.
///
/// When nothing is left.
pub struct Wait {
    /// How long.
    #[serde(default)]
    /// A second comment of the field.
    time: u64,
}

named! {
    /// Whether it is set.
    is_set
}

/// Returns the rest.
#[derive(Debug)]
struct Rest;

mod rest {
    //! Of the module.

    /// If not, none.
    struct Some;
}
";
    assert_eq!(
        findings(Path::new("a.rs"), source),
        [
            "a.rs:1: starts with `what`: What this file is for.",
            "a.rs:4: starts with `the same`: The same for a duration.",
            "a.rs:8: starts with `how`: How long.",
            "a.rs:15: starts with `whether`: Whether it is set.",
            "a.rs:24: starts with `of`: Of the module.",
            "a.rs:26: starts with `if`: If not, none.",
        ]
    );
}

#[test]
fn only_whole_first_words_are_forbidden() {
    for (text, word) in [
        ("WHAT is left.", Some("what")),
        ("\"It\" in quotes", Some("it")),
        ("It's late.", Some("it")),
        ("(Where it lies)", Some("where")),
        ("The same", Some("the same")),
        ("The sample", None),
        ("The server", None),
        ("Offset of a byte", None),
        ("Whatever", None),
        ("`if` as a keyword", None),
        ("[`what`] as a link", None),
        ("Item", None),
        ("", None),
    ] {
        assert_eq!(forbidden_start(text), word, "{text}");
    }
}

#[test]
fn text_in_a_string_is_no_comment() {
    let source = "const TEXT: &str = \"\n/// What a string holds.\n\"; // What a plain comment says.\n";
    assert_eq!(findings(Path::new("a.rs"), source), Vec::<String>::new());
}
