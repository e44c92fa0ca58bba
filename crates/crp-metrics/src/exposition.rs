//! The answer to a scrape: text 0.0.4 unless OpenMetrics is asked for and preferred.

use prometheus_client::{encoding::text, registry::Registry};

/// The formats that a scraper can have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exposition {
    /// Prometheus text format 0.0.4, which every scraper, promtool and curl understand.
    #[default]
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Exposition {
    /// The format that an `Accept` header asks for. OpenMetrics must be named, and preferred to plain text;
    /// wildcards and anything that cannot be read mean text.
    pub fn for_accept(accept: Option<&str>) -> Self {
        let (mut open_metrics, mut plain) = (0.0_f32, 0.0_f32);
        for range in accept.unwrap_or_default().split(',') {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default().to_ascii_lowercase();
            let parameters: Vec<(&str, &str)> = parts.filter_map(|p| p.split_once('=')).collect();
            let weight = weight(&parameters);
            match media.as_str() {
                "application/openmetrics-text" if is_version_1(&parameters) => open_metrics = open_metrics.max(weight),
                "text/plain" => plain = plain.max(weight),
                _ => {}
            }
        }
        if open_metrics > plain { Exposition::OpenMetrics } else { Exposition::Text }
    }

    /// The `Content-Type` of the body; Prometheus 3 refuses a scrape without a known one.
    pub const fn content_type(self) -> &'static str {
        match self {
            Exposition::Text => "text/plain; version=0.0.4; charset=utf-8",
            Exposition::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The `q` of a media range: 1 if it says nothing, 0 if what it says is not a weight.
fn weight(parameters: &[(&str, &str)]) -> f32 {
    match parameters.iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("q")) {
        None => 1.0,
        Some((_, value)) => value.trim().parse().ok().filter(|q| (0.0..=1.0).contains(q)).unwrap_or(0.0),
    }
}

/// Whether a media range of OpenMetrics means the version that we speak.
fn is_version_1(parameters: &[(&str, &str)]) -> bool {
    let version = parameters.iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("version"));
    version.is_none_or(|(_, value)| value.trim().trim_matches('"') == "1.0.0")
}

/// Everything that `registry` holds.
pub(crate) fn body(registry: &Registry, exposition: Exposition) -> String {
    let mut open_metrics = String::with_capacity(128 * 1024);
    text::encode(&mut open_metrics, registry).expect("writing to a String cannot fail");
    match exposition {
        Exposition::Text => text_format(&open_metrics),
        Exposition::OpenMetrics => open_metrics,
    }
}

/// OpenMetrics as text 0.0.4: there a counter is named with its `_total` in `# HELP` and `# TYPE`, and units and the end have no lines.
fn text_format(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len() + 1024);
    let mut help: Option<(&str, &str)> = None;
    for line in open_metrics.lines() {
        if let Some(described) = line.strip_prefix("# HELP ") {
            help = described.split_once(' ');
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|typed| typed.split_once(' ')) {
            let suffix = if kind == "counter" { "_total" } else { "" };
            if let Some((_, help)) = help.take() {
                text.extend(["# HELP ", name, suffix, " ", help, "\n"]);
            }
            text.extend(["# TYPE ", name, suffix, " ", kind, "\n"]);
        } else if !line.starts_with("# ") {
            text.extend([line, "\n"]);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::Exposition::{self, OpenMetrics, Text};

    #[test]
    fn open_metrics_comes_only_to_those_who_name_and_prefer_it() {
        let prometheus_2 = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let prometheus_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        let cases = [
            (None, Text),
            (Some(""), Text),
            (Some("*/*"), Text),
            (Some("text/html,application/xhtml+xml,*/*;q=0.8"), Text),
            (Some("application/*"), Text),
            (Some(prometheus_2), OpenMetrics),
            (Some(prometheus_3), OpenMetrics),
            (Some("application/openmetrics-text"), OpenMetrics),
            (Some("Application/OpenMetrics-Text ; Version=\"1.0.0\" ; Q=0.5"), OpenMetrics),
            (Some("application/openmetrics-text; version=0.0.1"), Text),
            (Some("application/openmetrics-text; version=2.0.0"), Text),
            (Some("application/openmetrics-text; q=0"), Text),
            (Some("application/openmetrics-text; q=much"), Text),
            (Some("application/openmetrics-text; q=NaN"), Text),
            (Some("application/openmetrics-text; q=0.4, text/plain; q=0.5"), Text),
            (Some("application/openmetrics-text; q=0.5, text/plain; q=0.4"), OpenMetrics),
            (Some("application/openmetrics-text, text/plain"), Text),
            (Some(";;==,,;q"), Text),
        ];
        for (accept, expected) in cases {
            assert_eq!(Exposition::for_accept(accept), expected, "{accept:?}");
        }
    }

    #[test]
    fn a_counter_is_named_with_its_total_in_text_and_units_and_the_end_are_left_out() {
        let open_metrics =
            "# HELP jobs Jobs.\n# TYPE jobs counter\n# UNIT jobs x\njobs_total{a=\"# EOF\"} 1\n# TYPE depth gauge\ndepth 2\n# EOF\n";
        let text = "# HELP jobs_total Jobs.\n# TYPE jobs_total counter\njobs_total{a=\"# EOF\"} 1\n# TYPE depth gauge\ndepth 2\n";
        assert_eq!(super::text_format(open_metrics), text);
    }
}
