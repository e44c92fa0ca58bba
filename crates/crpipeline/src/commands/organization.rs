//! The organizations that a command is about, by the name that the operator gives.

use crp_model::{Code, Failure, Scope};
use crp_store::{Store, setup};

use crate::telemetry::OneLine;

/// The organization with this name, or the only one.
pub(super) async fn only_or_named(store: &Store, name: Option<&str>) -> Result<Scope, Failure> {
    let all = all(store).await?;
    let found: Vec<_> = all.iter().filter(|(_, its)| name.is_none_or(|name| name == its)).collect();
    match (found.as_slice(), name) {
        ([(scope, _)], _) => Ok(*scope),
        ([], Some(name)) => Err(wrong(&all, format!("There is no organization \"{}\"", OneLine(name)))),
        ([], None) => Err(wrong(&all, "There is no organization yet".to_owned())),
        _ => Err(wrong(&all, "There are several organizations".to_owned())),
    }
}

/// The organization with this name, or every one.
pub(super) async fn all_or_named(store: &Store, name: Option<&str>) -> Result<Vec<(Scope, String)>, Failure> {
    let mut all = all(store).await?;
    let Some(name) = name else { return Ok(all) };
    if !all.iter().any(|(_, its)| its == name) {
        return Err(wrong(&all, format!("There is no organization \"{}\"", OneLine(name))));
    }
    all.retain(|(_, its)| its == name);
    Ok(all)
}

async fn all(store: &Store) -> Result<Vec<(Scope, String)>, Failure> {
    let all = setup::organizations(store).await.map_err(|error| error.failure())?;
    Ok(all.into_iter().map(|(organization, name)| (Scope::system(organization), name)).collect())
}

fn wrong(all: &[(Scope, String)], message: String) -> Failure {
    let names: Vec<String> = all.iter().map(|(_, name)| format!("\"{}\"", OneLine(name))).collect();
    let remedy = match names.is_empty() {
        true => "Set the server up first: start `crpipeline serve` and open its link.".to_owned(),
        false => format!("Name one with --organization: {}.", names.join(", ")),
    };
    Failure::new(Code::InvalidConfiguration, message).with_remedy(remedy)
}
