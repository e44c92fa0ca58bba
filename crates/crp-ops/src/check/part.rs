//! Looks at single objects: whether the bytes are there, as many and as they should be.

use crp_model::{Failure, ObjectKey, PageLayout, Sha256Hash};
use crp_objects::Objects;
use crp_store::inventory::JobPart;
use futures_util::TryStreamExt as _;
use sha2::{Digest as _, Sha256};

/// Largest object of a page, in bytes.
const MAX_PAGE_BYTES: u64 = 64 * 1024 * 1024;

/// How an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    Fine,
    Missing,
    Damaged(String),
}

/// How an object is that has this size and this hash by its row. `listed` is its size by the listing, if that was just made.
pub(super) async fn whole(
    objects: &Objects,
    key: &ObjectKey,
    (size_bytes, sha256): (u64, Sha256Hash),
    listed: Option<u64>,
    hashes: bool,
) -> Result<State, Failure> {
    let there = match listed {
        Some(size) => Some(size),
        None => objects.head(key).await?,
    };
    match there {
        None => Ok(State::Missing),
        Some(size) if size != size_bytes => Ok(State::Damaged(format!("It has {size} bytes instead of {size_bytes}"))),
        Some(_) if hashes => Ok(match hash(objects, key).await? {
            None => State::Missing,
            Some(found) if found == sha256 => State::Fine,
            Some(_) => State::Damaged("Its SHA-256 is not that of what was stored".to_owned()),
        }),
        Some(_) => Ok(State::Fine),
    }
}

/// How an object of a job is.
pub(super) async fn of_job(objects: &Objects, key: &ObjectKey, part: JobPart, listed: Option<u64>, hashes: bool) -> Result<State, Failure> {
    if let JobPart::Artifact(_, size_bytes, sha256) = part {
        return whole(objects, key, (size_bytes, sha256), listed, hashes).await;
    }
    let there = match listed {
        Some(size) => Some(size),
        None => objects.head(key).await?,
    };
    match there {
        None => Ok(State::Missing),
        Some(0) => Ok(State::Damaged("It is empty".to_owned())),
        Some(_) if hashes => page(objects, key, part).await,
        Some(_) => Ok(State::Fine),
    }
}

/// Rows tell no hash of these; they say by themselves whether they are whole.
async fn page(objects: &Objects, key: &ObjectKey, part: JobPart) -> Result<State, Failure> {
    let bytes = match objects.get_bytes(key, MAX_PAGE_BYTES).await {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(State::Missing),
        Err(failure) if failure.code == crp_model::Code::ObjectDamaged => return Ok(State::Damaged(failure.message)),
        Err(failure) => return Err(failure),
    };
    let is_whole = match part {
        JobPart::Page(number) => serde_json::from_slice::<PageLayout>(&bytes).is_ok_and(|layout| layout.page == number),
        // The marks at both ends of a JPEG; the picture itself is not decoded here.
        _ => bytes.starts_with(&[0xff, 0xd8, 0xff]) && bytes.ends_with(&[0xff, 0xd9]),
    };
    Ok(if is_whole { State::Fine } else { State::Damaged("It cannot be read".to_owned()) })
}

async fn hash(objects: &Objects, key: &ObjectKey) -> Result<Option<Sha256Hash>, Failure> {
    let Some(mut download) = objects.get(key).await? else { return Ok(None) };
    let mut hash = Sha256::new();
    while let Some(chunk) = download.stream.try_next().await? {
        hash.update(&chunk);
    }
    Ok(Some(Sha256Hash(hash.finalize().into())))
}
