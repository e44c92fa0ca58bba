//! Wrong passwords, up to the mail and the message that tell of them, and of their end.

use crp_testkit::{Server, server::ADMIN_EMAIL};

use crate::monitoring_stack::{BINARY, Watched, change, replaced, target};

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
    six_wrong_passwords(&server).await;
    let mail = watched.mail_of("CrpipelineLoginFailures", true).await;
    let message = watched.message_of("CrpipelineLoginFailures", true).await;
    for text in [&mail.text, &message] {
        // Six, or a little more by the extrapolation of `increase`.
        assert!(["6 refused", "7 refused"].iter().any(|number| text.contains(number)), "no number in {text}");
        assert!(text.contains("invalid_password") && text.contains("Look in the log"), "{text}");
        assert!(text.contains("runbooks/CrpipelineLoginFailures.md"), "{text}");
    }
    assert!(mail.subject.contains("CrpipelineLoginFailures"), "{}", mail.subject);

    // The burst leaves the window after five minutes. So that nobody waits for that, the window of the rules is ten seconds from now on.
    change(&watched.file("rules/crpipeline.yml"), |rules| replaced(&rules, "[5m]", "[10s]"));
    watched.prometheus.reload();
    watched.mail_of("CrpipelineLoginFailures", false).await;
    watched.message_of("CrpipelineLoginFailures", false).await;
}
