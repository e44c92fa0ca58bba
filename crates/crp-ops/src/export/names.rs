//! Names of files in an export: what people called a thing, as far as every file system can keep it.

/// Names that Windows keeps for devices.
const DEVICES: [&str; 22] = [
    "con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9", "lpt1", "lpt2", "lpt3", "lpt4",
    "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

/// One part of a path: without what some file systems refuse, at most so many bytes, never empty, never `.` or `..`.
pub(super) fn safe(text: &str, max_bytes: usize) -> String {
    let replaced: String = text.chars().map(|c| if c.is_control() || r#"<>:"/\|?*"#.contains(c) { '_' } else { c }).collect();
    let (stem, extension) = match replaced.rfind('.') {
        Some(at) if at > 0 && replaced.len() - at <= 16 => replaced.split_at(at),
        _ => (replaced.as_str(), ""),
    };
    let stem = cut(stem, max_bytes.saturating_sub(extension.len())).trim_matches([' ', '.']).to_owned();
    let whole = format!("{stem}{extension}");
    let whole = whole.trim_end_matches([' ', '.']);
    let before_dot = whole.split('.').next().unwrap_or_default().trim_end().to_lowercase();
    if whole.is_empty() || before_dot.is_empty() || DEVICES.contains(&before_dot.as_str()) { format!("_{whole}") } else { whole.to_owned() }
}

fn cut(text: &str, max_bytes: usize) -> &str {
    &text[..text.floor_char_boundary(max_bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_what_it_is_unless_some_system_cannot_keep_it() {
        for (given, kept) in [
            ("Größe „3“.pdf", "Größe „3“.pdf"),
            ("a:b?.pdf", "a_b_.pdf"),
            ("../../etc/passwd", "_._etc_passwd"),
            ("..", "_"),
            ("", "_"),
            (" . ", "_"),
            ("con.pdf", "_con.pdf"),
            ("CON", "_CON"),
            ("trailing. ", "trailing"),
            (".pdf", "pdf"),
            ("a\u{7}\n.pdf", "a__.pdf"),
        ] {
            assert_eq!(safe(given, 80), kept, "{given:?}");
        }
        assert_eq!(safe(&format!("{}.pdf", "ä".repeat(100)), 81), format!("{}.pdf", "ä".repeat(38)), "its kind stays");
    }
}
