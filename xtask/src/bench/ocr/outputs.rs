//! What a run left behind, against what really stands on the pages.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, ensure};

use super::{
    documents::{Document, Receipt, Truth, read_text},
    receipts::{self, FieldShares},
    results::LabelScore,
    score::{Score, score},
    tools::Tool,
};

/// The scores of one run.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Scores {
    /// The text that it wrote; none where a document that is text already was passed over.
    pub(super) text: Option<Score>,
    /// The text layer of the PDF that it wrote.
    pub(super) text_layer: Option<Score>,
    /// Fields found in the text.
    pub(super) fields: Option<FieldShares>,
    /// The text by kind of page.
    pub(super) by_label: Vec<LabelScore>,
}

/// Scores what `tool` wrote into `folder`.
///
/// # Errors
/// When an output is missing: a tool that leaves nothing has failed.
pub(super) fn scores(tool: Tool, document: &Document, folder: &Path) -> Result<Scores> {
    let stems = document.files.iter().map(|file| file.file_stem().unwrap_or_default().to_string_lossy().into_owned());
    let (mut texts, mut layers) = (Vec::new(), Vec::new());
    for stem in stems {
        texts.push(read_text(&folder.join(format!("{stem}.txt")))?);
        if tool.writes_pdf() {
            layers.push(text_layer(&folder.join(format!("{stem}.pdf")))?);
        }
    }
    // Told to skip pages with text, OCRmyPDF writes none of it down.
    let has_text = !(document.is_text && tool.id().starts_with("ocrmypdf"));
    Ok(match &document.truth {
        Truth::Pages { texts: truth, labels } => Scores {
            text: has_text.then(|| of_pages(truth, &texts[0])),
            text_layer: layers.first().map(|layer| of_pages(truth, layer)),
            fields: None,
            by_label: if document.is_text { Vec::new() } else { by_label(truth, labels, &texts[0]) },
        },
        Truth::Receipts(receipts) => Scores {
            text: Some(of_receipts(receipts, &texts)),
            text_layer: (!layers.is_empty()).then(|| of_receipts(receipts, &layers)),
            fields: Some(receipts::found(receipts.iter().zip(&texts).map(|(receipt, text)| (&receipt.fields, text.as_str())))),
            by_label: Vec::new(),
        },
    })
}

/// What poppler reads out of a searchable PDF; pages end with a form feed.
fn text_layer(pdf: &Path) -> Result<String> {
    let output = Command::new("pdftotext").args(["-enc", "UTF-8"]).arg(pdf).arg("-").output().context("running pdftotext")?;
    ensure!(output.status.success(), "pdftotext cannot read {}: {}", pdf.display(), String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn of_pages(truth: &[String], text: &str) -> Score {
    let mut pages = text.split('\u{c}');
    score(truth.iter().map(|truth| (truth.as_str(), pages.next().unwrap_or_default())))
}

fn of_receipts(receipts: &[Receipt], texts: &[String]) -> Score {
    score(receipts.iter().zip(texts).map(|(receipt, text)| (receipt.text.as_str(), text.as_str())))
}

fn by_label(truth: &[String], labels: &[String], text: &str) -> Vec<LabelScore> {
    let pages: Vec<&str> = text.split('\u{c}').collect();
    let mut kinds: Vec<&String> = Vec::new();
    for label in labels {
        if !kinds.contains(&label) {
            kinds.push(label);
        }
    }
    let of_kind = |kind: &String| {
        let numbers = (0..truth.len()).filter(|number| labels.get(*number) == Some(kind));
        let pairs = numbers.map(|number| (truth[number].as_str(), pages.get(number).copied().unwrap_or_default()));
        LabelScore { label: kind.clone(), score: score(pairs) }
    };
    kinds.into_iter().map(of_kind).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_told_apart_by_form_feeds_and_missing_ones_are_lost() {
        let truth = ["one two".to_owned(), "three".to_owned()];
        assert_eq!(of_pages(&truth, "one two\u{c}three\u{c}").f1, 1.0);
        assert!((of_pages(&truth, "one two three").recall - 0.6667).abs() < 1e-9, "words on the wrong page are not found");
    }

    #[test]
    fn each_kind_of_page_has_its_own_score() {
        let truth = ["a b", "c d", "e f"].map(str::to_owned);
        let labels = ["5 pt", "6 pt", "5 pt"].map(str::to_owned);
        let scores = by_label(&truth, &labels, "a b\u{c}c x\u{c}e f");
        let told: Vec<(&str, f64)> = scores.iter().map(|score| (score.label.as_str(), score.score.recall)).collect();
        assert_eq!(told, [("5 pt", 1.0), ("6 pt", 0.5)]);
    }
}
