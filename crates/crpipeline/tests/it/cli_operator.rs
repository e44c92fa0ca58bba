//! The operator's commands: config, admin, migrate, doctor. Backup, restore and check have stories of their own.

use std::fs;

use crp_testkit::{
    CommandLine, ServerPlan, hostile,
    server::{ADMIN_EMAIL, ADMIN_PASSWORD},
};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_crpipeline");

fn in_folder() -> (tempfile::TempDir, CommandLine) {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data").display().to_string();
    let line = CommandLine::new(BINARY, folder.path()).env("CRPIPELINE_DATA_DIR", data_dir);
    (folder, line)
}

#[tokio::test]
async fn a_mistake_in_the_configuration_is_found_with_its_line_and_stops_every_role() {
    let (folder, line) = in_folder();
    fs::write(folder.path().join("crpipeline.toml"), "[server]\nlisten = \"127.0.0.1:0\"\nlisen = \"x\"\n").unwrap();
    for command in [&["config", "check"][..], &["serve"], &["doctor"], &["admin", "unlock", ADMIN_EMAIL]] {
        let ran = line.run(command).await;
        assert_eq!(ran.code, Some(2), "{command:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("crpipeline.toml line 3: the section [server] has no setting \"lisen\""), "{}", ran.stderr);
    }
    fs::write(folder.path().join("crpipeline.toml"), "[server]\nlisten = \"127.0.0.1:0\"\n").unwrap();
    let ran = line.run(&["config", "check"]).await;
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert!(ran.stdout.contains("crpipeline.toml"));
    assert!(!folder.path().join("data").exists(), "nothing was made");
}

#[tokio::test]
async fn effective_values_are_shown_with_their_source_and_no_secret() {
    let (folder, line) = in_folder();
    fs::write(folder.path().join("secret"), "canary-in-a-file\n").unwrap();
    fs::write(folder.path().join("crpipeline.toml"), "[limits]\nmax_pages = 7\n").unwrap();
    let line = line
        .env("CRPIPELINE_ADMIN_EMAIL", ADMIN_EMAIL)
        .env("CRPIPELINE_ADMIN_PASSWORD_FILE", folder.path().join("secret").display().to_string())
        .env("DATABASE_URL", "sqlite:/canary-in-a-variable.db")
        .env("CRPIPELINE_LISTN", "misspelt");
    let ran = line.run(&["config", "show"]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let shown =
        |setting: &str| ran.stdout.lines().find(|line| line.starts_with(setting)).unwrap_or_else(|| panic!("{setting}: {}", ran.stdout));
    assert!(shown("max_pages = 7").contains("crpipeline.toml line 2"));
    assert!(shown("admin_email").contains("environment variable CRPIPELINE_ADMIN_EMAIL"));
    assert!(shown("admin_password = \"********\"").contains("secret, named by environment variable CRPIPELINE_ADMIN_PASSWORD_FILE"));
    assert!(!ran.stdout.contains("canary") && !ran.stderr.contains("canary"), "{}", ran.stdout);
    let rows: Value = serde_json::from_str(&line.run(&["config", "show", "--json"]).await.stdout).unwrap();
    let of = |setting: &str| rows.as_array().unwrap().iter().find(|row| row["setting"] == setting).unwrap().clone();
    assert_eq!(of("limits.max_pages")["value"], 7);
    assert_eq!(of("server.listen")["source"], "default");
    let checked = line.run(&["config", "check"]).await;
    assert!(checked.code == Some(0) && checked.stderr.contains("CRPIPELINE_LISTN"), "{}", checked.stderr);
    let schema: Value = serde_json::from_str(&line.run(&["config", "schema"]).await.stdout).unwrap();
    assert_eq!(schema["title"], "crpipeline.toml");
}

#[tokio::test]
async fn a_postgresql_that_does_not_answer_is_told_without_its_password() {
    let (folder, line) = in_folder();
    let url = "postgres://crp:canary@127.0.0.1:1/crp";
    fs::write(folder.path().join("new-database"), url).unwrap();
    assert_eq!(line.run(&["admin", "create", ADMIN_EMAIL]).await.code, Some(0));
    let copied = line.run(&["db", "copy", "--to-file", "new-database"]).await;
    assert!(copied.code == Some(4) && copied.stderr.contains("database_unavailable"), "{}", copied.stderr);
    assert!(!copied.stderr.contains("canary"), "{}", copied.stderr);
    let line = line.env("DATABASE_URL", url).env("CRPIPELINE_DATABASE_START_TIMEOUT_SECONDS", "0");
    for command in [&["serve"][..], &["migrate"], &["backup", "saved"]] {
        let ran = line.run(command).await;
        assert_eq!(ran.code, Some(4), "{command:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("database_unavailable") && !ran.stderr.contains("canary"), "{}", ran.stderr);
    }
    assert!(!folder.path().join("saved").exists(), "nothing was made");
}

#[tokio::test]
async fn what_is_no_command_or_no_flag_is_refused() {
    let (_folder, line) = in_folder();
    for wrong in
        [&["no-such-command"][..], &["serve", "--no-such-flag"], &["backup"], &["db", "copy"], &["db", "copy", "--to", "mysql://x"]]
    {
        assert_eq!(line.run(wrong).await.code, Some(2), "{wrong:?}");
    }
}

#[tokio::test]
async fn an_administrator_can_be_made_before_the_first_start_and_another_while_the_server_runs() {
    let folder = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let line = CommandLine::new(BINARY, folder.path()).env("CRPIPELINE_DATA_DIR", folder.path().display().to_string());
    for (arguments, part) in [
        (&["admin", "unlock", ADMIN_EMAIL][..], "There is no database"),
        (&["admin", "reset-password", ADMIN_EMAIL], "There is no database"),
        (&["admin", "create", "nobody"], "no e-mail address"),
    ] {
        let ran = line.run(arguments).await;
        assert!(ran.code == Some(2) && ran.stderr.contains(part), "{arguments:?}: {:?} {}", ran.code, ran.stderr);
    }
    let made = line.run(&["admin", "create", "first@example.org", "--name", "The First"]).await;
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let server = ServerPlan::new(BINARY).start_on(folder.clone()).await;
    let api = server.anonymous();
    api.sign_in("first@example.org", password_in(&made.stdout)).await.expect(200);
    api.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD).await.expect(401);
    let made = line.run(&["admin", "create", "second@example.org"]).await;
    assert_eq!(made.code, Some(0), "while the server runs: {}", made.stderr);
    api.sign_in("second@example.org", password_in(&made.stdout)).await.expect(200);
    let again = line.run(&["admin", "create", "SECOND@example.org"]).await;
    assert_eq!(again.code, Some(2), "the address is taken: {}", again.stderr);
    let unknown = line.run(&["admin", "unlock", "third@example.org"]).await;
    assert!(unknown.code == Some(2) && unknown.stderr.contains("No user has the address third@example.org"), "{}", unknown.stderr);
    let reset = line.run(&["admin", "reset-password", "second@example.org"]).await;
    api.sign_in("second@example.org", password_in(&made.stdout)).await.expect(401);
    api.sign_in("second@example.org", password_in(&reset.stdout)).await.expect(200);
}

fn password_in(output: &str) -> &str {
    let line = output.lines().find_map(|line| line.strip_prefix("Password (shown only now): "));
    line.unwrap_or_else(|| panic!("no password in {output}"))
}

#[tokio::test]
async fn migrate_says_whether_there_is_something_to_do_and_changes_nothing_when_asked_to_check() {
    let (folder, line) = in_folder();
    let ran = line.run(&["migrate", "--check"]).await;
    assert!(ran.code == Some(0) && ran.stdout.contains("There is no database yet"), "{}", ran.stdout);
    assert!(!folder.path().join("data").exists());
    assert_eq!(line.run(&["admin", "create", "first@example.org"]).await.code, Some(0));
    for command in [&["migrate", "--check"][..], &["migrate"]] {
        let ran = line.run(command).await;
        assert!(ran.code == Some(0) && ran.stdout.contains("There is nothing to do"), "{}", ran.stdout);
    }
    fs::write(folder.path().join("data/crpipeline.db"), hostile::not_a_document()).unwrap();
    let ran = line.run(&["migrate"]).await;
    assert_eq!(ran.code, Some(4), "a file that is no database: {}", ran.stderr);
}

#[tokio::test]
async fn the_doctor_makes_nothing_and_names_a_taken_port_with_its_setting() {
    let (folder, line) = in_folder();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let line = line.env("CRPIPELINE_LISTEN", "127.0.0.1:0").env("CRPIPELINE_METRICS_LISTEN", &address);
    let ran = line.run(&["doctor", "--json"]).await;
    assert_eq!(ran.code, Some(4), "{}", ran.stdout);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    let names: Vec<&str> = report["checks"].as_array().unwrap().iter().map(|check| check["name"].as_str().unwrap()).collect();
    for name in ["configuration", "data_directory", "temp_directory", "server", "database", "storage", "tesseract", "sandbox", "port"] {
        assert!(names.contains(&name), "{names:?}");
    }
    let port = report["checks"].as_array().unwrap().iter().find(|check| check["found"].as_str().unwrap().contains(&address)).unwrap();
    assert_eq!(port["outcome"], "fail");
    assert!(port["remedy"].as_str().unwrap().contains("CRPIPELINE_METRICS_LISTEN"));
    assert!(!folder.path().join("data").exists(), "nothing was made");
    let people = line.run(&["doctor"]).await;
    assert!(people.stdout.lines().any(|line| line.starts_with("FAIL port")), "{}", people.stdout);
}

#[tokio::test]
async fn the_doctor_tries_the_engine_over_http_if_there_is_one() {
    let (_folder, line) = in_folder();
    let line = line.env("CRPIPELINE_LISTEN", "127.0.0.1:0").env("CRPIPELINE_METRICS_LISTEN", "127.0.0.1:0");
    let ran = line.run(&["doctor"]).await;
    assert!(!ran.stdout.contains("http_engine"), "nothing is said about what nobody wants: {}", ran.stdout);
    let ran = line.env("CRPIPELINE_HTTP_ENGINE_URL", "http://127.0.0.1:1/ocr").run(&["doctor", "--json"]).await;
    assert_eq!(ran.code, Some(4), "{}", ran.stdout);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    let check = report["checks"].as_array().unwrap().iter().find(|check| check["name"] == "http_engine").expect("it is tried");
    assert_eq!(check["outcome"], "fail");
    assert!(check["found"].as_str().unwrap().starts_with("http://127.0.0.1:1/ocr: "), "{check}");
    assert!(check["remedy"].as_str().unwrap().contains("CRPIPELINE_HTTP_ENGINE_URL"), "{check}");
}
