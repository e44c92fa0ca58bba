//! `crpipeline admin`: accounts, from the machine that has the database; the server may run or be down.

use std::{io::Read as _, num::NonZeroU32, process::ExitCode};

use crp_metrics::Metrics;
use crp_model::{Ambient, Code, Failure, Role, Scope};
use crp_store::{Database, Store, StoreError, login, organizations, setup, users};
use crp_web::{PasswordCost, check_new_password, hash_password};

use crate::{cli::AdminCommand, config::Configuration, doors, exit, telemetry::OneLine, version::BUILD};

/// Longest password that is read, in bytes.
const MAX_PASSWORD_BYTES: u64 = 4096;

/// Does what the operator asks for.
pub(crate) async fn admin(command: AdminCommand, configuration: Configuration) -> ExitCode {
    let done = match command {
        AdminCommand::Create { email, name, password_stdin } => create(&configuration, &email, name, password_stdin).await,
        AdminCommand::ResetPassword { email, password_stdin } => reset_password(&configuration, &email, password_stdin).await,
        AdminCommand::Limit { organization, running_tasks, none: _ } => limit(&configuration, organization.as_deref(), running_tasks).await,
        AdminCommand::Unlock { email } => unlock(&configuration, &email).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => exit::with_failure(&failure),
    }
}

async fn create(configuration: &Configuration, email: &str, name: Option<String>, password_stdin: bool) -> Result<(), Failure> {
    if !email.contains('@') || email.len() > 254 || email.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(wrong(format!("\"{}\" is no e-mail address", OneLine(email))));
    }
    let ambient = Ambient::system();
    let password = Password::take(password_stdin, &ambient)?;
    let password_hash = password.hash(&ambient)?;
    let display_name = name.unwrap_or_else(|| email.to_owned());
    let store = store_for_create(configuration).await?;
    let made = match setup::organizations(&store).await.map_err(|e| e.failure())?.first() {
        None => {
            let new = setup::NewInstallation {
                organization_name: setup_name(),
                languages: vec!["eng".to_owned()],
                email: email.to_owned(),
                display_name,
                password_hash,
            };
            setup::create_first(&store, new).await.map(drop)
        }
        Some((organization, _)) => {
            let new = users::NewUser { email: email.to_owned(), display_name, password_hash, role: Role::Owner, is_platform_admin: true };
            users::create_user(&store, &Scope::system(*organization), new).await.map(drop)
        }
    };
    store.close().await;
    made.map_err(|error| match error {
        StoreError::Conflict(sentence) => wrong(sentence),
        other => other.failure(),
    })?;
    println!("The administrator {} was created.", OneLine(email));
    password.tell();
    Ok(())
}

/// The first administrator may be made before the first start.
async fn store_for_create(configuration: &Configuration) -> Result<Store, Failure> {
    let database = doors::database(configuration);
    if let Database::Sqlite(file) = &database
        && let Some(folder) = file.parent()
    {
        doors::make_data_dir(folder)?;
    }
    doors::open_beside_server(configuration, &Metrics::new(BUILD, &[])).await
}

/// The name of an organization that nobody has named.
fn setup_name() -> String {
    crate::serving::FIRST_ORGANIZATION.to_owned()
}

async fn reset_password(configuration: &Configuration, email: &str, password_stdin: bool) -> Result<(), Failure> {
    let ambient = Ambient::system();
    let store = doors::existing_store(configuration, &Metrics::new(BUILD, &[])).await?;
    known(&store, email).await?;
    let password = Password::take(password_stdin, &ambient)?;
    let changed = login::set_password(&store, email, &password.hash(&ambient)?).await;
    store.close().await;
    changed.map_err(|error| about(email, &error))?;
    println!("{} has a new password; every session of the account has ended.", OneLine(email));
    password.tell();
    Ok(())
}

async fn unlock(configuration: &Configuration, email: &str) -> Result<(), Failure> {
    let store = doors::existing_store(configuration, &Metrics::new(BUILD, &[])).await?;
    let unlocked = login::unlock(&store, email).await;
    store.close().await;
    unlocked.map_err(|error| about(email, &error))?;
    println!("{} can sign in again.", OneLine(email));
    Ok(())
}

async fn limit(configuration: &Configuration, organization: Option<&str>, most: Option<NonZeroU32>) -> Result<(), Failure> {
    let store = doors::existing_store(configuration, &Metrics::new(BUILD, &[])).await?;
    let limited = async {
        let scope = super::organization::only_or_named(&store, organization).await?;
        organizations::set_max_running_tasks(&store, &scope, most).await.map_err(|error| error.failure())?;
        organizations::get(&store, &scope).await.map_err(|error| error.failure())
    };
    let limited = limited.await;
    store.close().await;
    let name = limited?.name;
    match most {
        Some(most) => println!("At most {most} tasks of {} run at the same time.", OneLine(&name)),
        None => println!("{} has no limit of its own.", OneLine(&name)),
    }
    Ok(())
}

/// Nobody should think of a password for an account that is not there.
async fn known(store: &Store, email: &str) -> Result<(), Failure> {
    match login::find_for_login(store, email).await {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err(about(email, &StoreError::NotFound)),
        Err(error) => Err(error.failure()),
    }
}

fn about(email: &str, error: &StoreError) -> Failure {
    match error {
        StoreError::NotFound => wrong(format!("No user has the address {}", OneLine(email)))
            .with_remedy("Check the spelling and the data directory; `crpipeline admin create` makes an administrator."),
        other => other.failure(),
    }
}

fn wrong(message: String) -> Failure {
    Failure::new(Code::InvalidConfiguration, message).with_remedy("Correct the argument; `crpipeline admin --help` shows examples.")
}

/// A new password: given, or drawn and told once.
enum Password {
    Given(String),
    Drawn(String),
}

impl Password {
    fn take(from_stdin: bool, ambient: &Ambient) -> Result<Self, Failure> {
        if !from_stdin {
            // 120 bits in 30 hexadecimal digits, in groups that can be read aloud.
            let drawn: Vec<char> = ambient.new_secret().chars().take(30).collect();
            let groups: Vec<String> = drawn.chunks(5).map(|group| group.iter().collect()).collect();
            return Ok(Password::Drawn(groups.join("-")));
        }
        let mut text = String::new();
        std::io::stdin()
            .take(MAX_PASSWORD_BYTES)
            .read_to_string(&mut text)
            .map_err(|error| Failure::new(Code::FileAccess, format!("The password cannot be read from standard input: {error}")))?;
        let line = text.lines().next().unwrap_or_default().to_owned();
        check_new_password(&line).map_err(wrong)?;
        Ok(Password::Given(line))
    }

    fn hash(&self, ambient: &Ambient) -> Result<String, Failure> {
        let (Password::Given(text) | Password::Drawn(text)) = self;
        hash_password(text, PasswordCost::default(), ambient)
    }

    fn tell(&self) {
        if let Password::Drawn(text) = self {
            println!("Password (shown only now): {text}");
        }
    }
}
