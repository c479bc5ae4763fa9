//! Several answers to one request: the first one counts.

use std::sync::Arc;

use tokio::sync::Barrier;

use crate::support::*;

/// U6a, B7
#[leak_test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_grants_at_once_exactly_one_counts() {
    let service = service();
    let mut prompts = subscribe(&service);
    let mut calls = listen(&service);
    let asking =
        service.request(ask("race-session", "tool", "act", "/tmp/race").tool_call("race-call"));
    let asking = tokio::spawn(asking);
    let Some(Event::Opened(request)) = prompts.next().await else {
        panic!("a prompt comes first");
    };
    assert_eq!(heard(&mut calls), ("race-call".into(), ToolCallState::PermissionPending));

    let barrier = Arc::new(Barrier::new(2));
    let racers = [(); 2].map(|()| {
        let (service, barrier, id) = (service.clone(), Arc::clone(&barrier), request.id);
        tokio::spawn(async move {
            barrier.wait().await;
            service.grant(id)
        })
    });
    let mut resolved = 0;
    for racer in racers {
        resolved += usize::from(racer.await.expect("no panic"));
    }
    assert_eq!(resolved, 1);
    assert!(asking.await.expect("no panic").expect("a decision").is_allowed());

    assert_eq!(heard(&mut calls), ("race-call".into(), ToolCallState::PermissionGranted));
    assert!(calls.try_next().is_none(), "it is granted once");
    closed(&mut prompts);
    assert!(prompts.try_next().is_none(), "and closed once");
    assert!(!service.grant(request.id), "a third grant comes too late");
    assert_quiescent(&service);
}

/// U6b
#[leak_test]
async fn a_grant_after_a_denial_changes_nothing() {
    let service = service();
    let mut calls = listen(&service);
    let (asking, request) =
        pends(&service, ask("deny-first", "tool", "act", "/tmp/df").tool_call("df-call"));
    assert_eq!(heard(&mut calls), ("df-call".into(), ToolCallState::PermissionPending));

    assert!(service.deny(request.id));
    assert_denied(asking);
    assert!(!service.grant(request.id));
    assert_eq!(heard(&mut calls), ("df-call".into(), ToolCallState::PermissionDenied));
    assert!(calls.try_next().is_none());
}

/// U6c
#[leak_test]
async fn a_session_grant_that_came_too_late_is_not_recorded() {
    let service = service();
    let persist = || ask("race-persist", "tool", "act", "/tmp/rp").tool_call("rp-call");
    let (asking, request) = pends(&service, persist());
    assert!(service.deny(request.id));
    assert!(!service.grant_persistent(request.id));
    assert_denied(asking);
    assert!(service.grants().is_empty());

    let (asking, request) = pends(&service, persist());
    assert!(service.deny(request.id));
    assert_denied(asking);
}

/// U6d
#[leak_test]
async fn answers_to_an_unknown_id_resolve_nothing() {
    let service = service();
    let (mut prompts, mut calls) = (subscribe(&service), listen(&service));
    assert!("does-not-exist".parse::<RequestId>().is_err());
    let id = unknown_id();
    assert!(!service.grant(id));
    assert!(!service.grant_persistent(id));
    assert!(!service.deny(id));
    assert_eq!(service.respond(id, Response::Dismiss), Err(RespondError::NotPending(id)));
    assert!(prompts.try_next().is_none());
    assert!(calls.try_next().is_none());
}

/// B7
#[leak_test]
async fn a_request_is_taken_by_its_first_answer_whatever_the_second_is() {
    let service = service();
    for first in
        [PermissionService::grant, PermissionService::grant_persistent, PermissionService::deny]
    {
        for second in
            [PermissionService::grant, PermissionService::grant_persistent, PermissionService::deny]
        {
            let (asking, request) = pends(&service, ask("s", "tool", "act", "/tmp"));
            assert!(first(&service, request.id));
            let grants = service.stats().grants;
            assert!(!second(&service, request.id));
            assert_eq!(service.stats().grants, grants);
            drop(asking);
            service.end_session(&SessionId::from("s"));
        }
    }
    assert_quiescent(&service);
}

/// X8
#[leak_test]
async fn an_offer_of_another_request_is_refused_and_both_go_on_waiting() {
    let service = service();
    let (mut harmless, shown) = pends(&service, ask("s", "view", "read", "/tmp/a"));
    let (mut grave, target) = pends(&service, ask("s", "bash", "execute", "/tmp/b"));
    let offer = shown.session_allow().expect("it is on offer");

    let answer = service.respond(target.id, Response::Allow { offer });
    let request = target.id;
    assert_eq!(answer, Err(RespondError::NoSuchOffer { request, offer }));
    assert!(waits(&mut harmless) && waits(&mut grave));
    assert!(service.grants().is_empty());
}

/// X8
#[leak_test]
async fn what_a_client_does_to_its_copy_does_not_change_what_is_granted() {
    let service = service();
    let mut prompts = subscribe(&service);
    let (asking, _) = pends(&service, ask("s", "view", "read", "/tmp/a"));
    let shown = opened(&mut prompts);
    let mut forged = shown.offers[1].clone();
    let OfferKind::SessionAllow(grant) = &mut forged.kind else {
        panic!("{forged:?}");
    };
    grant.tool = "bash".into();
    grant.action = "execute".into();

    let answer = Response::Allow { offer: forged.id };
    assert_eq!(service.respond(shown.id, answer), Ok(()));
    assert_allowed(asking);
    let recorded = service.grants().pop().expect("a grant");
    assert_eq!((&*recorded.tool, &*recorded.action), ("view", "read"));
    assert_eq!(recorded.subjects(), [permission_core::Subject::path("/tmp/a")]);
}
