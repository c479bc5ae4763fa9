//! Many at a time, and answers that race cancellations.

use std::sync::Arc;

use tokio::sync::Barrier;

use crate::support::*;

/// X6
#[leak_test]
async fn any_of_several_waiting_requests_may_be_answered_first() {
    let service = service();
    let nth = |n: usize| ask("s", "tool", "act", &format!("/tmp/{n}"));
    let mut waiting: Vec<_> = (0..5).map(|n| pends(&service, nth(n))).collect();
    let (third, request) = waiting.remove(2);
    assert!(service.grant(request.id));
    assert_allowed(third);
    for (asking, request) in &mut waiting {
        assert!(waits(asking));
        assert!(service.deny(request.id));
    }
    for (asking, _) in waiting {
        assert_denied(asking);
    }
    assert_quiescent(&service);
}

/// X6
#[leak_test]
async fn an_open_prompt_blocks_nobody_who_need_not_be_asked() {
    let service = PermissionService::new("/tmp", false, ["view"]);
    let _open = pends(&service, ask("s", "bash", "execute", "/tmp"));
    assert!(decided(&service, ask("s", "view", "read", "/tmp")).is_allowed());
}

/// X7
#[leak_test]
async fn a_cancelled_request_can_no_longer_be_answered() {
    let service = service();
    let token = CancellationToken::new();
    let mut prompts = subscribe(&service);
    let mut asking = Box::pin(service.request_until(ask("s", "bash", "execute", "/tmp"), &token));
    assert!(futures::poll!(&mut asking).is_pending());
    let request = opened(&mut prompts);

    token.cancel();
    assert_eq!(asking.await.expect_err("cancelled"), RequestError::Cancelled);
    assert!(matches!(closed(&mut prompts).1, Closed::Cancelled));
    assert!(!service.grant_persistent(request.id));
    assert!(service.grants().is_empty());
    assert_quiescent(&service);
}

/// X7
#[leak_test]
async fn an_answer_that_came_before_the_cancellation_counts() {
    let service = service();
    let token = CancellationToken::new();
    let mut asking = Box::pin(service.request_until(ask("s", "bash", "execute", "/tmp"), &token));
    assert!(futures::poll!(&mut asking).is_pending());
    let request = service.pending().pop().expect("it is pending");

    assert!(service.grant(request.id));
    token.cancel();
    assert!(asking.await.expect("a decision").is_allowed());
}

/// X7
#[leak_test]
async fn a_token_that_is_cancelled_already_asks_nobody() {
    let service = PermissionService::new("/tmp", true, None::<String>);
    let token = CancellationToken::new();
    token.cancel();
    let asking = service.request_until(ask("s", "bash", "execute", "/tmp"), &token);
    assert_eq!(asking.await.expect_err("cancelled"), RequestError::Cancelled);
    assert_eq!(service.stats().opened, 0);
}

/// X7: what the requester gets, what the answer returns, and what the subscriber sees agree.
#[leak_test(flavor = "multi_thread", worker_threads = 4)]
async fn all_sides_of_a_race_between_cancellation_and_answer_agree() {
    let service = service();
    let mut prompts = subscribe(&service);
    for round in 0..200 {
        let token = CancellationToken::new();
        let requester = tokio::spawn({
            let (service, token) = (service.clone(), token.clone());
            let ask = ask(&format!("s{round}"), "bash", "execute", "/tmp");
            async move { service.request_until(ask, &token).await }
        });
        let Some(Event::Opened(request)) = prompts.next().await else {
            panic!("a prompt comes first");
        };
        let barrier = Arc::new(Barrier::new(2));
        let answerer = tokio::spawn({
            let (service, barrier) = (service.clone(), Arc::clone(&barrier));
            async move {
                barrier.wait().await;
                service.grant_persistent(request.id)
            }
        });
        barrier.wait().await;
        token.cancel();

        let answered = answerer.await.expect("no panic");
        let result = requester.await.expect("no panic");
        let (_, outcome) = closed(&mut prompts);
        match outcome {
            Closed::Decided(decision) => {
                assert!(decision.is_allowed() && answered);
                assert!(result.expect("a decision").is_allowed());
            }
            Closed::Cancelled => {
                assert!(!answered);
                assert_eq!(result.expect_err("cancelled"), RequestError::Cancelled);
            }
            other => panic!("{other:?}"),
        }
        let session = SessionId::from(format!("s{round}"));
        let recorded = service.grants().iter().any(|grant| grant.session() == Some(&session));
        assert_eq!(recorded, answered, "a grant is recorded exactly if it took effect");
    }
    assert_quiescent(&service);
}
