//! The skeleton of a page: one file that opens without a network.
//!
//! Its policy allows no connection at all, the style in the page, and one script, by its hash. All texts are escaped by
//! the crate that makes the markup; what is not escaped comes from [`crate::report::plot`], which is made of numbers.

use std::io::{self, Write};

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::figure::figure;
use crate::report::page::content::{Band, Page, Tone};

const STYLE: &str = include_str!("style.css");

const SCRIPT: &str = include_str!("script.js");

/// SHA-256 of the script, in base64. A test computes it.
const SCRIPT_HASH: &str = "sha256-LvDoNenGwdp7UvaLCbTzvFJyHda+VPQXTvfzQj94vLA=";

/// Writes a page. The same document gives the same bytes.
///
/// # Errors
/// Errors of the writer.
pub fn write(page: &Page, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(markup(page).into_string().as_bytes())?;
    out.flush()
}

fn markup(page: &Page) -> Markup {
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src '{SCRIPT_HASH}'; img-src data:; base-uri 'none'; form-action 'none'"
    );
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width,initial-scale=1";
                meta name="generator" content={ "plimsoll " (env!("CARGO_PKG_VERSION")) };
                title { (page.title) }
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    header { h1 { (page.title) } }
                    (band(&page.band))
                    @for (index, line) in page.headline.iter().enumerate() {
                        p class=[(index == 0).then_some("big")] { (line) }
                    }
                    @for figure in &page.figures { (self::figure(figure)) }
                    @if !page.facts.is_empty() {
                        section {
                            h2 { "How was it made?" }
                            dl { @for (name, value) in &page.facts { dt { (name) } dd { (value) } } }
                        }
                    }
                    details { summary { "The report as text" } pre tabindex="0" { (page.text) } }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

fn band(band: &Band) -> Markup {
    let class = match band.tone {
        Tone::Good => "band",
        Tone::Doubtful => "band doubt",
        Tone::Bad => "band bad",
    };
    html! {
        section class=(class) aria-label="What to know first" {
            @if !band.result.is_empty() { p.big { (band.result) } }
            @for (word, text, advice) in &band.lines {
                p {
                    @if !word.is_empty() { strong { (word) } @if !text.is_empty() { ": " } }
                    (text)
                    @if !advice.is_empty() { br; span.muted { (advice) } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_STANDARD};

    use super::*;

    #[test]
    fn the_policy_allows_this_script_and_no_other() {
        let hash = ring::digest::digest(&ring::digest::SHA256, SCRIPT.as_bytes());
        assert_eq!(SCRIPT_HASH, format!("sha256-{}", BASE64_STANDARD.encode(hash)));
    }

    #[test]
    fn style_and_script_are_small_and_load_nothing() {
        assert!(SCRIPT.len() < 8_000 && STYLE.len() < 8_000);
        for loads in ["url(", "@import", "fetch(", "http", "</"] {
            assert!(!STYLE.contains(loads) && !SCRIPT.contains(loads), "{loads}");
        }
    }
}
