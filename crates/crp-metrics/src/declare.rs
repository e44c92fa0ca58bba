//! What a declaration of the catalogue says, and the macro that turns declarations into fields, series and a table.

use std::fmt;

use crp_model::labels::Label;
use prometheus_client::registry::Registry;

use crate::{BuildInfo, Route};

/// The type of a metric, as Prometheus calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows; starts again at zero with the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations into buckets.
    Histogram,
}

impl Kind {
    /// The name in the `# TYPE` line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whose state a metric tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// This process alone: summed over processes.
    Instance,
    /// The whole service, read from the database: the same in every process, so queries take `max`, never `sum`.
    Service,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scope::Instance => "instance",
            Scope::Service => "service",
        })
    }
}

/// The name of a label and what gives its values.
pub type LabelValues = (&'static str, fn() -> Vec<&'static str>);

/// One metric of the catalogue, as documentation, dashboards and checks see it.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The exported name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// One or two sentences without a final full stop, as in the `# HELP` line.
    pub help: &'static str,
    /// Label names with their values; no values where they are only known at construction ([`Given`]).
    pub labels: &'static [LabelValues],
    /// Upper bounds of the buckets in seconds, without `+Inf`; empty unless a histogram.
    pub buckets: &'static [f64],
    /// Whose state it tells.
    pub scope: Scope,
}

/// A label whose values are given when the metrics are constructed: routes, versions.
#[derive(Clone, Copy, Debug)]
pub enum Given {}

impl Label for Given {
    const VALUES: &'static [Self] = &[];

    fn label(self) -> &'static str {
        match self {}
    }
}

/// What is known when the metrics are born.
pub(crate) struct Birth {
    pub(crate) info: BuildInfo,
    pub(crate) routes: &'static [Route],
}

/// Something that the catalogue can hold.
pub(crate) trait Instrument {
    /// The type that the catalogue tells.
    const KIND: Kind;

    /// Every series of `entry`, at zero.
    fn born(entry: &Entry, birth: &Birth) -> Self;

    /// Hands the series to the registry under the name `family`.
    fn register(&self, registry: &mut Registry, family: &str, help: &str);
}

/// The values of one label.
pub(crate) fn values<L: Label>() -> Vec<&'static str> {
    L::VALUES.iter().map(|v| v.label()).collect()
}

/// A new instrument, known to the registry. The registry appends `_total` to counters and a full stop to the help.
pub(crate) fn exported<I: Instrument>(entry: &Entry, birth: &Birth, registry: &mut Registry) -> I {
    let instrument = I::born(entry, birth);
    instrument.register(registry, family_name(entry), &escaped_help(entry.help));
    instrument
}

/// The name of the family in OpenMetrics: counters are named without `_total` there.
pub(crate) fn family_name(entry: &Entry) -> &'static str {
    match entry.kind {
        Kind::Counter => entry.name.strip_suffix("_total").unwrap_or(entry.name),
        Kind::Gauge | Kind::Histogram => entry.name,
    }
}

/// The help with what would end its line escaped.
pub(crate) fn escaped_help(help: &str) -> String {
    help.replace('\\', "\\\\").replace('\n', "\\n")
}

/// The text of doc comments as the help of a metric.
pub(crate) const fn help_of(doc: &'static str) -> &'static str {
    let help = doc.trim_ascii();
    match help.as_bytes() {
        [rest @ .., b'.'] => help.split_at(rest.len()).0,
        _ => help,
    }
}

/// Declares the metrics: `/// help` then `field as "exported_name": Type<label: Values> [given: Values] in BUCKETS, Scope;`.
///
/// The block at the top names what counts into several of them at once.
macro_rules! catalogue {
    (together { $($(#[doc = $group_doc:literal])+ $group:ident: $group_type:ty = ($($part:ident),+);)* } $(
        $(#[doc = $doc:literal])+
        $field:ident as $name:literal: $type:ident $(<$($label:ident: $values:ty),+>)? $([$($given:ident: $given_values:ty),+])?
            $(in $buckets:ident)?, $scope:ident;
    )*) => {
        /// Every metric of the product; one field each, named like the metric without its prefix.
        pub struct Catalogue {
            $($(#[doc = $doc])+ pub $field: $type $(<$($values),+>)?,)*
            $($(#[doc = $group_doc])+ pub $group: $group_type,)*
        }

        static DECLARED: &[Entry] = &[$(Entry {
            name: $name,
            kind: <$type $(<$($values),+>)? as Instrument>::KIND,
            help: help_of(concat!($($doc),+)),
            labels: &[
                $($((stringify!($label), values::<$values>),)+)?
                $($((stringify!($given), values::<$given_values>),)+)?
            ],
            buckets: catalogue!(@buckets $($buckets)?),
            scope: Scope::$scope,
        }),*];

        impl Catalogue {
            /// Every declared series, at zero, in the order of the declarations.
            pub(crate) fn born(birth: &Birth, registry: &mut Registry) -> Self {
                let mut entries = DECLARED.iter();
                $(let $field: $type $(<$($values),+>)? =
                    exported(entries.next().expect("one entry for each field"), birth, registry);)*
                $(let $group = <$group_type>::new($(&$part),+);)*
                Self { $($field,)* $($group,)* }
            }
        }
    };
    (@buckets) => { &[] };
    (@buckets $buckets:ident) => { &$buckets };
}
pub(crate) use catalogue;
