//! Wrong passwords, up to the mail and the message that tell of them, and of their end.

use crp_testkit::{Server, server::ADMIN_EMAIL};

use crate::monitoring_stack::{BINARY, PATIENCE, Watched, change, replaced, target, told_of, told_of_end};

/// Guesses a password six times, as fast as the server answers.
pub(crate) async fn six_wrong_passwords(server: &Server) {
    let stranger = server.anonymous();
    for attempt in 1..=6 {
        stranger.sign_in(ADMIN_EMAIL, &format!("wrong password {attempt}")).await.expect(401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn six_wrong_passwords_in_one_burst_are_told_by_mail_and_chat_with_their_number_and_so_is_their_end() {
    let server = Server::start(BINARY).await;
    let Some(watched) = Watched::over(&[&target(&server)]).await else { return };
    // `increase` extends what it has seen to its whole window: with twenty samples by a twentieth, with two by a half.
    watched.prometheus.result_of("count_over_time(login_failures_total{reason=\"invalid_password\"}[5m]) >= 20", PATIENCE).await;
    six_wrong_passwords(&server).await;
    let mail = told_of(&watched, "CrpipelineLoginFailures", &["refused", "invalid_password", &target(&server)]).await;
    // A scrape between the fifth and the sixth sees five, and the extrapolation makes that more than five.
    assert!(mail.text.contains("About 5 ") || mail.text.contains("About 6 "), "{}", mail.text);

    // The burst leaves the window after five minutes. So that nobody waits for that, the window of the rules is ten seconds from now on.
    change(&watched.file("rules/crpipeline.yml"), |rules| replaced(&rules, "[5m]", "[10s]"));
    watched.prometheus.reload();
    told_of_end(&watched, "CrpipelineLoginFailures").await;
}
