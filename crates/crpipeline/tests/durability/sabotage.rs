//! Controls: a finished run is broken on purpose, past crPipeline, and the checker has to notice each time.

use std::{fs, process::Command};

use crp_testkit::{Api, programs};

use super::{
    checker::{self, Counted},
    installation::{Database, Installation},
    load::{Accepted, Known},
    run::Run,
    storm::look_at_all,
};

/// Breaks one thing after the other, each about another job.
pub(crate) async fn controls(
    run: &mut Run,
    installation: &Installation,
    api: &Api,
    known: &[Known],
    accepted: &[Accepted],
    counted: Counted,
) {
    let organization = api.get("/api/v1/organizations").await.expect(200).json()["items"][0]["id"].as_str().unwrap_or_default().to_owned();
    let mut victims = accepted.iter();
    let mut next = || victims.next().expect("more jobs than controls");

    let victim = next();
    let file = installation.artifact_file(&organization, &victim.ids.job, "text.txt");
    fs::remove_file(&file).unwrap_or_else(|error| panic!("{} cannot be removed: {error}", file.display()));
    noticed(run, api, known, victim, counted, "the object of an artifact was removed").await;

    let job = |accepted: &Accepted| installation.id(&accepted.ids.job);
    let doubled = "INSERT INTO events (job, id, organization, kind, payload, happened_at)
         SELECT job, id + 1, organization, kind, payload, happened_at FROM events WHERE job = JOB ORDER BY id DESC LIMIT 1";
    let rows = [
        ("the final event was doubled", doubled),
        ("an event was removed", "DELETE FROM events WHERE job = JOB AND id = 2"),
        ("the row of a page was removed", "DELETE FROM pages WHERE job = JOB AND page = 1"),
        ("the row of an artifact was removed", "DELETE FROM artifacts WHERE job = JOB AND kind = 'layout'"),
        ("a job is running for ever", "UPDATE jobs SET status = 'running' WHERE id = JOB"),
    ];
    for (what, statement) in rows {
        let victim = next();
        if installation.run_sql(&statement.replace("JOB", &job(victim))) {
            noticed(run, api, known, victim, counted, what).await;
        }
    }

    without_a_document(run, api, known, next()).await;

    let counted_twice = Counted { jobs_total: counted.final_jobs + 1.0, ..counted };
    run.control("a job was counted twice", &checker::complaints(known, &[], &[], counted_twice));
    let victim = next().clone();
    let seen = look_at_all(api, std::slice::from_ref(&victim)).await;
    let twice = [seen.clone(), seen].concat();
    run.control("two uploads became one job", &checker::complaints(known, &[victim.clone(), victim], &twice, counted));
}

/// Removes a document that was accepted.
pub(crate) async fn without_a_document(run: &mut Run, api: &Api, known: &[Known], victim: &Accepted) {
    api.delete(&format!("/api/v1/documents/{}?forever=true", victim.ids.document)).await;
    noticed(run, api, known, victim, Counted::default(), "a document was removed").await;
}

async fn noticed(run: &mut Run, api: &Api, known: &[Known], victim: &Accepted, counted: Counted, what: &str) {
    let victim = std::slice::from_ref(victim);
    let seen = look_at_all(api, victim).await;
    run.control(what, &checker::complaints(known, victim, &seen, counted));
}

impl Installation {
    /// An id as the database's SQL says it.
    pub(crate) fn id(&self, id: &str) -> String {
        if matches!(self.database, Database::File) { format!("x'{}'", id.replace('-', "")) } else { format!("'{id}'") }
    }

    /// Runs a statement past crPipeline; false where there is no program for it, which is said.
    pub(crate) fn run_sql(&self, statement: &str) -> bool {
        match &self.database {
            Database::Shared(database) => database.run(statement),
            Database::Own(_) => return false,
            Database::File => {
                let Some(python) = programs::program("python3") else { return false };
                let script = "import sqlite3,sys\nc=sqlite3.connect(sys.argv[1],timeout=30)\nn=c.execute(sys.argv[2]).rowcount\n\
                              c.commit()\nassert n==1,n";
                programs::output_of(Command::new(python).args(["-c", script]).arg(self.database_file()).arg(statement));
            }
        }
        true
    }
}
