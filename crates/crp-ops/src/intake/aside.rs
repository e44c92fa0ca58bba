//! Moving a file aside once it was dealt with: into `done`, or into `failed` with a note beside it.

use std::{
    ffi::{OsStr, OsString},
    io,
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
};

use crp_model::{Failure, Timestamp};

use super::place::{Identity, Place};

/// The folder of files that became documents.
pub(crate) const DONE: &str = "done";
/// The folder of files that did not.
pub(crate) const FAILED: &str = "failed";

/// Longest name that file systems take, in bytes.
const MAX_NAME_BYTES: usize = 255;
const NOTE: &str = ".txt";

/// Moves a file into `done`, under a name with `mark` when its own is taken there; whether this very file was there to be moved.
pub(super) fn into_done(place: &Place, name: &OsStr, identity: Identity, mark: &str) -> io::Result<bool> {
    if place.identity(name)? != Some(identity) {
        return Ok(false);
    }
    let done = place.make(OsStr::new(DONE))?;
    for new_name in names(name, mark) {
        if place.move_to(name, &done, &new_name)? {
            return still_it((place, name), identity, (&done, &new_name), mark);
        }
    }
    Err(io::Error::other(format!("a file of this name is in {DONE} already")))
}

/// Moves a file into `failed`, with a note beside it that is there first; whether this very file was there to be moved.
pub(super) fn into_failed(place: &Place, name: &OsStr, identity: Identity, mark: &str, text: &str) -> io::Result<bool> {
    if place.identity(name)? != Some(identity) {
        return Ok(false);
    }
    let failed = place.make(OsStr::new(FAILED))?;
    for new_name in names(name, mark) {
        let mut note = new_name.clone();
        note.push(NOTE);
        if failed.identity(&new_name)?.is_some() {
            continue;
        }
        match failed.write_new(&note, text) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(error),
        }
        match place.move_to(name, &failed, &new_name).inspect_err(|_| failed.remove(&note))? {
            true => {
                let is_it = still_it((place, name), identity, (&failed, &new_name), mark)?;
                if !is_it {
                    failed.remove(&note);
                }
                return Ok(is_it);
            }
            false => failed.remove(&note),
        }
    }
    Err(io::Error::other(format!("a file of this name is in {FAILED} already")))
}

/// Between the last look and the move somebody may have put another file in its place: that one goes back, under a name with `mark`
/// when there is a third one by now.
fn still_it(from: (&Place, &OsStr), identity: Identity, to: (&Place, &OsStr), mark: &str) -> io::Result<bool> {
    let ((place, name), (target, new_name)) = (from, to);
    if target.identity(new_name)? == Some(identity) {
        return Ok(true);
    }
    for back in names(name, mark) {
        if target.move_to(new_name, place, &back)? {
            return Ok(false);
        }
    }
    let at = target.path().join(new_name);
    Err(io::Error::other(format!("{} came in its place and is no document; move it back by hand", at.display())))
}

/// The name itself, and one that nobody else has; both short enough for a note beside them.
fn names(name: &OsStr, mark: &str) -> [OsString; 2] {
    let bytes = name.as_bytes();
    let dot = bytes.iter().rposition(|byte| *byte == b'.').filter(|at| *at > 0 && bytes.len() - at <= 16).unwrap_or(bytes.len());
    let (stem, ending) = bytes.split_at(dot);
    let cut = |other: usize| &stem[..stem.len().min(MAX_NAME_BYTES - NOTE.len() - ending.len() - other)];
    let plain = [cut(0), ending].concat();
    let marked = [cut(mark.len() + 1), b".", mark.as_bytes(), ending].concat();
    [OsString::from_vec(plain), OsString::from_vec(marked)]
}

/// What a person finds beside a file that was not taken.
pub(super) fn note(name: &OsStr, failure: &Failure, now: Timestamp) -> String {
    let name: String = name.to_string_lossy().chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    let again = match failure.retryable {
        true => "Yes: put right what is said above, then move the file back into the folder above this one.",
        false => "Not with the same file. A corrected file goes into the folder above this one.",
    };
    format!(
        "{name} was not taken.\n\nWhat happened: {}\nWhat to do: {}\nDoes trying again help? {again}\n\nCode: {}\nTime: {}\n",
        failure.message,
        failure.remedy,
        failure.code.as_str(),
        now.rfc3339()
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_that_was_moved_by_mistake_goes_back_even_when_a_third_has_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::root(folder.path()).unwrap();
        let (done, name) = (place.make(OsStr::new(DONE)).unwrap(), OsStr::new("a.pdf"));
        let (looked_at, second) = (Identity { modified: 1, size_bytes: 1 }, folder.path().join("done/a.pdf"));
        fs::write(&second, "second").unwrap();
        assert!(!still_it((&place, name), looked_at, (&done, name), "ID").unwrap());
        assert_eq!(fs::read_to_string(folder.path().join("a.pdf")).unwrap(), "second");
        fs::write(&second, "third").unwrap();
        assert!(!still_it((&place, name), looked_at, (&done, name), "ID").unwrap());
        assert_eq!((fs::read_to_string(folder.path().join("a.ID.pdf")).unwrap().as_str(), second.exists()), ("third", false));
        fs::write(&second, "fourth").unwrap();
        let left = still_it((&place, name), looked_at, (&done, name), "ID").unwrap_err().to_string();
        assert!(left.contains("done/a.pdf") && second.exists(), "{left}");
    }

    #[test]
    fn a_name_gets_a_mark_before_its_ending_and_room_for_a_note() {
        let of = |name: &str| names(OsStr::new(name), "ID").map(|name| name.into_string().unwrap());
        assert_eq!(of("scan.pdf"), ["scan.pdf", "scan.ID.pdf"]);
        assert_eq!(of("scan"), ["scan", "scan.ID"]);
        let long = of(&format!("{}.pdf", "x".repeat(251)));
        assert!(long.iter().all(|name| name.len() == MAX_NAME_BYTES - NOTE.len() && name.ends_with(".pdf")), "{long:?}");
        assert!(long[1].ends_with(".ID.pdf"));
        assert_eq!(of(&format!("a.{}", "x".repeat(253)))[0].len(), MAX_NAME_BYTES - NOTE.len());
    }
}
