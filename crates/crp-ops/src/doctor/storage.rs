//! Whether the storage of objects answers.

use crp_metrics::Metrics;
use crp_model::Ambient;
use crp_objects::Objects;

use super::{Check, Subject};

pub(super) async fn check(subject: &Subject, metrics: &Metrics) -> Check {
    const NAME: &str = "storage";
    let (opened, place) = match &subject.s3 {
        Some(s3) => {
            let at = s3.endpoint.as_deref().map_or_else(|| format!("Amazon S3 in {}", s3.region), str::to_owned);
            (Objects::open_s3(s3.clone(), metrics.clone(), Ambient::system()), format!("The bucket {} at {at}", s3.bucket))
        }
        None => {
            let folder = subject.data_dir.join("objects");
            if !folder.is_dir() {
                return Check::ok(NAME, format!("{} will be made at the first start", folder.display()));
            }
            (Objects::open_folder(&folder, metrics.clone()), folder.display().to_string())
        }
    };
    let answer = match opened {
        Ok(objects) => objects.probe().await,
        Err(failure) => Err(failure),
    };
    match answer {
        Ok(()) => Check::ok(NAME, format!("{place} answers")),
        Err(failure) => Check::failed(NAME, &failure),
    }
}
