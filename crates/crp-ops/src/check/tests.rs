//! Every planted damage is found, nothing is found where nothing was planted, and what can be mended is mended.

use std::{fs, time::Duration};

use crp_model::{ObjectKey, OrganizationId};
use crp_store::jobs;

use super::{Kind, Report, Subject, check};
use crate::{
    fixtures::{Installed, NOW, age, flip, unwatched},
    sweep,
};

async fn look(installed: &Installed, hashes: bool, repair: bool) -> Report {
    let older_than = NOW.minus(Duration::from_secs(24 * 3600));
    let subject = Subject { store: &installed.store, objects: &installed.objects, hashes, repair, older_than };
    check(&subject, &unwatched).await.unwrap()
}

fn told(report: &Report) -> Vec<(Kind, &ObjectKey)> {
    let mut told: Vec<_> = report.findings.iter().map(|finding| (finding.kind, &finding.key)).collect();
    told.sort_by_key(|(kind, key)| (kind.as_str(), (*key).clone()));
    told
}

async fn whole(installed: &Installed) {
    let report = look(installed, true, false).await;
    assert_eq!((report.found, report.young, report.foreign), (0, 0, 0), "{:?}", report.findings);
    assert!(report.named > 0);
}

/// Each kind of damage, planted; then what `--repair` makes of it.
async fn damage_is_found_and_mended(installed: Installed) {
    let mut read = Vec::new();
    for name in ["healthy", "no original", "flipped original", "no text", "short text", "flipped page", "no thumbnail"] {
        read.push(installed.read(name).await);
    }
    installed.upload("queued").await;
    whole(&installed).await;

    let [_, no_original, flipped_original, no_text, short_text, flipped_page, no_thumbnail] = read.as_slice() else { unreachable!() };
    let missing_original = installed.original_of(no_original.document).await;
    let damaged_original = installed.original_of(flipped_original.document).await;
    fs::remove_file(installed.file(&missing_original)).unwrap();
    flip(&installed.file(&damaged_original));
    let (text, short) = (installed.text_key(no_text.job), installed.text_key(short_text.job));
    fs::remove_file(installed.file(&text)).unwrap();
    fs::write(installed.file(&short), "te").unwrap();
    let (page, thumbnail) = (installed.page_key(flipped_page.job, 2), installed.thumbnail_key(no_thumbnail.job, 1));
    fs::write(installed.file(&page), "{\"page\":2,").unwrap();
    fs::remove_file(installed.file(&thumbnail)).unwrap();
    let (orphan, young) = (installed.key(), installed.key());
    installed.put_aged(&orphan, 25).await;
    installed.put_aged(&young, 23).await;
    let left_over = installed.page_key(no_text.job, 7);
    installed.put_aged(&left_over, 25).await;

    let by_size = look(&installed, false, false).await;
    let expected_by_size = vec![
        (Kind::DamagedPart, &short),
        (Kind::MissingOriginal, &missing_original),
        (Kind::MissingPart, &text),
        (Kind::MissingPart, &thumbnail),
        (Kind::Orphan, &left_over),
        (Kind::Orphan, &orphan),
    ];
    let sorted = |mut expected: Vec<(Kind, &ObjectKey)>| {
        expected.sort_by_key(|(kind, key)| (kind.as_str(), (*key).clone()));
        expected.into_iter().map(|(kind, key)| (kind, key.clone())).collect::<Vec<_>>()
    };
    let owned = |report: &Report| told(report).into_iter().map(|(kind, key)| (kind, key.clone())).collect::<Vec<_>>();
    assert_eq!(owned(&by_size), sorted(expected_by_size.clone()));
    assert_eq!((by_size.open(), by_size.young), (6, 1));

    let by_hash = look(&installed, true, false).await;
    let mut expected = expected_by_size;
    expected.extend([(Kind::DamagedOriginal, &damaged_original), (Kind::DamagedPart, &page)]);
    assert_eq!(owned(&by_hash), sorted(expected.clone()));
    let finding = by_hash.findings.iter().find(|finding| finding.key == missing_original).unwrap();
    assert_eq!((finding.documents[0].id, finding.documents[0].name.as_str()), (no_original.document, "no original.pdf"));

    installed.clock.advance(Duration::from_secs(1));
    let mended = look(&installed, true, true).await;
    assert_eq!(owned(&mended), sorted(expected));
    assert_eq!(mended.open(), 2, "originals alone cannot be made again: {:?}", mended.findings);
    installed.work(u32::MAX).await;
    let after = look(&installed, true, true).await;
    assert_eq!(after.open(), 2, "{:?}", after.findings);
    assert!(after.findings.iter().all(|finding| finding.kind != Kind::Orphan));
    assert_eq!(after.young, 1, "the young one stays");
    let jobs = jobs::list(&installed.store, &installed.scope, &jobs::JobFilter::default(), None, 100).await.unwrap().items;
    assert_eq!(jobs.len(), 8 + 4, "a job that was made up for is not run again");
}

#[tokio::test]
async fn damage_in_a_folder_is_found_and_mended() {
    damage_is_found_and_mended(Installed::on_folder().await).await;
}

#[tokio::test]
async fn damage_in_a_bucket_is_found_and_mended() {
    damage_is_found_and_mended(Installed::on_s3().await).await;
}

/// The sweep takes what nothing names, and only that.
async fn only_orphans_are_swept(installed: Installed) {
    let (done, begun) = (installed.read("done").await, installed.upload("begun").await);
    installed.work(2).await;
    let before = installed.all().await;
    // Everything that is named is old, too: age alone is no reason.
    before.iter().for_each(|object| age(&installed.file(&object.key), 1000));
    let gone =
        [installed.key(), installed.page_key(done.job, 9), installed.thumbnail_key(crp_model::JobId::new(installed.store.ambient()), 1)];
    for key in &gone {
        installed.put_aged(key, 25).await;
    }
    let stranger = OrganizationId::new(installed.store.ambient());
    let kept = [
        installed.key(),
        // A page that was written and whose row is about to come: the job runs.
        installed.page_key(begun.job, 2),
        ObjectKey::original(stranger, installed.store.ambient().new_uuid()),
        ObjectKey::from_store("somebody/else.txt".to_owned()),
        ObjectKey::from_store(format!("organizations/{}/notes.txt", installed.scope.organization)),
    ];
    installed.put_aged(&kept[0], 23).await;
    for key in &kept[1..] {
        installed.put_aged(key, 1000).await;
    }
    let older_than = NOW.minus(Duration::from_secs(24 * 3600));
    let sweeps = [
        sweep::orphans(&installed.store, &installed.objects, older_than),
        sweep::orphans(&installed.store, &installed.objects, older_than),
    ];
    let swept = futures_util::future::join_all(sweeps).await;
    assert!(swept.iter().all(Result::is_ok), "two at the same time: {swept:?}");
    let mut expected: Vec<ObjectKey> = before.into_iter().map(|object| object.key).chain(kept).collect();
    expected.sort();
    assert_eq!(installed.all().await.into_iter().map(|object| object.key).collect::<Vec<_>>(), expected);
    assert_eq!(sweep::orphans(&installed.store, &installed.objects, older_than).await.unwrap(), sweep::Swept::default());
    let report = look(&installed, true, false).await;
    assert_eq!((report.found, report.young, report.foreign), (0, 1, 3), "{:?}", report.findings);
}

#[tokio::test]
async fn only_orphans_are_swept_from_a_folder() {
    only_orphans_are_swept(Installed::on_folder().await).await;
}

#[tokio::test]
async fn only_orphans_are_swept_from_a_bucket() {
    only_orphans_are_swept(Installed::on_s3().await).await;
}
