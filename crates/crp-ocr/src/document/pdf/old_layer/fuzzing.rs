//! Any content stream: its operations are parts of it, and what is visible stays when invisible text is cut out.

use super::{Draws, INVISIBLE, OldLayer, Operations, Question, cut};

/// Looks for invisible text in the bytes.
pub(crate) fn run(content: &[u8]) {
    let operations = whole(content);
    let result = cut(content, &mut resources);
    let rest = match &result {
        OldLayer::None | OldLayer::Entangled(None) => return,
        OldLayer::Removed(rest) | OldLayer::Entangled(Some(rest)) => rest,
    };
    assert!(operations, "nothing is cut out of what cannot be read to its end");
    assert!(whole(rest), "what is left can be read: {}", rest.escape_ascii());
    assert_eq!(visible(rest), visible(content), "{}", rest.escape_ascii());
    let again = cut(rest, &mut resources);
    match result {
        OldLayer::Removed(_) => assert_eq!(again, OldLayer::None, "nothing is left of it in {}", rest.escape_ascii()),
        _ => assert_eq!(again, OldLayer::Entangled(None), "what could be cut out was: {}", rest.escape_ascii()),
    }
}

/// The resources of the page that the content is drawn on.
fn resources(name: &[u8], question: Question) -> Draws {
    match (name, question) {
        (b"L", Question::Form) => Draws::InvisibleText,
        (b"B", Question::Form) | (b"T", Question::Font) => Draws::Mixed,
        _ => Draws::Other,
    }
}

/// Whether it can be read to its end; every operation is a part of it and behind the one before.
fn whole(content: &[u8]) -> bool {
    let mut operations = Operations::new(content);
    let mut at = 0;
    for operation in operations.by_ref() {
        assert!(at <= operation.place.start && operation.place.start < operation.place.end && operation.place.end <= content.len());
        at = operation.place.start;
        for operand in &operation.operands {
            assert!(at <= operand.start && operand.start < operand.end && operand.end <= operation.place.end);
            at = operand.end;
        }
        at = operation.place.end;
    }
    !operations.is_broken
}

/// What is shown and drawn, each with what matters for it, as another reader of content sees it.
fn visible(content: &[u8]) -> Vec<Vec<u8>> {
    let mut shown = Vec::new();
    let mut now = (0i64, Vec::new());
    let mut saved = Vec::new();
    for operation in Operations::new(content) {
        let operand = |at: usize| operation.operands.get(at).map_or(&b""[..], |range| &content[range.clone()]);
        let last = operand(operation.operands.len().saturating_sub(1));
        match operation.operator {
            b"q" => saved.push(now.clone()),
            b"Q" => now = saved.pop().unwrap_or(now),
            b"Tr" => now.0 = std::str::from_utf8(last).ok().and_then(|mode| mode.parse().ok()).unwrap_or(0),
            b"Tf" => now.1 = operand(0).to_vec(),
            b"Tj" | b"TJ" | b"'" | b"\"" if now.0 == INVISIBLE && now.1 != b"/T" => {}
            b"Do" if last == b"/L" => {}
            b"Tj" | b"TJ" | b"'" | b"\"" => shown.push([&content[operation.place.clone()], b" ", &now.0.to_le_bytes(), &now.1].concat()),
            b"BT" | b"ET" => {}
            // The other operators about text, all of which begin alike.
            [b'T', ..] => {}
            _ => shown.push(content[operation.place.clone()].to_vec()),
        }
    }
    shown
}

/// Contents of every kind that is known.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    [
        "q 1 0 0 1 0 0 cm /Im Do Q BT 3 Tr /F 9 Tf 1 0 0 1 5 5 Tm (a) Tj ET",
        "q BT 3 Tr /F 9 Tf (a) Tj ET BT 3 Tr [(b) 3] TJ ET Q /Im Do",
        "q /Im Do Q q /L Do Q /B Do",
        "BT 3 Tr (a) ' 1 2 (b) \" 0 Tr 1 0 0 1 9 9 Tm (c) Tj ET",
        "q BT 3 Tr (a) Tj ET 0 g BT (b) Tj ET Q BT (c) Tj ET",
        "q BT 3 Tr (a) Tj ET BT 0 Tr (b) Tj ET Q",
        "BT 3 Tr /T 9 Tf (a) Tj ET q 3 Tr Q BT (a) Tj 0 Tr (b) Tj ET",
        "q BI /W 2 /H 2 /BPC 8 ID (Tj EI\u{1} [<< \nEI Q (a) Tj",
        "q 1 0 0 1 -.5 +2 cm %Tj (x\n/F1 12 Tf [(a\\)b(c)) -20 <4142>] TJ /P <</A [1 2]/B(x)>> BDC (x)'1 2(y)\"T* null foo EMC",
    ]
    .map(|content| content.as_bytes().to_vec())
    .to_vec()
}
