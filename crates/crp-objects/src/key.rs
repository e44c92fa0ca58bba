//! Which keys may become a path. Ours always may; a key from a damaged row or a restored listing must not leave the root.

use crp_model::{Code, Failure, ObjectKey};

/// Refuses a key that is no plain relative path: empty or dotted segments, control characters, backslashes, over-long names.
pub(crate) fn check(key: &ObjectKey) -> Result<&str, Failure> {
    let text = key.as_str();
    if !text.is_empty() && text.len() <= 1024 && text.split('/').all(is_plain) {
        return Ok(text);
    }
    let shown: String = text.chars().take(80).flat_map(char::escape_default).collect();
    Err(Failure::new(Code::Internal, format!("\"{shown}\" is not a key of a stored object")).never_retry())
}

/// Whether this prefix may be listed: nothing, or plain segments with a slash at their end.
pub(crate) fn check_prefix(prefix: &str) -> Result<(), Failure> {
    let plain = prefix.is_empty() || prefix.strip_suffix('/').is_some_and(|p| p.split('/').all(is_plain));
    if plain {
        return Ok(());
    }
    let shown: String = prefix.chars().take(80).flat_map(char::escape_default).collect();
    Err(Failure::new(Code::Internal, format!("\"{shown}\" is not a prefix of stored objects; it ends with a slash")).never_retry())
}

/// A leading dot is refused too: such names belong to the folder's own housekeeping.
fn is_plain(segment: &str) -> bool {
    !segment.is_empty() && segment.len() <= 255 && !segment.starts_with('.') && !segment.chars().any(|c| c.is_control() || c == '\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_never_leaves_the_root() {
        let long = "a".repeat(300);
        for bad in ["", "/", "/etc/passwd", "a//b", "a/", "../a", "a/../b", "a/..", "./a", "a\0b", "a\\b", ".partial/x", "a\nb", &long] {
            assert!(check(&ObjectKey::from_store(bad.to_owned())).is_err(), "{bad:?}");
        }
        for good in ["probe/answers", "organizations/x/originals/y", "a b/ü.json"] {
            assert!(check(&ObjectKey::from_store(good.to_owned())).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn a_prefix_ends_with_a_slash_or_is_empty() {
        assert!(check_prefix("").is_ok() && check_prefix("a/b/").is_ok());
        for bad in ["a", "/", "../", "a/../b/", "a//"] {
            assert!(check_prefix(bad).is_err(), "{bad:?}");
        }
    }
}
