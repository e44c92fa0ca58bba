//! The text files of the export: configuration of Prometheus, Alertmanager, Grafana and Docker, filled in from the settings.

use minijinja::{AutoEscape, Environment, UndefinedBehavior, context, syntax::SyntaxConfig};

use crate::{Settings, export::MADE};

/// Where the programs that watch run.
#[derive(Clone, Copy)]
enum Place {
    /// In containers beside crPipeline: they find each other by their names.
    Containers,
    /// On crPipeline's own machine: they find each other at localhost.
    Host,
}

/// One file of the export.
struct Template {
    /// Where it goes below the folder.
    path: &'static str,
    source: &'static str,
    place: Place,
}

/// A file that says the same in both places, or belongs to one of them.
macro_rules! file {
    ($path:literal) => {
        file!($path, from $path, Containers)
    };
    ($path:literal, from $source:literal, $place:ident) => {
        Template { path: $path, source: include_str!(concat!("../templates/", $source)), place: Place::$place }
    };
}

const TEMPLATES: &[Template] = &[file!("prometheus.yml"), file!("prometheus.host.yml", from "prometheus.yml", Host)];

/// Every file with its path below the folder.
pub(crate) fn rendered(settings: &Settings) -> Vec<(String, String)> {
    let environment = environment();
    TEMPLATES.iter().map(|template| (template.path.to_owned(), render(&environment, template, settings))).collect()
}

/// An environment whose marks leave Go templates (`{{ … }}`), shell and YAML alone.
fn environment() -> Environment<'static> {
    let syntax = SyntaxConfig::builder()
        .block_delimiters("<%", "%>")
        .variable_delimiters("<<", ">>")
        .comment_delimiters("<#", "#>")
        .build()
        .expect("the delimiters differ");
    let mut environment = Environment::new();
    environment.set_syntax(syntax);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_keep_trailing_newline(true);
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    // What an operator chose cannot end its string or its line.
    environment.add_filter("quoted", |text: &str| serde_json::Value::from(text).to_string());
    environment
}

fn render(environment: &Environment<'_>, template: &Template, settings: &Settings) -> String {
    let on_host = matches!(template.place, Place::Host);
    let given = context! {
        made => MADE,
        on_host,
        targets => if on_host { &settings.host_targets } else { &settings.targets },
        alertmanager => if on_host { format!("localhost:{}", settings.alertmanager_port) } else { "alertmanager:9093".to_owned() },
        settings,
    };
    environment.render_str(template.source, given).unwrap_or_else(|error| panic!("the template of {}: {error:#}", template.path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_template_language_is_left_and_go_templates_pass() {
        for (path, text) in rendered(&Settings::default()) {
            for mark in ["<%", "%>", "<<", ">>", "<#", "#>"] {
                assert!(!text.contains(mark), "{path} contains {mark}");
            }
            assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{path} does not end with one line break");
        }
    }

    #[test]
    fn what_an_operator_chose_stays_one_string() {
        let settings = Settings { job_name: "a\"\nb: c".to_owned(), ..Settings::default() };
        let files = rendered(&settings);
        let (_, text) = files.iter().find(|(path, _)| path == "prometheus.yml").unwrap();
        assert!(text.contains(r#"job_name: "a\"\nb: c""#), "{text}");
    }
}
