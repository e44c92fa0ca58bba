//! Every state that can be reached, breadth first, and whether the end can be reached from each.

use std::collections::{HashMap, VecDeque};

use super::rules::{Broken, State, Step, Violation};

/// What was found.
#[derive(Debug)]
pub(super) struct Explored {
    pub(super) states: usize,
    pub(super) steps: usize,
    /// Longest shortest way from the first state, in steps.
    pub(super) depth: u32,
    pub(super) finals: usize,
}

/// What must not be, with the shortest way there.
#[derive(Debug)]
pub(super) enum Found {
    Wrong(Violation, #[allow(dead_code, reason = "printed")] Vec<Step>),
    /// From here the job can never end.
    Stuck(#[allow(dead_code, reason = "printed")] Vec<Step>),
}

/// A state that was found: its number, from where, by which step, how far from the first.
struct Node {
    parent: u32,
    step: Option<Step>,
    depth: u32,
}

/// Explores everything.
///
/// # Errors
/// The first thing that is wrong.
pub(super) fn explore(first: State, broken: Broken) -> Result<Explored, Found> {
    let mut numbers = HashMap::from([(first, 0u32)]);
    let mut nodes = vec![Node { parent: 0, step: None, depth: 0 }];
    let mut before: Vec<Vec<u32>> = vec![Vec::new()];
    let mut queue = VecDeque::from([(first, 0u32)]);
    let (mut steps, mut finals) = (0, Vec::new());
    while let Some((state, number)) = queue.pop_front() {
        if state.is_final() {
            finals.push(number);
        }
        for step in state.steps() {
            steps += 1;
            let next = state.after(step, broken).map_err(|violation| {
                let mut way = way_to(&nodes, number);
                way.push(step);
                Found::Wrong(violation, way)
            })?;
            let next = next.canonical();
            let new = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
            let to = *numbers.entry(next).or_insert(new);
            if to == new {
                nodes.push(Node { parent: number, step: Some(step), depth: nodes[number as usize].depth + 1 });
                before.push(Vec::new());
                queue.push_back((next, new));
            }
            before[to as usize].push(number);
        }
    }
    if let Some(stuck) = first_without_end(&before, &finals) {
        return Err(Found::Stuck(way_to(&nodes, stuck)));
    }
    let depth = nodes.iter().map(|node| node.depth).max().unwrap_or(0);
    Ok(Explored { states: nodes.len(), steps, depth, finals: finals.len() })
}

/// Goes back from the ends; a state that is not met has no way to any.
fn first_without_end(before: &[Vec<u32>], finals: &[u32]) -> Option<u32> {
    let mut ends = vec![false; before.len()];
    let mut stack = finals.to_vec();
    while let Some(at) = stack.pop() {
        if !std::mem::replace(&mut ends[at as usize], true) {
            stack.extend(&before[at as usize]);
        }
    }
    ends.iter().position(|ends| !ends).and_then(|at| u32::try_from(at).ok())
}

fn way_to(nodes: &[Node], mut at: u32) -> Vec<Step> {
    let mut way = Vec::new();
    while let Some(step) = nodes[at as usize].step {
        way.push(step);
        at = nodes[at as usize].parent;
    }
    way.reverse();
    way
}
