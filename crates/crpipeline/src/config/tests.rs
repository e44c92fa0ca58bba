//! What the configuration promises: order of the layers, secrets, and errors that can be found.

use std::{collections::BTreeMap, fs};

use crp_objects::{Addressing, Encryption};
use crp_store::Database;
use tempfile::TempDir;

use super::*;

/// A set-up with a file and an environment of its own.
struct Setup {
    folder: TempDir,
    variables: BTreeMap<String, String>,
    flags: Vec<Flag>,
}

impl Setup {
    fn new(toml: &str) -> Self {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("crpipeline.toml"), toml).unwrap();
        Self { folder, variables: BTreeMap::from([("HOME".to_owned(), "/home/someone".to_owned())]), flags: Vec::new() }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    fn with_flag(mut self, section: &'static str, key: &'static str, name: &'static str, text: &str) -> Self {
        self.flags.push(Flag { section, key, name, text: text.to_owned() });
        self
    }

    fn load(&self) -> Result<Loaded, Vec<String>> {
        self.load_for(Needs::Everything)
    }

    fn load_for(&self, needs: Needs) -> Result<Loaded, Vec<String>> {
        let names: Vec<String> = self.variables.keys().cloned().collect();
        let file = self.folder.path().join("crpipeline.toml");
        load_from(Some(&file), &self.flags, needs, &|name| self.variables.get(name).cloned(), &names)
            .map_err(|problems| problems.into_iter().map(|p| p.message).collect())
    }

    fn problem(&self) -> String {
        let problems = self.load().unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
        problems.into_iter().next().unwrap()
    }
}

fn source_of(loaded: &Loaded, section: &str, key: &str) -> String {
    loaded.settings.iter().find(|s| s.section == section && s.key == key).unwrap().source.to_string()
}

#[test]
fn flags_win_over_environment_over_file_over_defaults() {
    let toml = "[server]\nlisten = \"127.0.0.1:1\"\n[limits]\nmax_pages = 10\nmax_attempts = 7\n";
    let setup = Setup::new(toml).with("CRPIPELINE_LISTEN", "127.0.0.1:2").with("CRPIPELINE_MAX_PAGES", "20").with_flag(
        "server",
        "listen",
        "listen",
        "127.0.0.1:3",
    );
    let loaded = setup.load().unwrap();
    let configuration = &loaded.configuration;
    assert_eq!(configuration.server.listen.port(), 3);
    assert_eq!(source_of(&loaded, "server", "listen"), "flag --listen");
    assert_eq!(configuration.limits.max_pages, 20);
    assert_eq!(source_of(&loaded, "limits", "max_pages"), "environment variable CRPIPELINE_MAX_PAGES");
    assert_eq!(configuration.limits.max_attempts, 7);
    assert!(source_of(&loaded, "limits", "max_attempts").ends_with("crpipeline.toml line 5"));
    assert_eq!(configuration.limits.max_upload_mebibytes, 512);
    assert_eq!(source_of(&loaded, "limits", "max_upload_mebibytes"), "default");
}

#[test]
fn the_defaults_are_those_of_the_contract() {
    let loaded = Setup::new("").load().unwrap();
    let configuration = loaded.configuration;
    assert_eq!(configuration.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(configuration.metrics.listen.to_string(), "127.0.0.1:9100");
    assert_eq!(configuration.storage.data_dir, Path::new("/home/someone/.local/share/crpipeline"));
    let limits = configuration.limits;
    assert_eq!(
        (limits.max_upload_mebibytes, limits.max_pages, limits.max_page_megapixels, limits.page_timeout_seconds),
        (512, 5000, 60, 120)
    );
    let xdg = Setup::new("").with("XDG_DATA_HOME", "/data").load().unwrap();
    assert_eq!(xdg.configuration.storage.data_dir, Path::new("/data/crpipeline"));
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let loaded = Setup::new("").with("CRPIPELINE_LISTEN", "").with("DATABASE_URL", "").load().unwrap();
    assert_eq!(loaded.configuration.server.listen.port(), 8080);
    assert!(loaded.configuration.database.url.is_none());
}

#[test]
fn an_unknown_key_or_section_is_an_error_with_its_line() {
    let message = Setup::new("[server]\n\nlisen = \"127.0.0.1:1\"\n").problem();
    assert!(message.contains("crpipeline.toml line 3: the section [server] has no setting \"lisen\"; it has listen"), "{message}");
    let message = Setup::new("[sever]\nlisten = \"127.0.0.1:1\"\n").problem();
    assert!(message.contains("line 1: there is no section [sever]"), "{message}");
    let message = Setup::new("\nlisten = \"127.0.0.1:1\"\n").problem();
    assert!(message.contains("line 2: \"listen\" stands outside of any section"), "{message}");
    let message = Setup::new("[server]\nlisten = \n").problem();
    assert!(message.contains("line 2: "), "{message}");
}

#[test]
fn a_wrong_value_names_setting_value_and_source() {
    let message = Setup::new("").with("CRPIPELINE_LISTEN", "localhost").problem();
    assert_eq!(
        message,
        "server.listen = \"localhost\" (from environment variable CRPIPELINE_LISTEN): invalid socket address syntax, write it as IP:PORT such as 127.0.0.1:8080"
    );
    let message = Setup::new("[limits]\nmax_pages = \"many\"\n").problem();
    assert!(message.starts_with("limits.max_pages = \"many\" (from ") && message.contains("crpipeline.toml line 2): "), "{message}");
    let message = Setup::new("").with_flag("limits", "max_pages", "max-pages", "0").problem();
    assert_eq!(message, "limits.max_pages = 0 (from flag --max-pages): it is not within 1 to 1000000");
    let message = Setup::new("").with("CRPIPELINE_PUBLIC_URL", "documents.example.org").problem();
    assert!(
        message.contains("server.public_url = \"documents.example.org\" (from environment variable CRPIPELINE_PUBLIC_URL)"),
        "{message}"
    );
    let message = Setup::new("").with("CRPIPELINE_LOG_LEVEL", "loud").problem();
    assert!(message.contains("\"loud\" is no level"), "{message}");
    let message = Setup::new("").with("CRPIPELINE_TRUSTED_PROXIES", "10.0.0.0/8, nginx").problem();
    assert!(message.contains("server.trusted_proxies = [\"10.0.0.0/8\",\"nginx\"]"), "{message}");
}

#[test]
fn every_mistake_is_told_at_once() {
    let problems = Setup::new("[worker]\nslot = 1\n").with("CRPIPELINE_LISTEN", "x").with("CRPIPELINE_MAX_PAGES", "-1").load().unwrap_err();
    assert_eq!(problems.len(), 3, "{problems:?}");
}

#[test]
fn a_secret_can_be_a_file_named_by_environment_or_configuration() {
    let folder = TempDir::new().unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, "tr0ub4dor\n").unwrap();
    let setup =
        Setup::new("").with("CRPIPELINE_ADMIN_EMAIL", "a@example.org").with("CRPIPELINE_ADMIN_PASSWORD_FILE", secret.to_str().unwrap());
    let loaded = setup.load().unwrap();
    assert_eq!(loaded.configuration.login.admin_password.as_ref().unwrap().expose(), "tr0ub4dor");
    assert!(source_of(&loaded, "login", "admin_password").contains("named by environment variable CRPIPELINE_ADMIN_PASSWORD_FILE"));
    let toml = format!("[login]\nadmin_email = \"a@example.org\"\nadmin_password_file = \"{}\"\n", secret.display());
    assert_eq!(Setup::new(&toml).load().unwrap().configuration.login.admin_password.unwrap().expose(), "tr0ub4dor");
}

#[test]
fn a_secret_given_twice_or_in_a_missing_file_is_an_error() {
    let message = Setup::new("")
        .with("CRPIPELINE_ADMIN_EMAIL", "a@b")
        .with("CRPIPELINE_ADMIN_PASSWORD", "x")
        .with("CRPIPELINE_ADMIN_PASSWORD_FILE", "/nowhere")
        .load()
        .unwrap_err();
    assert!(message[0].contains("given twice"), "{message:?}");
    let message = Setup::new("").with("DATABASE_URL_FILE", "/nowhere").problem();
    assert!(message.contains("database.url (from environment variable DATABASE_URL_FILE): the file /nowhere cannot be read"), "{message}");
}

#[test]
fn a_secret_is_never_shown_in_values_errors_or_debug_text() {
    let loaded = Setup::new("").with("DATABASE_URL", "postgres://u:hunter2@db/x").load().unwrap();
    let row = loaded.settings.iter().find(|s| s.section == "database").unwrap();
    assert_eq!(row.shown, "********");
    assert!(!format!("{loaded:?}").contains("hunter2"));
    let message = Setup::new("").with("DATABASE_URL", "mysql://u:hunter2@db/x").problem();
    assert!(
        message.contains("database.url = ******** (from environment variable DATABASE_URL)") && !message.contains("hunter2"),
        "{message}"
    );
    let message = Setup::new("[login]\nadmin_password = 12345\n").load().unwrap_err();
    assert!(message.iter().all(|m| !m.contains("12345")), "{message:?}");
}

#[test]
fn s3_needs_a_key_and_an_administrator_needs_a_password() {
    let message = Setup::new("").with("S3_BUCKET", "scans").problem();
    assert_eq!(message, "storage.access_key_id (not set; environment variable AWS_ACCESS_KEY_ID): S3_BUCKET is set, so it is needed");
    let message = Setup::new("").with("CRPIPELINE_ADMIN_EMAIL", "a@example.org").problem();
    assert!(message.contains("login.admin_password (not set; environment variable CRPIPELINE_ADMIN_PASSWORD)"), "{message}");
}

#[test]
fn a_command_without_database_does_not_stumble_over_its_setting() {
    let setup = Setup::new("").with("DATABASE_URL", "mysql://db/x").with("CRPIPELINE_LISTEN", "x");
    assert!(setup.load_for(Needs::ReadingAndLog).is_ok());
    assert!(setup.with("CRPIPELINE_MAX_PAGES", "0").load_for(Needs::ReadingAndLog).is_err());
}

#[test]
fn memory_and_sandbox_have_a_section_of_their_own_that_run_needs_too() {
    let reading = Setup::new("").load().unwrap().configuration.reading;
    assert_eq!((reading.sandbox, reading.max_memory_mebibytes), (crp_model::SandboxRequirement::BestEffort, 0));
    let setup = Setup::new("[reading]\nsandbox = \"best-effort\"\nmax_memory_mebibytes = 300\n").with("CRPIPELINE_SANDBOX", "require");
    let reading = setup.load_for(Needs::ReadingAndLog).unwrap().configuration.reading;
    assert_eq!((reading.sandbox, reading.max_memory_mebibytes), (crp_model::SandboxRequirement::Require, 300));
    let message = Setup::new("").with("CRPIPELINE_SANDBOX", "no").problem();
    assert!(message.starts_with("reading.sandbox = \"no\" (from environment variable CRPIPELINE_SANDBOX)"), "{message}");
    assert!(message.contains("require") && message.contains("best-effort"), "{message}");
    let message = Setup::new("").with_flag("reading", "max_memory_mebibytes", "max-memory", "100").problem();
    assert_eq!(message, "reading.max_memory_mebibytes = 100 (from flag --max-memory): it is neither 0 nor within 256 to 1048576");
}

#[test]
fn an_engine_behind_http_has_an_address_that_can_be_used() {
    const URL: &str = "CRPIPELINE_HTTP_ENGINE_URL";
    assert!(Setup::new("").load().unwrap().configuration.http_engine.settings().is_none());
    let loaded = Setup::new("[http_engine]\nurl = \"https://ocr.example.org/\"\n").load().unwrap();
    assert_eq!(loaded.configuration.http_engine.settings().unwrap().timeout_seconds, 60);
    for (address, what) in
        [("ocr.example.org", "its address is none"), ("ftp://x/", "begins with neither"), ("http://me:hunter2@x/", "user or password")]
    {
        let message = Setup::new("").with(URL, address).problem();
        assert!(message.starts_with("http_engine.url = ") && message.contains(what), "{message}");
    }
    assert!(Setup::new("").with("CRPIPELINE_HTTP_ENGINE_TOKEN", "x").problem().contains("a token is set, so it is needed"));
    // `crpipeline run` needs it as well.
    assert!(Setup::new("").with(URL, "x").load_for(Needs::ReadingAndLog).is_err());
}

#[test]
fn a_misspelt_variable_is_told() {
    let loaded = Setup::new("").with("CRPIPELINE_LISTN", "x").with("CRPIPELINE_CONFIG", "").load().unwrap();
    assert_eq!(loaded.warnings, ["The environment variable CRPIPELINE_LISTN is no setting of crPipeline and is ignored"]);
}

#[test]
fn the_database_is_a_file_of_the_data_directory_another_file_or_postgresql() {
    let database = |setup: Setup| setup.load().unwrap().configuration.database.database(Path::new("/data"));
    let of_file = |database| match database {
        Database::Sqlite(file) => file,
        Database::Postgres(_) => panic!("it is a file"),
    };
    assert_eq!(of_file(database(Setup::new(""))), Path::new("/data/crpipeline.db"));
    assert_eq!(of_file(database(Setup::new("").with("DATABASE_URL", "sqlite:/else/where.db"))), Path::new("/else/where.db"));
    let setup = Setup::new("[database]\nmax_connections = 5").with("DATABASE_URL", "postgres://u:hunter2@db/x");
    let Database::Postgres(server) = database(setup) else { panic!("it is PostgreSQL") };
    assert_eq!((server.url.as_str(), server.max_connections), ("postgres://u:hunter2@db/x", 5));
    assert!(Setup::new("[database]\nmax_connections = 2").problem().contains("3 to 1000"));
}

#[test]
fn every_field_has_a_setting_a_description_and_an_environment_variable() {
    let schema = json_schema();
    for (section, settings) in SECTIONS {
        let found = schema.pointer(&format!("/properties/{section}")).unwrap_or_else(|| panic!("no section {section}"));
        let mut found = found.clone();
        let properties = found["properties"]
            .as_object()
            .cloned()
            .or_else(|| found["anyOf"].as_array_mut()?.iter().find_map(|s| s["properties"].as_object().cloned()));
        let properties = properties.unwrap_or_else(|| panic!("no properties of {section}: {found}"));
        let fields: std::collections::BTreeSet<&str> =
            properties.keys().map(String::as_str).filter(|key| !key.ends_with("_file")).collect();
        assert_eq!(fields, settings.iter().map(|s| s.key).collect(), "{section}");
        for (key, property) in &properties {
            assert!(property["description"].as_str().is_some_and(|d| d.len() > 10), "{section}.{key} has no description");
        }
        for setting in settings {
            assert_eq!(properties[setting.key]["x-environment"], setting.environment);
        }
    }
}

#[test]
fn what_is_asked_of_a_bucket_has_to_fit_together() {
    let bucket = || Setup::new("").with("S3_BUCKET", "b").with("AWS_ACCESS_KEY_ID", "a").with("AWS_SECRET_ACCESS_KEY", "s");
    let storage = |setup: Setup| setup.load().unwrap().configuration.storage;
    let usual = storage(bucket());
    assert_eq!((usual.encryption(), usual.addressing()), (Encryption::None, Addressing::Auto));
    assert_eq!(usual.presigned_downloads, Switch::Off);
    let kms = bucket().with("CRPIPELINE_S3_ENCRYPTION", "aws:kms").with("CRPIPELINE_S3_KMS_KEY_ID", "k");
    assert_eq!(storage(kms).encryption(), Encryption::Kms("k".to_owned()));
    assert_eq!(storage(bucket().with("CRPIPELINE_S3_ENCRYPTION", "aes256")).encryption(), Encryption::Aes256);
    assert_eq!(storage(bucket().with("CRPIPELINE_S3_ADDRESSING", "virtual_host")).addressing(), Addressing::VirtualHost);
    assert_eq!(storage(bucket().with("CRPIPELINE_PRESIGNED_DOWNLOADS", "on")).presigned_downloads, Switch::On);
    for (setup, told) in [
        (bucket().with("CRPIPELINE_S3_ENCRYPTION", "aws:kms"), "so it is needed"),
        (bucket().with("CRPIPELINE_S3_KMS_KEY_ID", "k"), "alone"),
        (bucket().with("CRPIPELINE_S3_ENCRYPTION", "rot13"), "aes256"),
        (bucket().with("CRPIPELINE_S3_ADDRESSING", "host"), "virtual_host"),
        (bucket().with("CRPIPELINE_PRESIGNED_DOWNLOADS", "yes"), "on"),
        (Setup::new("[storage]\npresigned_downloads = \"on\"\n"), "set S3_BUCKET"),
        (Setup::new("[storage]\ns3_encryption = \"aes256\"\n"), "set S3_BUCKET"),
    ] {
        let problem = setup.problem();
        assert!(problem.contains(told), "{problem}");
    }
    let token = bucket().with("AWS_SESSION_TOKEN", "token-of-the-test").load().unwrap();
    assert!(!format!("{token:?}").contains("token-of-the-test"));
}
