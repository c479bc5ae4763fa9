//! A hook's approval of one call.

use crate::support::*;

fn ask_for(call: &str) -> Ask {
    ask("s1", "bash", "execute", "/tmp").tool_call(call)
}

/// U4a
#[leak_test]
async fn a_hook_lets_its_call_through_with_nobody_there() {
    let service = service();
    let decision = decided(&service, ask_for("call-42").hook_approval("call-42"));
    assert!(decision.is_allowed());
    assert_eq!(decision.by(), &DecidedBy::Hook);
    assert_eq!(service.stats().subscribers, 0);
}

/// U4b
#[leak_test]
async fn a_hook_does_not_let_another_call_through() {
    let service = service();
    let mut prompts = subscribe(&service);
    let (asking, _) = pends(&service, ask_for("call-other").hook_approval("call-42"));
    let request = opened(&mut prompts);
    assert_eq!(request.ask.tool_call, Some("call-other".into()));
    assert!(service.deny(request.id));
    assert_denied(asking);
}

/// U4c
#[leak_test]
async fn a_call_that_a_hook_lets_through_is_reported_as_granted_and_never_as_pending() {
    let service = service();
    let mut calls = listen(&service);
    let ask = ask("s1", "view", "read", "/tmp").tool_call("call-99");
    assert!(decided(&service, ask.hook_approval("call-99")).is_allowed());
    assert_eq!(heard(&mut calls), ("call-99".into(), ToolCallState::PermissionGranted));
    assert!(calls.try_next().is_none());
}

/// U4c
#[leak_test]
async fn an_empty_call_id_is_never_approved_by_a_hook() {
    let service = service();
    for ask in [
        ask_for("").hook_approval(""),
        ask("s1", "bash", "execute", "/tmp").hook_approval(""),
        ask("s1", "bash", "execute", "/tmp").hook_approval("call-42"),
    ] {
        let (asking, request) = pends(&service, ask);
        assert!(service.deny(request.id));
        assert_denied(asking);
    }
}
