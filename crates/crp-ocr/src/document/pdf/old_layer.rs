//! A text layer that is replaced: invisible text, as other recognition programs and our own earlier runs leave it, is cut out
//! of a page's content. Everything else stays byte by byte.
//!
//! Such text is shown in render mode 3, in the page's own content (Tesseract, crPipeline) or in a form that contains nothing
//! else (OCRmyPDF, Acrobat, ABBYY). Text behind a picture, white or transparent text is not invisible in this sense.

#[cfg(any(test, feature = "fuzzing"))]
pub(super) mod fuzzing;

use std::{collections::HashMap, ops::Range};

use hayro::hayro_syntax::{
    object::{Array, Dict, Name, Stream},
    page::{Page, Resources},
};

use super::content_tokens::{LOOKED_AT_BEHIND_IMAGE, Operation, Operations};

/// Contents and forms beyond this size are left alone.
const MAX_CONTENT_BYTES: usize = 64 << 20;
/// More different forms than this are not looked into on one page.
const MAX_FORMS: usize = 256;
/// Invisible: neither filled nor stroked nor used for clipping.
const INVISIBLE: i64 = 3;

/// What became of a page's invisible text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum OldLayer {
    /// There is none.
    None,
    /// The content without it.
    Removed(Vec<u8>),
    /// Some of it cannot be told from what has to stay; the content without the rest, if there is any.
    Entangled(Option<Vec<u8>>),
}

/// Looks for invisible text among the page's contents.
pub(super) fn remove(page: &Page<'_>) -> OldLayer {
    let Some(content) = page.page_stream() else { return OldLayer::None };
    let mut forms = Forms { resources: page.resources(), known: HashMap::new() };
    match cut(content, &mut |name, question| forms.answer(name, question)) {
        OldLayer::None => OldLayer::None,
        // What cannot be decoded would be lost.
        _ if !is_whole(page) => OldLayer::Entangled(None),
        found => found,
    }
}

/// Whether every part of the page's contents can be decoded.
fn is_whole(page: &Page<'_>) -> bool {
    match page.raw().get::<Array<'_>>(b"Contents") {
        Some(parts) => {
            let readable = parts.iter::<Stream<'_>>().filter(|part| part.decoded_data().is_ok()).count();
            readable == parts.raw_iter().count()
        }
        None => true,
    }
}

/// What the walk asks about a resource with this name.
#[derive(Clone, Copy)]
enum Question {
    /// What a form draws.
    Form,
    /// Whether a font draws its glyphs by itself, which no render mode hides: then it counts as `Mixed`.
    Font,
}

/// What a form draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Draws {
    /// Invisible text and nothing else.
    InvisibleText,
    /// Invisible text among other things.
    Mixed,
    /// No invisible text.
    Other,
}

struct Forms<'p, 'a> {
    resources: &'p Resources<'a>,
    known: HashMap<Vec<u8>, Draws>,
}

impl Forms<'_, '_> {
    fn answer(&mut self, name: &[u8], question: Question) -> Draws {
        let Some(name) = Name::new(name) else { return Draws::Other };
        match question {
            Question::Font => {
                let font = self.resources.get_font(&name);
                let draws_itself = font.and_then(|f| f.get::<Name<'_>>(b"Subtype")).is_some_and(|s| s.as_str() == "Type3");
                if draws_itself { Draws::Mixed } else { Draws::Other }
            }
            Question::Form => {
                if let Some(known) = self.known.get(&*name) {
                    return *known;
                }
                let form = (self.known.len() < MAX_FORMS).then(|| self.resources.get_x_object(&name)).flatten();
                let draws = form.map_or(Draws::Other, |form| draws(&form));
                self.known.insert(name.to_vec(), draws);
                draws
            }
        }
    }
}

fn draws(form: &Stream<'_>) -> Draws {
    let is_form = form.dict().get::<Name<'_>>(b"Subtype").is_some_and(|s| s.as_str() == "Form");
    let content = is_form.then(|| form.decoded_data().ok()).flatten().filter(|c| c.len() <= MAX_CONTENT_BYTES);
    let Some(content) = content else { return Draws::Other };
    let fonts = form.dict().get::<Dict<'_>>(b"Resources").and_then(|r| r.get::<Dict<'_>>(b"Font"));
    let draws_itself = |name: &[u8]| {
        let font = fonts.as_ref().and_then(|f| f.get::<Dict<'_>>(name));
        font.and_then(|f| f.get::<Name<'_>>(b"Subtype")).is_some_and(|s| s.as_str() == "Type3")
    };
    let mut ask = |name: &[u8], question: Question| match question {
        Question::Font if draws_itself(name) => Draws::Mixed,
        _ => Draws::Other,
    };
    let mut walk = Walk::new(&mut ask);
    let mut operations = Operations::new(&content);
    for operation in operations.by_ref() {
        walk.take(&content, &operation);
    }
    match (walk.cuts.is_empty() && !walk.is_entangled, walk.draws_visibly || operations.is_broken) {
        (true, _) => Draws::Other,
        (false, true) => Draws::Mixed,
        (false, false) => Draws::InvisibleText,
    }
}

/// Cuts the invisible text out of a content stream.
fn cut(content: &[u8], ask: &mut dyn FnMut(&[u8], Question) -> Draws) -> OldLayer {
    if content.len() > MAX_CONTENT_BYTES {
        return OldLayer::None;
    }
    let mut walk = Walk::new(ask);
    let mut operations = Operations::new(content);
    for operation in operations.by_ref() {
        walk.take(content, &operation);
    }
    let found = !walk.cuts.is_empty();
    if operations.is_broken || walk.is_entangled {
        // Removing a run that visible text follows would move that text.
        return if found || walk.is_entangled { OldLayer::Entangled(None) } else { OldLayer::None };
    }
    let rest = found.then(|| without(content, &walk.cuts));
    match (rest, walk.leaves_some) {
        (rest, true) => OldLayer::Entangled(rest),
        (Some(rest), false) => OldLayer::Removed(rest),
        (None, false) => OldLayer::None,
    }
}

struct Cut {
    place: Range<usize>,
    instead: Vec<u8>,
}

#[derive(Clone, Copy)]
struct TextState {
    mode: i64,
    /// The font draws by itself.
    is_drawn: bool,
}

/// A text object without visible text.
struct Block {
    start: usize,
    end: usize,
    first_cut: usize,
}

struct Walk<'f> {
    ask: &'f mut dyn FnMut(&[u8], Question) -> Draws,
    state: TextState,
    saved: Vec<TextState>,
    cuts: Vec<Cut>,
    /// The text object that is open, while nothing visible was shown in it.
    open: Option<Block>,
    /// Text objects right behind one another since the state was saved; they go as a whole if it is restored next.
    finished: Option<Block>,
    /// The pen stands where text that is cut out would have moved it.
    pen_is_moved: bool,
    /// Visible text follows invisible text on its pen.
    is_entangled: bool,
    /// A form mixes invisible text with other things.
    leaves_some: bool,
    draws_visibly: bool,
}

impl<'f> Walk<'f> {
    fn new(ask: &'f mut dyn FnMut(&[u8], Question) -> Draws) -> Self {
        Self {
            ask,
            state: TextState { mode: 0, is_drawn: false },
            saved: Vec::new(),
            cuts: Vec::new(),
            open: None,
            finished: None,
            pen_is_moved: false,
            is_entangled: false,
            leaves_some: false,
            draws_visibly: false,
        }
    }

    fn take(&mut self, content: &[u8], operation: &Operation<'_>) {
        let last = operation.operands.last().map_or(&b""[..], |range| &content[range.clone()]);
        match operation.operator {
            b"q" => self.saved.push(self.state),
            b"Q" => self.restore(),
            b"Tr" => self.state.mode = std::str::from_utf8(last).ok().and_then(|n| n.parse().ok()).unwrap_or(0),
            b"Tf" => {
                let name = operation.operands.first().map_or(&b""[..], |range| &content[range.clone()]);
                self.state.is_drawn = (self.ask)(name.strip_prefix(b"/").unwrap_or(name), Question::Font) == Draws::Mixed;
            }
            b"BT" => {
                self.open = Some(Block { start: operation.place.start, end: 0, first_cut: self.cuts.len() });
                self.pen_is_moved = false;
            }
            b"ET" => self.end_text(operation),
            b"Tm" | b"Td" | b"TD" | b"T*" => self.pen_is_moved = false,
            b"Tj" | b"TJ" | b"'" | b"\"" => self.show(content, operation),
            b"Do" => match (self.ask)(last.strip_prefix(b"/").unwrap_or(last), Question::Form) {
                Draws::InvisibleText => self.cuts.push(Cut { place: operation.place.clone(), instead: Vec::new() }),
                Draws::Mixed => {
                    self.leaves_some = true;
                    self.draws_visibly = true;
                }
                Draws::Other => self.draws_visibly = true,
            },
            b"f" | b"F" | b"f*" | b"S" | b"s" | b"B" | b"B*" | b"b" | b"b*" | b"sh" | b"BI" => self.draws_visibly = true,
            _ => {}
        }
        let belongs_to_text = operation.operator.first() == Some(&b'T') || matches!(operation.operator, b"BT" | b"ET" | b"'" | b"\"");
        if !belongs_to_text {
            self.finished = None;
            if self.open.is_some() {
                self.open = None;
            }
        }
    }

    fn show(&mut self, content: &[u8], operation: &Operation<'_>) {
        let begins_line = matches!(operation.operator, b"'" | b"\"");
        if self.state.mode != INVISIBLE || self.state.is_drawn {
            self.is_entangled |= self.pen_is_moved && !begins_line;
            self.pen_is_moved = false;
            self.draws_visibly = true;
            self.open = None;
            self.finished = None;
            return;
        }
        let operand = |at: usize| operation.operands.get(at).map_or(&b"0"[..], |range| &content[range.clone()]);
        let instead = match operation.operator {
            b"'" => b"T*".to_vec(),
            b"\"" => [operand(0), &b" Tw "[..], operand(1), &b" Tc T*"[..]].concat(),
            _ => Vec::new(),
        };
        if self.open.is_none() {
            // Text outside of a text object, in damaged content, still needs the settings of the objects before it.
            self.finished = None;
        }
        self.cuts.push(Cut { place: operation.place.clone(), instead });
        self.pen_is_moved = true;
    }

    fn end_text(&mut self, operation: &Operation<'_>) {
        let Some(mut block) = self.open.take() else { return };
        block.end = operation.place.end;
        match &mut self.finished {
            Some(finished) => finished.end = block.end,
            None => self.finished = Some(block),
        }
    }

    /// What was set inside is forgotten now, so that text objects without visible text can go with all their settings.
    fn restore(&mut self) {
        let Some(state) = self.saved.pop() else { return };
        self.state = state;
        // A text object that is still open would lose the settings that it took over.
        let finished = self.finished.take().filter(|_| self.open.is_none());
        if let Some(block) = finished.filter(|block| block.first_cut < self.cuts.len()) {
            self.cuts.truncate(block.first_cut);
            self.cuts.push(Cut { place: block.start..block.end, instead: Vec::new() });
        }
    }
}

/// What stands in place of a cut: as many blanks as any reader looks at to find the end of an inline image before it. What
/// followed the cut must not come so near that the image seems to go on.
const GAP: &[u8] = &[b' '; 16];
const _: () = assert!(GAP.len() >= LOOKED_AT_BEHIND_IMAGE);

fn without(content: &[u8], cuts: &[Cut]) -> Vec<u8> {
    let mut rest = Vec::with_capacity(content.len());
    let mut at = 0;
    for cut in cuts {
        rest.extend_from_slice(&content[at..cut.place.start]);
        rest.extend_from_slice(GAP);
        rest.extend_from_slice(&cut.instead);
        rest.push(b' ');
        at = cut.place.end;
    }
    rest.extend_from_slice(&content[at..]);
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut_with(content: &str) -> (String, &'static str) {
        let result = cut(content.as_bytes(), &mut |name, question| match (name, question) {
            (b"Layer", Question::Form) => Draws::InvisibleText,
            (b"Both", Question::Form) | (b"T3", Question::Font) => Draws::Mixed,
            _ => Draws::Other,
        });
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        match result {
            OldLayer::None => (content.to_owned(), "none"),
            OldLayer::Removed(rest) => (text(rest), "removed"),
            OldLayer::Entangled(rest) => (rest.map_or_else(String::new, text), "entangled"),
        }
    }

    #[test]
    fn invisible_text_goes_and_everything_else_stays() {
        for (content, rest) in [
            (
                "q 1 0 0 1 0 0 cm /Im Do Q BT 3 Tr /F 9 Tf 1 0 0 1 5 5 Tm (a) Tj ET",
                "q 1 0 0 1 0 0 cm /Im Do Q BT 3 Tr /F 9 Tf 1 0 0 1 5 5 Tm ET",
            ),
            ("q BT 3 Tr /F 9 Tf (a) Tj ET BT 3 Tr [(b) 3] TJ ET Q /Im Do", "q Q /Im Do"),
            ("q /Im Do Q q /Layer Do Q", "q /Im Do Q q Q"),
            ("BT 3 Tr (a) ' 1 2 (b) \" 0 Tr 1 0 0 1 9 9 Tm (c) Tj ET", "BT 3 Tr T* 1 Tw 2 Tc T* 0 Tr 1 0 0 1 9 9 Tm (c) Tj ET"),
            ("q BT 3 Tr (a) Tj ET 0 g BT (b) Tj ET Q BT (c) Tj ET", "q BT 3 Tr ET 0 g Q BT (c) Tj ET"),
            ("q BT 3 Tr (a) Tj ET BT 0 Tr (b) Tj ET Q", "q BT 3 Tr ET BT 0 Tr (b) Tj ET Q"),
            ("q BT 3 Tr (a) Tj ET (b) Tj ET Q BT (c) Tj ET", "q BT 3 Tr ET ET Q BT (c) Tj ET"),
            ("q BT 3 Tr (a) Tj ET BT (b) Tj Q", "q BT 3 Tr ET BT Q"),
        ] {
            assert_eq!(cut_with(content), (rest.to_owned(), "removed"), "{content}");
        }
    }

    #[test]
    fn an_inline_image_before_old_text_ends_where_it_ended() {
        let content = b"BT 3 Tr BI /W 1 ID x\nEI Q (a text of some length) Tj ET\xff\xff\xff g";
        let OldLayer::Removed(rest) = cut(content, &mut |_, _| Draws::Other) else { panic!("the text can be cut out") };
        let operators = |content: &[u8]| Operations::new(content).map(|o| o.operator.to_vec()).collect::<Vec<_>>();
        let mut wanted = operators(content);
        wanted.retain(|operator| operator != b"Tj");
        assert_eq!(operators(&rest), wanted, "{}", rest.escape_ascii());
    }

    #[test]
    fn visible_text_alone_is_left_alone() {
        for content in ["BT 0 Tr (a) Tj ET", "BT 7 Tr (a) Tj ET", "BT 3 Tr /T3 9 Tf (a) Tj ET", "q 3 Tr Q BT (a) Tj ET", "/Im Do (broken"] {
            assert_eq!(cut_with(content), (content.to_owned(), "none"));
        }
    }

    #[test]
    fn text_that_cannot_go_safely_stays_and_is_told() {
        assert_eq!(cut_with("BT 3 Tr (a) Tj 0 Tr (b) Tj ET").1, "entangled");
        assert_eq!(cut_with("BT 3 Tr (a) Tj ET (broken").1, "entangled");
        assert_eq!(cut_with("/Both Do /Layer Do"), ("/Both Do".to_owned(), "entangled"));
    }
}
