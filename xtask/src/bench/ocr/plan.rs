//! What is measured how often: which tools on which documents.

use anyhow::{Result, bail};

use super::{
    documents,
    tools::{self, Tool},
};

/// Runs of the lower bound, and of what is over in a second: few runs of a short thing say little.
const RUNS_OF_SHORT_THINGS: u32 = 5;

/// The lower bound's name on the command line.
const LOWER_BOUND: &str = "lower-bound";

/// What is measured.
pub(super) struct Plan {
    /// Names of the documents.
    pub(super) documents: Vec<&'static str>,
    /// The tools.
    pub(super) tools: Vec<Tool>,
    /// Whether the lower bound is measured.
    pub(super) lower_bound: bool,
    rounds: u32,
    names_tools: bool,
}

impl Plan {
    /// What the command line asks for; names that nobody has are refused.
    pub(super) fn new(only: &[String], rounds: u32, long: bool) -> Result<Self> {
        let document = |name: &str| documents::ALL.iter().map(|(id, _)| *id).find(|id| *id == name);
        let tool = |name: &str| tools::ALL.into_iter().find(|tool| tool.id() == name);
        if let Some(stranger) = only.iter().find(|name| document(name).is_none() && tool(name).is_none() && *name != LOWER_BOUND) {
            bail!("--only: nothing is called \"{stranger}\"; see cargo xtask bench ocr --help");
        }
        let named: Vec<&'static str> = documents::ALL.iter().map(|(id, _)| *id).filter(|id| only.iter().any(|name| name == id)).collect();
        let usual = documents::ALL.iter().map(|(id, _)| *id).filter(|id| long || *id != "thousand");
        let tools: Vec<Tool> = tools::ALL.into_iter().filter(|tool| only.iter().any(|name| name == tool.id())).collect();
        let names_bound = only.iter().any(|name| name == LOWER_BOUND);
        let names_tools = names_bound || !tools.is_empty();
        Ok(Self {
            documents: if named.is_empty() { usual.collect() } else { named },
            tools: if names_tools { tools } else { tools::ALL.to_vec() },
            lower_bound: names_bound || !names_tools,
            rounds,
            names_tools,
        })
    }

    /// How often `tool` reads a document; several times where a goal speaks of it.
    pub(super) fn rounds(&self, tool: Tool, document: &str) -> u32 {
        let without_goal = matches!(tool, Tool::OcrmypdfDefaults | Tool::OcrmypdfDebian);
        match document {
            // These show memory and temporary files of ours; peers take a quarter of an hour for them.
            "hundred" | "thousand" if tool != Tool::Crpipeline && !self.names_tools => 0,
            "scan24" if !without_goal => self.rounds,
            "one-page" if tool == Tool::Crpipeline => self.rounds_of_short_things(),
            _ => 1,
        }
    }

    /// How often the lower bound is measured.
    pub(super) fn lower_bound_rounds(&self, document: &str) -> u32 {
        match document {
            _ if !self.lower_bound => 0,
            "scan24" | "one-page" => self.rounds_of_short_things(),
            "hundred" | "thousand" | "vector" => 0,
            _ => 1,
        }
    }

    fn rounds_of_short_things(&self) -> u32 {
        // Who asks for one round wants to see that it works.
        if self.rounds == 1 { 1 } else { self.rounds.max(RUNS_OF_SHORT_THINGS) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(only: &[&str], rounds: u32, long: bool) -> Plan {
        Plan::new(&only.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(), rounds, long).unwrap()
    }

    #[test]
    fn without_names_all_is_measured_but_the_longest() {
        let all = plan(&[], 3, false);
        assert_eq!((all.documents.len(), all.tools.len(), all.lower_bound), (documents::ALL.len() - 1, tools::ALL.len(), true));
        assert!(plan(&[], 3, true).documents.contains(&"thousand"));
        assert_eq!((all.rounds(Tool::Kreuzberg, "scan24"), all.rounds(Tool::OcrmypdfDebian, "scan24")), (3, 1));
        assert_eq!((all.rounds(Tool::Crpipeline, "hundred"), all.rounds(Tool::Kreuzberg, "hundred")), (1, 0));
        assert_eq!((all.lower_bound_rounds("scan24"), all.lower_bound_rounds("vector")), (5, 0));
    }

    #[test]
    fn names_choose_documents_and_tools_apart() {
        let one = plan(&["scan24"], 1, false);
        assert_eq!(
            (one.documents.as_slice(), one.tools.len(), one.lower_bound_rounds("scan24")),
            (["scan24"].as_slice(), tools::ALL.len(), 1)
        );
        let ours = plan(&["crpipeline", "lower-bound"], 2, false);
        assert_eq!((ours.tools.as_slice(), ours.lower_bound), ([Tool::Crpipeline].as_slice(), true));
        assert_eq!(plan(&["thousand", "kreuzberg"], 3, false).rounds(Tool::Kreuzberg, "thousand"), 1, "asked for by name");
        assert!(!plan(&["kreuzberg"], 3, false).lower_bound);
        assert!(Plan::new(&["scan25".to_owned()], 3, false).err().unwrap().to_string().contains("scan25"));
    }

    #[test]
    fn the_help_names_every_document_and_tool() {
        let names = documents::ALL.iter().map(|(id, _)| *id).chain(tools::ALL.iter().map(|tool| tool.id())).chain([LOWER_BOUND]);
        for name in names {
            assert!(super::super::EXAMPLES.lines().take(2).any(|line| line.split([' ', ',']).any(|word| word == name)), "{name}");
        }
    }
}
