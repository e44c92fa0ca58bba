//! The id of a watched folder, in a hidden file in it: it is the same folder under every name that machines have for it, and an empty
//! mount point is another one.

use std::{ffi::OsStr, io, io::Read as _};

use crp_model::Ambient;
use uuid::Uuid;

use super::place::Place;

/// The file.
const NAME: &str = ".crpipeline-folder";

/// The id, which is made when there is none. Of two processes that make one at the same time, the first wins.
pub(super) fn id(root: &Place, ambient: &Ambient) -> io::Result<Uuid> {
    if let Some(id) = read(root)? {
        return Ok(id);
    }
    let id = ambient.new_uuid();
    // Under its name only when it is whole.
    let (own, name) = (format!("{NAME}.{id}"), OsStr::new(NAME));
    let own = OsStr::new(&own);
    root.write_new(own, &format!("{id}\nThe id of this folder for crPipeline, which watches it. Leave this file here.\n"))?;
    match root.move_to(own, root, name) {
        Ok(true) => Ok(id),
        Ok(false) => {
            root.remove(own);
            read(root)?.ok_or_else(|| io::Error::other("the id of the folder went away"))
        }
        Err(error) => {
            root.remove(own);
            Err(error)
        }
    }
}

fn read(root: &Place) -> io::Result<Option<Uuid>> {
    let file = match root.open(OsStr::new(NAME)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut text = String::new();
    file.take(1024).read_to_string(&mut text)?;
    let id = text.lines().next().and_then(|line| line.parse().ok());
    id.map(Some).ok_or_else(|| io::Error::other(format!("the file {NAME} in it holds no id; remove it")))
}
