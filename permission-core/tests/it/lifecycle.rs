//! Where requests and subscribers end, and what is left of them.

use futures::FutureExt;

use crate::support::*;

fn bash() -> Ask {
    ask("s1", "bash", "execute", "/tmp").tool_call("call")
}

/// X1
#[leak_test]
async fn a_late_subscriber_is_shown_what_is_waiting() {
    let service = service();
    let (asking, first) = pends(&service, bash());
    let (_other, second) = pends(&service, bash());
    let mut prompts = subscribe(&service);
    assert_eq!(opened(&mut prompts).id, first.id);
    assert_eq!(opened(&mut prompts).id, second.id);
    assert!(prompts.try_next().is_none());
    assert!(first.seq < second.seq);

    assert!(service.grant(first.id));
    assert_allowed(asking);
    assert_eq!(closed(&mut prompts).0, first.id);
}

/// X4
#[leak_test]
async fn a_dropped_request_is_withdrawn() {
    let service = service();
    let mut prompts = subscribe(&service);
    let mut calls = listen(&service);
    let (asking, request) = pends(&service, bash());
    drop(asking);

    assert_eq!(opened(&mut prompts).id, request.id);
    let (id, outcome) = closed(&mut prompts);
    assert_eq!(id, request.id);
    assert!(matches!(outcome, Closed::Withdrawn));
    assert_eq!(heard(&mut calls).1, ToolCallState::PermissionPending);
    assert_eq!(heard(&mut calls).1, ToolCallState::Cancelled);
    assert_quiescent(&service);
    let answer = service.respond(request.id, Response::deny());
    assert_eq!(answer, Err(RespondError::NotPending(request.id)));
}

/// X4
#[leak_test]
async fn an_aborted_task_withdraws_its_request() {
    let service = service();
    let mut prompts = subscribe(&service);
    let task = tokio::spawn(service.request(bash()));
    assert!(matches!(prompts.next().await, Some(Event::Opened(_))));
    task.abort();
    let Some(Event::Closed { outcome, .. }) = prompts.next().await else {
        panic!("it is closed");
    };
    assert!(matches!(outcome, Closed::Withdrawn));
    assert!(task.await.expect_err("it was aborted").is_cancelled());
    assert_quiescent(&service);
}

/// X5
#[leak_test]
async fn a_request_that_is_never_polled_has_never_been() {
    let service = service();
    let mut prompts = subscribe(&service);
    drop(service.request(bash()));
    let token = CancellationToken::new();
    drop(service.request_until(bash(), &token));
    assert!(prompts.try_next().is_none());
    assert_eq!(service.stats().opened, 0);
}

/// X12
#[leak_test]
async fn a_cancelled_scope_frees_its_subscriber_with_nobody_polling() {
    let service = service();
    let scope = CancellationToken::new();
    let mut prompts = service.subscribe(scope.clone());
    let mut calls = service.notifications(scope.clone());
    let _other = subscribe(&service);
    let _asking = pends(&service, bash());
    assert_eq!((service.stats().subscribers, service.stats().listeners), (2, 1));

    scope.cancel();
    assert_eq!((service.stats().subscribers, service.stats().listeners), (1, 0));
    assert_ended(prompts.next());
    assert_ended(calls.next());
}

#[leak_test]
async fn a_reader_that_waits_is_woken_by_the_end_of_its_scope() {
    let service = service();
    let scope = CancellationToken::new();
    let mut prompts = service.subscribe(scope.clone());
    let reader = tokio::spawn(async move { prompts.next().await.is_none() });
    tokio::task::yield_now().await;
    scope.cancel();
    assert!(reader.await.expect("no panic"));
}

#[leak_test]
async fn a_dropped_subscription_is_freed_and_leaves_its_scope_alone() {
    let service = service();
    let scope = CancellationToken::new();
    let prompts = service.subscribe(scope.clone());
    drop(prompts);
    assert_eq!(service.stats().subscribers, 0);
    assert!(!scope.is_cancelled(), "the scope belongs to whoever made it");
}

/// X13
#[leak_test]
async fn a_session_that_ends_takes_its_requests_grants_and_approval_with_it() {
    let service = service();
    let (session, other) = (SessionId::from("s1"), SessionId::from("s2"));
    let granted = || ask("s1", "view", "read", "/tmp/a");
    let (asking, request) = pends(&service, granted());
    assert!(service.grant_persistent(request.id));
    assert_allowed(asking);

    let mut prompts = subscribe(&service);
    let (first, _) = pends(&service, bash());
    let (second, _) = pends(&service, bash());
    let (mut elsewhere, _) = pends(&service, ask("s2", "bash", "execute", "/tmp"));
    assert_eq!(service.end_session(&session), 2);
    assert_eq!(settled(first).expect_err("it ended"), RequestError::Cancelled);
    assert_eq!(settled(second).expect_err("it ended"), RequestError::Cancelled);
    (0..3).for_each(|_| drop(opened(&mut prompts)));
    assert!(matches!(closed(&mut prompts).1, Closed::Cancelled));
    assert!(matches!(closed(&mut prompts).1, Closed::Cancelled));
    assert!(prompts.try_next().is_none());
    assert!(waits(&mut elsewhere), "another session is not concerned");
    assert_eq!(service.check(&granted()), Verdict::Ask, "the grant is gone");

    service.auto_approve_session(&other);
    assert_allowed(elsewhere);
    assert_eq!(service.end_session(&other), 0);
    let again = ask("s2", "bash", "execute", "/tmp");
    assert_eq!(service.check(&again), Verdict::Ask, "and so is the approval");
}

/// X13
#[leak_test]
async fn a_cancelled_session_goes_on_with_its_grants() {
    let service = service();
    let granted = || ask("s1", "view", "read", "/tmp/a");
    let (asking, request) = pends(&service, granted());
    assert!(service.grant_persistent(request.id));
    assert_allowed(asking);

    let (asking, request) = pends(&service, bash());
    assert_eq!(service.cancel_session(&SessionId::from("s1")), 1);
    assert_eq!(settled(asking).expect_err("cancelled"), RequestError::Cancelled);
    assert!(!service.grant(request.id));
    assert!(decided(&service, granted()).is_allowed());
}

/// X14
#[leak_test]
async fn a_shutdown_ends_all_requests_and_streams_for_good() {
    let service = PermissionService::new("/tmp", false, ["view"]);
    let (mut prompts, mut calls) = (subscribe(&service), listen(&service));
    let (asking, request) = pends(&service, bash());
    service.shutdown();
    service.shutdown();

    assert_eq!(settled(asking).expect_err("it ended"), RequestError::ShutDown);
    assert_eq!(opened(&mut prompts).id, request.id, "what was to read is read");
    assert!(matches!(closed(&mut prompts).1, Closed::ShutDown));
    assert_ended(prompts.next());
    assert_eq!(heard(&mut calls).1, ToolCallState::PermissionPending);
    assert_eq!(heard(&mut calls).1, ToolCallState::Cancelled);
    assert_ended(calls.next());

    let listed = Ask::new("s", "view", "read");
    assert_eq!(service.check(&listed), Verdict::Ask, "nothing is allowed any more");
    for ask in [listed, bash()] {
        let later = settled(Box::pin(service.request(ask)));
        assert_eq!(later.expect_err("it is over"), RequestError::ShutDown);
    }
    assert_eq!(service.stats().subscribers, 0);
    assert_quiescent(&service);
}

/// X14: a subscription that outlives the service keeps nothing of it.
#[leak_test]
async fn a_shutdown_forgets_all_grants() {
    let service = service();
    let _prompts = subscribe(&service);
    let (asking, request) = pends(&service, bash());
    assert!(service.grant_persistent(request.id));
    assert_allowed(asking);
    assert_eq!(service.stats().grants, 1);
    service.shutdown();
    assert_eq!(service.stats().grants, 0);
    assert!(service.grants().is_empty());
}

/// X15
#[leak_test]
async fn the_last_handle_that_goes_shuts_the_service_down() {
    let service = service();
    let clone = service.clone();
    let mut prompts = subscribe(&service);
    let (mut asking, _) = pends(&service, bash());
    let unpolled = service.request(bash());

    drop(service);
    assert!(waits(&mut asking), "a clone is left");
    drop(clone);
    assert_eq!(settled(asking).expect_err("it ended"), RequestError::ShutDown);
    opened(&mut prompts);
    closed(&mut prompts);
    assert_ended(prompts.next());
    let later = unpolled.now_or_never().expect("it is over");
    assert_eq!(later.expect_err("it is over"), RequestError::ShutDown);
}

/// X15
#[leak_test]
async fn a_reader_whose_scope_nobody_cancels_ends_with_the_service() {
    let service = service();
    let mut prompts = subscribe(&service);
    tokio::spawn(async move { while prompts.next().await.is_some() {} });
    tokio::task::yield_now().await;
    // The body ends here, and with it the last handle.
    assert_eq!(service.stats().subscribers, 1);
}
