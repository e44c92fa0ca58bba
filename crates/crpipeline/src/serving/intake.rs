//! The watched folder of this process, if the configuration names one.

use std::time::Duration;

use crp_model::labels::PanicPlace;
use crp_ops::intake::{Intake, IntakeSettings};
use tokio_util::sync::CancellationToken;

use super::Served;
use crate::{config::Configuration, doors};

/// Pause after a defect.
const PAUSE: Duration = Duration::from_secs(5);

/// Watches until `stopping`; a panic is counted and does not end the watch.
pub(super) async fn watch(served: &Served, configuration: &Configuration, stopping: CancellationToken) {
    let Some(folder) = configuration.intake.dir.clone() else { return };
    let settings = IntakeSettings {
        folder,
        interval: Duration::from_secs(configuration.intake.interval_seconds.into()),
        max_bytes: configuration.limits.max_upload_bytes(),
        // The same that uploads leave free.
        reserve: doors::reserve(configuration),
    };
    tracing::info!(folder = %settings.folder.display(), "The folder is watched; each organization has a folder in it");
    let intake = Intake::new(settings, served.store.clone(), served.objects.clone(), served.metrics.clone());
    while tokio::spawn(intake.clone().run(stopping.clone())).await.is_err_and(|error| error.is_panic()) {
        served.metrics.panics_total.inc(PanicPlace::Scheduler);
        if tokio::time::timeout(PAUSE, stopping.cancelled()).await.is_ok() {
            return;
        }
    }
}
