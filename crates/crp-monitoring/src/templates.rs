//! The text files of the export: configuration of Prometheus, Alertmanager, Grafana and Docker, filled in from the settings.

use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context, syntax::SyntaxConfig};

use crate::{
    ALERTS, Settings,
    export::MADE,
    rules,
    settings::{host_of, is_this_machine},
};

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

const TEMPLATES: &[Template] = &[
    // A file of that name among the templates would make Git ignore them.
    file!(".gitignore", from "gitignore", Containers),
    file!("README.md"),
    file!("alertmanager.yml"),
    file!("alertmanager.host.yml", from "alertmanager.yml", Host),
    file!("docker-compose.yml"),
    file!("docker-compose.host.yml", from "docker-compose.host.yml", Host),
    file!("docker-compose.grafana-alerts.yml"),
    file!("docker-compose.grafana-slack.yml"),
    file!("grafana/datasources.host/prometheus.yaml", from "grafana/provisioning/datasources/prometheus.yaml", Host),
    file!("grafana/opt-in/alerting/contact-point.yaml"),
    file!("grafana/opt-in/alerting/login-failures.yaml"),
    file!("grafana/opt-in/slack/contact-point.yaml"),
    file!("grafana/provisioning/alerting/none.yaml"),
    file!("grafana/provisioning/dashboards/dashboard.yaml"),
    file!("grafana/provisioning/datasources/prometheus.yaml"),
    file!("grafana/provisioning/plugins/none.yaml"),
    file!("prometheus.yml"),
    file!("prometheus.host.yml", from "prometheus.yml", Host),
    file!("secrets/.gitignore", from "secrets/gitignore", Containers),
    file!("secrets/README.md"),
];

/// The alert that Grafana can make instead of Prometheus.
const LOGIN_FAILURES: &str = "CrpipelineLoginFailures";

/// What Grafana's container runs first, in both compose files.
const GRAFANA_ENTRYPOINT: &str = include_str!("../templates/grafana-entrypoint.txt");

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
    let at = |container: &str, port: u16| if on_host { format!("localhost:{port}") } else { container.to_owned() };
    let own_mail_server = if on_host { "localhost:25" } else { "host.docker.internal:25" };
    let smarthost = settings.smtp_smarthost.as_deref().unwrap_or(own_mail_server);
    let given = context! {
        made => MADE,
        settings,
        on_host,
        targets => if on_host { &settings.host_targets } else { &settings.targets },
        prometheus => format!("http://{}", at("prometheus:9090", settings.prometheus_port)),
        alertmanager => at("alertmanager:9093", settings.alertmanager_port),
        smarthost,
        is_own_mail_server => is_own_mail_server(smarthost),
        wants_starttls => !is_own_mail_server(smarthost) && !smarthost.ends_with(":465"),
        login => as_grafana_tells(LOGIN_FAILURES, settings),
        grafana_entrypoint => GRAFANA_ENTRYPOINT.trim_end(),
    };
    environment.render_str(template.source, given).unwrap_or_else(|error| panic!("the template of {}: {error:#}", template.path))
}

/// What the alert `name` says, in Grafana's words for the same things: a query by its letter, and no dollar signs.
fn as_grafana_tells(name: &str, settings: &Settings) -> Value {
    let alert = ALERTS.iter().find(|alert| alert.name == name).expect("an alert of that name");
    let translated = |text: &str| text.replace("$value", ".Values.A.Value").replace("$labels.", ".Labels.");
    context! {
        summary => translated(alert.summary),
        description => translated(alert.description),
        first_step => translated(alert.first_step),
        runbook => rules::runbook(alert, settings),
    }
}

/// Whether a mail server is this machine's own, which containers know by another name: it has no certificate in it and needs none.
fn is_own_mail_server(smarthost: &str) -> bool {
    let host = host_of(smarthost);
    is_this_machine(host) || host == "host.docker.internal"
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
