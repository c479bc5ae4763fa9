//! One ask after the other, and what an answer means for the next one.

use futures::future::join_all;
use permission_core::Subject;

use crate::support::*;

/// U5a
#[leak_test]
async fn a_session_grant_allows_the_same_again_whatever_its_description() {
    let service = service();
    let mut prompts = subscribe(&service);
    let params = serde_json::value::to_raw_value(&serde_json::json!({"file": "test.txt"}));
    let first = ask("session1", "file_tool", "read", "/tmp/test.txt")
        .params(params.expect("it is JSON"))
        .description("read the file");
    let again = first.clone().description("read it once more");

    let (asking, _) = pends(&service, first);
    assert!(service.grant_persistent(opened(&mut prompts).id));
    assert_allowed(asking);
    closed(&mut prompts);

    let decision = decided(&service, again);
    let grant = service.grants().pop().expect("it was recorded");
    assert!(decision.is_allowed());
    assert_eq!(decision.by(), &DecidedBy::Grant(grant.id));
    assert!(prompts.try_next().is_none(), "no prompt");
}

/// U5b
#[leak_test]
async fn a_single_grant_allows_nothing_later() {
    let service = service();
    let write = || ask("session2", "file_tool", "write", "/tmp/test.txt");
    let (asking, request) = pends(&service, write());
    assert!(service.grant(request.id));
    assert_allowed(asking);

    let (asking, request) = pends(&service, write());
    assert!(service.deny(request.id));
    assert_denied(asking);
    assert_quiescent(&service);
}

/// U5c
#[leak_test]
async fn asks_in_parallel_are_answered_as_they_arrive() {
    let service = service();
    let mut prompts = subscribe(&service);
    let nth = |n: u8| {
        let (session, tool) = (format!("concurrent{n}"), format!("tool{n}"));
        ask(&session, &tool, &format!("action{n}"), &format!("/tmp/file{n}.txt"))
    };
    let tools = join_all((1..=3).map(|n| tokio::spawn(service.request(nth(n)))));
    let screen = async {
        let mut answered = 0;
        while answered < 3 {
            let Some(Event::Opened(request)) = prompts.next().await else {
                continue;
            };
            answered += 1;
            assert!(match &*request.ask.tool {
                "tool1" => service.grant(request.id),
                "tool2" => service.grant_persistent(request.id),
                _ => service.deny(request.id),
            });
        }
    };
    let (results, ()) = tokio::join!(tools, screen);
    let allowed = results.into_iter().map(|it| it.expect("no panic").expect("a decision"));
    assert_eq!(allowed.filter(Decision::is_allowed).count(), 2);

    assert!(decided(&service, nth(2).description("again")).is_allowed());
    assert_quiescent(&service);
}

#[leak_test]
async fn a_grant_covers_its_session_tool_action_and_subjects_and_no_other() {
    let service = service();
    let granted = || ask("s", "edit", "write", "/tmp/a").path("/tmp/b");
    let (asking, request) = pends(&service, granted());
    assert!(service.grant_persistent(request.id));
    assert_allowed(asking);

    let covered = [
        granted(),
        ask("s", "edit", "write", "/tmp/b").path("/tmp/a"),
        ask("s", "edit", "write", "a").path("./b"),
    ];
    for ask in covered {
        assert!(decided(&service, ask).is_allowed());
    }
    let not_covered = [
        ask("other", "edit", "write", "/tmp/a").path("/tmp/b"),
        ask("s", "other", "write", "/tmp/a").path("/tmp/b"),
        ask("s", "edit", "other", "/tmp/a").path("/tmp/b"),
        ask("s", "edit", "write", "/tmp/a"),
        granted().path("/tmp/c"),
        ask("s", "edit", "write", "/tmp/a").path("/tmp/x/../b"),
        Ask::new("s", "edit", "write"),
    ];
    for ask in not_covered {
        assert_eq!(service.check(&ask), Verdict::Ask, "{ask:?}");
    }
}

#[leak_test]
async fn a_revoked_grant_allows_nothing_more() {
    let service = service();
    let read = || ask("s", "view", "read", "/tmp/a");
    let (asking, request) = pends(&service, read());
    assert!(service.grant_persistent(request.id));
    assert_allowed(asking);

    let grant = service.grants().pop().expect("it was recorded");
    assert!(grant.covers(&read()));
    assert!(service.revoke(grant.id));
    assert!(!service.revoke(grant.id), "it is gone");
    assert_eq!(service.check(&read()), Verdict::Ask);
    assert_eq!(service.stats().grants, 0);
}

#[leak_test]
async fn the_same_grant_given_twice_is_one_grant() {
    let service = service();
    let read = || ask("s", "view", "read", "/tmp/a");
    let (first, one) = pends(&service, read());
    let (second, two) = pends(&service, read());
    assert!(service.grant_persistent(one.id));
    assert!(service.grant_persistent(two.id));
    assert_allowed(first);
    assert_allowed(second);

    let grants = service.grants();
    assert_eq!(grants.len(), 1);
    assert!(service.revoke(grants[0].id));
    assert_eq!(service.check(&read()), Verdict::Ask, "nothing is left of it");
}

/// G4
#[leak_test]
async fn a_grant_is_in_force_when_its_request_is_seen_as_closed() {
    let service = service();
    let mut prompts = subscribe(&service);
    let read = || ask("s", "view", "read", "/tmp/a");
    let watcher = tokio::spawn({
        let service = service.clone();
        async move {
            while let Some(event) = prompts.next().await {
                if let Event::Closed { .. } = event {
                    return service.check(&read());
                }
            }
            Verdict::Ask
        }
    });
    let (asking, request) = pends(&service, read());
    assert!(service.grant_persistent(request.id));
    assert_allowed(asking);
    let verdict = watcher.await.expect("no panic");
    assert!(matches!(verdict, Verdict::Allow { by: DecidedBy::Grant(_), .. }));
}

/// A rejection is passed on as it was given.
#[leak_test]
async fn feedback_and_interrupt_reach_the_requester_verbatim() {
    let service = service();
    let (asking, request) = pends(&service, ask("s", "bash", "execute", "/tmp"));
    let feedback = Some("use `rg`\n instead".to_owned());
    let response = Response::Deny { feedback: feedback.clone(), interrupt: true };
    assert_eq!(service.respond(request.id, response), Ok(()));
    let Ok(Decision::Denied { by, feedback: heard, interrupt, .. }) = settled(asking) else {
        panic!("it was denied");
    };
    assert!(matches!(by, DecidedBy::User { .. }));
    assert_eq!((heard, interrupt), (feedback, true));
}

/// G8
#[leak_test]
async fn a_dismissed_dialog_is_a_denial_and_not_a_cancellation() {
    let service = service();
    let mut calls = listen(&service);
    let (asking, request) = pends(&service, ask("s", "bash", "execute", "/tmp").tool_call("c"));
    assert_eq!(service.respond(request.id, Response::Dismiss), Ok(()));
    assert_denied(asking);
    assert_eq!(heard(&mut calls), ("c".into(), ToolCallState::PermissionPending));
    assert_eq!(heard(&mut calls), ("c".into(), ToolCallState::PermissionDenied));
}

#[leak_test]
async fn the_subjects_of_a_grant_are_a_set() {
    let service = service();
    let named = |paths: &[&str]| {
        paths.iter().fold(Ask::new("s", "view", "read"), |ask, path| ask.path(*path))
    };
    let (asking, request) = pends(&service, named(&["b", "a", "b"]));
    let shown = [Subject::path("/tmp/b"), Subject::path("/tmp/a"), Subject::path("/tmp/b")];
    assert_eq!(request.ask.subjects, shown, "people see them as they were given");
    assert!(service.grant_persistent(request.id));
    assert_allowed(asking);

    let grant = service.grants().pop().expect("a grant");
    assert_eq!(grant.subjects(), [Subject::path("/tmp/a"), Subject::path("/tmp/b")]);
    for same in [["a", "b"], ["b", "a"]] {
        assert_ne!(service.check(&named(&same)), Verdict::Ask, "{same:?}");
    }
    for other in [&["a"][..], &["a", "b", "c"]] {
        assert_eq!(service.check(&named(other)), Verdict::Ask, "{other:?}");
    }
}

/// To look for each of the grant's subjects among all of the ask's would take minutes here.
#[leak_test]
async fn a_grant_of_many_subjects_covers_them_in_any_order() {
    let service = service();
    let paths = || (0..40_000).map(|n| Subject::path(format!("/tmp/{n}")));
    let mut forth = Ask::new("s", "view", "read");
    forth.subjects = paths().collect();
    let mut back = forth.clone();
    back.subjects.reverse();

    let (asking, request) = pends(&service, forth);
    assert!(service.grant_persistent(request.id));
    assert_allowed(asking);
    assert_ne!(service.check(&back), Verdict::Ask);
}

#[leak_test]
async fn of_two_equal_grants_the_first_stands_for_both() {
    let service = service();
    let read = || ask("s", "view", "read", "/tmp/a");
    let ((first, one), (second, other)) = (pends(&service, read()), pends(&service, read()));
    let offered = |request: &PermissionRequest| match &request.offers[1].kind {
        OfferKind::SessionAllow(grant) => grant.id,
        other => panic!("{other:?}"),
    };
    assert!(service.grant_persistent(one.id) && service.grant_persistent(other.id));
    assert_allowed(first);
    assert_allowed(second);

    let ids: Vec<_> = service.grants().iter().map(|grant| grant.id).collect();
    assert_eq!(ids, [offered(&one)]);
    assert!(!service.revoke(offered(&other)), "it was never in force");
    assert!(service.revoke(offered(&one)));
    assert_eq!(service.check(&read()), Verdict::Ask);
}
