//! A content stream as operations with their places in the bytes, so that some can be cut out and all others stay as they are.

use std::ops::Range;

/// An operation: an operator with what stands before it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Operation<'a> {
    /// The operator.
    pub(super) operator: &'a [u8],
    /// Where the operands stand; an array or dictionary is one.
    pub(super) operands: Vec<Range<usize>>,
    /// From the first operand to the operator's end; to the end of the data of an inline image.
    pub(super) place: Range<usize>,
}

/// Walks through a content stream.
pub(super) struct Operations<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Whether something was met that no content stream may contain; what follows cannot be trusted.
    pub(super) is_broken: bool,
}

/// So many bytes behind the `EI` of an inline image tell whether it is one. Other readers look at 15 at most.
pub(super) const LOOKED_AT_BEHIND_IMAGE: usize = 12;

/// An operator with more operands than this is none.
const MAX_OPERANDS: usize = 4096;

impl<'a> Operations<'a> {
    /// From the first byte.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, is_broken: false }
    }

    fn fail(&mut self) -> Option<Operation<'a>> {
        self.is_broken = true;
        None
    }

    fn skip_blanks(&mut self) {
        while let Some(&byte) = self.bytes.get(self.at) {
            if byte == b'%' {
                let line = self.bytes[self.at..].iter().position(|b| matches!(b, b'\r' | b'\n'));
                self.at = line.map_or(self.bytes.len(), |length| self.at + length);
            } else if is_blank(byte) {
                self.at += 1;
            } else {
                return;
            }
        }
    }

    /// Behind the object that begins here; `None` if it does not end.
    fn object_end(&self) -> Option<usize> {
        let (mut at, mut depth) = (self.at, 0usize);
        loop {
            let rest = self.bytes.get(at..).filter(|rest| !rest.is_empty())?;
            at = match rest[0] {
                b'(' => self.literal_end(at)?,
                b'<' if rest.get(1) == Some(&b'<') => {
                    depth += 1;
                    at + 2
                }
                b'<' => at + rest.iter().position(|b| *b == b'>')? + 1,
                b'>' if rest.get(1) == Some(&b'>') => {
                    depth = depth.checked_sub(1)?;
                    at + 2
                }
                b'[' => {
                    depth += 1;
                    at + 1
                }
                b']' => {
                    depth = depth.checked_sub(1)?;
                    at + 1
                }
                b'%' => at + rest.iter().position(|b| matches!(b, b'\r' | b'\n')).unwrap_or(rest.len()),
                b'\'' | b'"' => at + 1,
                byte if is_blank(byte) => at + 1,
                _ => at + 1 + rest[1..].iter().position(|b| is_end_of_word(*b)).unwrap_or(rest.len() - 1),
            };
            if depth == 0 {
                return Some(at);
            }
        }
    }

    fn literal_end(&self, start: usize) -> Option<usize> {
        let (mut depth, mut at) = (0usize, start);
        loop {
            match self.bytes.get(at)? {
                b'\\' => at += 1,
                b'(' => depth += 1,
                b')' => depth -= 1,
                _ => {}
            }
            at += 1;
            if depth == 0 {
                return Some(at);
            }
        }
    }

    /// Behind the `EI` of an inline image whose data begins here.
    fn inline_image_end(&self) -> Option<usize> {
        let rest = self.bytes.get(self.at..)?;
        let data = rest.windows(2).enumerate().position(|(at, pair)| {
            pair == b"ID" && (at == 0 || is_blank(rest[at - 1])) && rest.get(at + 2).is_some_and(|b| is_blank(*b))
        })? + 3;
        let mut from = data;
        loop {
            let at = from + rest.get(from..)?.windows(2).position(|pair| pair == b"EI")?;
            let ends = rest.get(at + 2).is_none_or(|b| is_blank(*b));
            // What follows the data of an image is text; what follows such letters inside it is mostly not.
            let is_text =
                rest[(at + 2).min(rest.len())..].iter().take(LOOKED_AT_BEHIND_IMAGE).all(|b| is_blank(*b) || (0x20..0x7F).contains(b));
            if ends && is_text && at > data && is_blank(rest[at - 1]) {
                return Some(self.at + at + 2);
            }
            from = at + 2;
        }
    }
}

impl<'a> Iterator for Operations<'a> {
    type Item = Operation<'a>;

    fn next(&mut self) -> Option<Operation<'a>> {
        let mut operands: Vec<Range<usize>> = Vec::new();
        loop {
            self.skip_blanks();
            let start = self.at;
            let Some(&first) = self.bytes.get(start) else {
                self.is_broken |= !operands.is_empty();
                return None;
            };
            let Some(end) = self.object_end() else { return self.fail() };
            self.at = end;
            let word = &self.bytes[start..end];
            let is_operand = matches!(first, b'(' | b'<' | b'[' | b'/' | b'+' | b'-' | b'.' | b'0'..=b'9')
                || matches!(word, b"true" | b"false" | b"null");
            if is_operand {
                operands.push(start..end);
                if operands.len() > MAX_OPERANDS {
                    return self.fail();
                }
                continue;
            }
            if !(first.is_ascii_alphabetic() || matches!(first, b'\'' | b'"')) {
                return self.fail();
            }
            let place_start = operands.first().map_or(start, |range| range.start);
            if word == b"BI" {
                let Some(end) = self.inline_image_end() else { return self.fail() };
                self.at = end;
            }
            return Some(Operation { operator: word, operands, place: place_start..self.at });
        }
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b'\0' | b'\t' | b'\n' | b'\x0c' | b'\r' | b' ')
}

fn is_end_of_word(byte: u8) -> bool {
    is_blank(byte) || matches!(byte, b'\'' | b'"' | b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operators(content: &str) -> (Vec<String>, bool) {
        let mut operations = Operations::new(content.as_bytes());
        let found = operations.by_ref().map(|o| format!("{}/{}", String::from_utf8_lossy(o.operator), o.operands.len())).collect();
        (found, operations.is_broken)
    }

    #[test]
    fn operands_of_every_kind_belong_to_their_operator() {
        let content = "q 1 0 0 1 -.5 +2 cm %Tj (x\n/F1 12 Tf [(a\\)b(c)) -20 <4142>] TJ /P <</A [1 2]/B(x)>> BDC (x)'1 2(y)\"T* null foo";
        let (found, broken) = operators(content);
        assert_eq!(found, ["q/0", "cm/6", "Tf/2", "TJ/1", "BDC/2", "'/1", "\"/3", "T*/0", "foo/1"]);
        assert!(!broken);
    }

    #[test]
    fn the_data_of_an_inline_image_is_no_content() {
        let content = "q BI /W 2 /H 2 /BPC 8 ID (Tj EI\u{1} [<< \nEI Q (a) Tj";
        assert_eq!(operators(content), (vec!["q/0".to_owned(), "BI/0".to_owned(), "Q/0".to_owned(), "Tj/1".to_owned()], false));
    }

    #[test]
    fn what_is_no_content_stream_is_called_broken() {
        for content in ["(a", "[1 2", "<41", "1 2", "} x", ") Tj", "<< /A >", "] q", "BI /W 1 ID abc"] {
            assert!(operators(content).1, "{content}");
        }
    }
}
