//! Nobody answers: a defined outcome in every case.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, advance, timeout};

use crate::support::*;

const MINUTE: Duration = Duration::from_secs(60);

fn with(attendance: Attendance) -> PermissionService {
    PermissionService::builder().attendance(attendance).build()
}

fn bash() -> Ask {
    ask("test-session", "test-tool", "test-action", "/tmp").tool_call("call")
}

/// The decision of a task that asks, which comes before long.
async fn decision_of(asking: JoinHandle<Result<Decision, RequestError>>) -> Decision {
    let joined = timeout(60 * MINUTE, asking).await.expect("it does not wait for ever");
    joined.expect("no panic").expect("a decision")
}

#[track_caller]
fn assert_denied_by(result: Result<Decision, RequestError>, by: DecidedBy) {
    let decision = result.expect("a decision");
    assert!(!decision.is_allowed());
    assert_eq!(*decision.by(), by);
}

/// S1
#[leak_test(start_paused = true)]
async fn a_subscriber_that_never_answers_costs_a_timeout_and_leaks_nothing() {
    let service = PermissionService::builder().timeout(MINUTE).build();
    let scope = CancellationToken::new();
    let mut prompts = service.subscribe(scope.clone());
    let drain = tokio::spawn(async move { while prompts.next().await.is_some() {} });

    assert_denied_by(service.request(bash()).await, DecidedBy::Timeout);
    scope.cancel();
    drain.await.expect("no panic");
    assert_eq!(service.stats().subscribers, 0);
    assert_quiescent(&service);
}

/// X1
#[leak_test(start_paused = true)]
async fn an_attended_service_waits_for_people_as_long_as_it_takes() {
    let service = with(Attendance::Attended);
    let waiting = timeout(1000 * MINUTE, service.request(bash()));
    assert!(waiting.await.is_err(), "it still waits");
    assert_quiescent(&service);
}

/// X2
#[leak_test]
async fn an_unattended_service_denies_at_once() {
    let service = with(Attendance::Unattended);
    let mut calls = listen(&service);
    let verdict = service.check(&bash());
    assert!(matches!(verdict, Verdict::Deny { by: DecidedBy::Unattended, .. }));
    let decision = decided(&service, bash());
    assert_denied_by(Ok(decision), DecidedBy::Unattended);
    assert_eq!(heard(&mut calls).1, ToolCallState::PermissionDenied);
    assert!(calls.try_next().is_none(), "nobody was asked");
}

/// X2
#[leak_test(start_paused = true)]
async fn an_unattended_service_denies_when_the_last_subscriber_leaves() {
    let service = with(Attendance::Unattended);
    let scope = CancellationToken::new();
    let dropped = subscribe(&service);
    let _cancelled = service.subscribe(scope.clone());
    let asking = tokio::spawn(service.request(bash()));
    advance(MINUTE).await;
    assert_eq!(service.pending().len(), 1);

    drop(dropped);
    advance(MINUTE).await;
    assert_eq!(service.pending().len(), 1, "one is left");
    scope.cancel();
    assert_denied_by(Ok(decision_of(asking).await), DecidedBy::Unattended);
    assert_quiescent(&service);
}

/// X2
#[leak_test(start_paused = true)]
async fn a_grace_period_waits_for_somebody_to_come() {
    let service = with(Attendance::Grace(MINUTE));
    let start = Instant::now();
    assert_denied_by(service.request(bash()).await, DecidedBy::Unattended);
    assert_eq!(start.elapsed(), MINUTE);

    let asking = tokio::spawn(service.request(bash()));
    advance(MINUTE / 2).await;
    let mut prompts = subscribe(&service);
    advance(10 * MINUTE).await;
    assert!(service.grant(opened(&mut prompts).id), "it waited for whoever came");
    assert!(decision_of(asking).await.is_allowed());
}

/// X2
#[leak_test(start_paused = true)]
async fn a_grace_period_starts_anew_when_the_last_subscriber_leaves() {
    let service = with(Attendance::Grace(MINUTE));
    let asking = tokio::spawn(service.request(bash()));
    tokio::task::yield_now().await;
    advance(MINUTE / 2).await;
    let prompts = subscribe(&service);
    advance(MINUTE / 4).await;
    drop(prompts);
    let left = Instant::now();
    assert_denied_by(Ok(decision_of(asking).await), DecidedBy::Unattended);
    assert_eq!(left.elapsed(), MINUTE);
}

/// X2
#[leak_test(start_paused = true)]
async fn a_grace_period_starts_anew_when_the_scope_of_the_last_subscriber_is_cancelled() {
    let service = with(Attendance::Grace(MINUTE));
    let asking = tokio::spawn(service.request(bash()));
    tokio::task::yield_now().await;
    advance(MINUTE / 6).await;
    let scope = CancellationToken::new();
    let _prompts = service.subscribe(scope.clone());
    advance(MINUTE / 6).await;
    scope.cancel();
    let left = Instant::now();
    assert_denied_by(Ok(decision_of(asking).await), DecidedBy::Unattended);
    assert_eq!(left.elapsed(), MINUTE);
}

/// X2
#[leak_test(start_paused = true)]
async fn a_subscriber_whose_scope_is_cancelled_already_was_never_there() {
    let service = with(Attendance::Grace(MINUTE));
    let start = Instant::now();
    let asking = tokio::spawn(service.request(bash()));
    tokio::task::yield_now().await;
    advance(MINUTE - Duration::from_secs(1)).await;
    let scope = CancellationToken::new();
    scope.cancel();
    let mut prompts = service.subscribe(scope);
    assert!(prompts.try_next().is_none());
    assert_denied_by(Ok(decision_of(asking).await), DecidedBy::Unattended);
    assert_eq!(start.elapsed(), MINUTE);
}

/// X2
#[leak_test(start_paused = true)]
async fn a_request_long_after_the_last_subscriber_left_has_its_whole_grace_period() {
    let service = with(Attendance::Grace(MINUTE));
    drop(subscribe(&service));
    advance(10 * MINUTE).await;
    let start = Instant::now();
    assert_denied_by(service.request(bash()).await, DecidedBy::Unattended);
    assert_eq!(start.elapsed(), MINUTE);
}

#[leak_test(start_paused = true)]
async fn an_endless_grace_period_and_an_endless_timeout_are_no_overflow() {
    let builder = PermissionService::builder().attendance(Attendance::Grace(Duration::MAX));
    let service = builder.timeout(Duration::MAX).build();
    assert!(timeout(MINUTE, service.request(bash())).await.is_err());
    assert_quiescent(&service);
}

/// X3
#[leak_test(start_paused = true)]
async fn a_timeout_denies_on_the_second_and_everybody_is_told() {
    let service = PermissionService::builder().timeout(MINUTE).build();
    let (mut prompts, mut calls) = (subscribe(&service), listen(&service));
    let start = Instant::now();
    assert_denied_by(service.request(bash()).await, DecidedBy::Timeout);
    assert_eq!(start.elapsed(), MINUTE);

    let request = opened(&mut prompts);
    assert_eq!(request.expires_at, Some(start + MINUTE));
    let (id, outcome) = closed(&mut prompts);
    assert_eq!(id, request.id);
    let Closed::Decided(decision) = outcome else {
        panic!("{outcome:?}");
    };
    assert_denied_by(Ok(decision), DecidedBy::Timeout);
    assert_eq!(heard(&mut calls).1, ToolCallState::PermissionPending);
    assert_eq!(heard(&mut calls).1, ToolCallState::PermissionDenied);
    assert!(!service.grant(id), "it is too late");
    assert_quiescent(&service);
}

/// X3
#[leak_test(start_paused = true)]
async fn the_timeout_of_an_ask_replaces_that_of_the_service() {
    let service = PermissionService::builder().timeout(MINUTE).build();
    for own in [MINUTE / 2, 2 * MINUTE] {
        let start = Instant::now();
        assert_denied_by(service.request(bash().timeout(own)).await, DecidedBy::Timeout);
        assert_eq!(start.elapsed(), own);
    }
}

/// X3
#[leak_test(start_paused = true)]
async fn an_answer_in_time_is_not_touched_by_the_timeout() {
    let service = PermissionService::builder().timeout(MINUTE).build();
    let mut prompts = subscribe(&service);
    let asking = tokio::spawn(service.request(bash()));
    tokio::task::yield_now().await;
    advance(MINUTE - Duration::from_millis(1)).await;
    assert!(service.grant(opened(&mut prompts).id));
    advance(MINUTE).await;
    assert!(decision_of(asking).await.is_allowed());
}

/// X3: nobody polls the requester, whose timer it is, until long after.
#[leak_test(start_paused = true)]
async fn a_request_whose_time_is_up_is_never_allowed_even_if_its_requester_sleeps() {
    let allowing: [fn(&PermissionService, RequestId) -> bool; 4] = [
        PermissionService::grant,
        PermissionService::grant_persistent,
        |service, _| {
            service.set_skip(true);
            false
        },
        |service, _| {
            service.auto_approve_session(&SessionId::from("test-session"));
            false
        },
    ];
    for allow in allowing {
        let service = PermissionService::builder().timeout(MINUTE).build();
        let mut prompts = subscribe(&service);
        let (asking, request) = pends(&service, bash());
        advance(MINUTE).await;

        assert!(!allow(&service, request.id), "it is too late");
        assert!(service.grants().is_empty());
        assert_denied_by(settled(asking), DecidedBy::Timeout);
        opened(&mut prompts);
        let Closed::Decided(decision) = closed(&mut prompts).1 else {
            panic!("it was decided");
        };
        assert_denied_by(Ok(decision), DecidedBy::Timeout);
        assert_quiescent(&service);
    }
}
