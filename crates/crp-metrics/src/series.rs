//! A metric family with a closed set of label values: all members exist from the start, and none can be added.

use std::{fmt, sync::Arc};

use crp_model::labels::Label;
use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder},
    metrics::{MetricType, TypedMetric},
};

/// Label names with their values, in the order of the catalogue.
pub(crate) type LabelSet = Vec<(&'static str, &'static str)>;

/// The members of one family in the order of their label values; no lock and no hashing on the way to a member,
/// and the exposition is the same text every time.
#[derive(Debug)]
pub(crate) struct Series<M> {
    members: Arc<[(LabelSet, M)]>,
}

impl<M> Clone for Series<M> {
    fn clone(&self) -> Self {
        Self { members: Arc::clone(&self.members) }
    }
}

impl<M> Series<M> {
    /// One member for each set of labels.
    pub(crate) fn born(label_sets: impl IntoIterator<Item = LabelSet>, member: impl Fn() -> M) -> Self {
        Self { members: label_sets.into_iter().map(|labels| (labels, member())).collect() }
    }

    /// The member at `position` of the label sets given at birth.
    pub(crate) fn at(&self, position: usize) -> &M {
        &self.members[position].1
    }
}

/// Where `value` stands among the values of its label.
pub(crate) fn position<L: Label>(value: L) -> usize {
    L::VALUES.iter().position(|v| v.label() == value.label()).expect("Label::VALUES holds every value")
}

/// One label set for each value of the label `name`.
pub(crate) fn one_label<L: Label>(name: &'static str) -> impl Iterator<Item = LabelSet> {
    L::VALUES.iter().map(move |v| vec![(name, v.label())])
}

/// One label set for each pair of values; the position of a pair is `position(a) * B::VALUES.len() + position(b)`.
pub(crate) fn two_labels<A: Label, B: Label>(first: &'static str, second: &'static str) -> impl Iterator<Item = LabelSet> {
    A::VALUES.iter().flat_map(move |a| B::VALUES.iter().map(move |b| vec![(first, a.label()), (second, b.label())]))
}

impl<M: EncodeMetric + TypedMetric> EncodeMetric for Series<M> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (labels, member) in self.members.iter() {
            if labels.is_empty() {
                // The only member of a family without labels; as a family it would be written with empty braces.
                return member.encode(encoder);
            }
            member.encode(encoder.encode_family(labels)?)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        M::TYPE
    }

    fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}
