//! What is decided without asking anybody.

use crate::support::*;

fn bash() -> Ask {
    Ask::new("session", "bash", "execute")
}

fn allowing(entries: &[&str]) -> PermissionService {
    PermissionService::new("/tmp", false, entries.iter().copied())
}

#[track_caller]
fn check_allows(entries: &[&str], ask: Ask) {
    let service = allowing(entries);
    let verdict = service.check(&ask);
    assert!(matches!(verdict, Verdict::Allow { by: DecidedBy::AllowList, .. }));
    assert_eq!(decided(&service, ask).by(), &DecidedBy::AllowList);
}

#[track_caller]
fn check_asks(entries: &[&str], ask: Ask) {
    let service = allowing(entries);
    assert_eq!(service.check(&ask), Verdict::Ask);
    let (asking, request) = pends(&service, ask);
    assert!(service.deny(request.id));
    assert_denied(asking);
}

/// U1a
#[leak_test]
async fn an_entry_of_a_tool_allows_all_its_actions() {
    check_allows(&["bash", "view"], bash());
}

/// U1b
#[leak_test]
async fn an_entry_of_an_action_allows_that_action() {
    check_allows(&["bash:execute", "edit:create"], bash());
}

/// U1c
#[leak_test]
async fn entries_of_other_tools_allow_nothing() {
    check_asks(&["view", "ls"], bash());
}

/// U1d
#[leak_test]
async fn entries_of_other_actions_allow_nothing() {
    check_asks(&["bash:read", "edit:create"], bash());
}

/// U1e
#[leak_test]
async fn an_empty_allow_list_allows_nothing() {
    check_asks(&[], bash());
}

#[leak_test]
async fn a_tool_that_is_named_like_an_entry_with_an_action_is_not_that_tool() {
    check_asks(&["bash:execute"], Ask::new("session", "bash:execute", "execute"));
    check_asks(&["bash:execute"], Ask::new("session", "bash", "execute:all"));
}

#[leak_test]
async fn entries_with_an_empty_half_match_nothing() {
    check_asks(&["", ":", "bash:", ":execute"], bash());
}

#[leak_test]
async fn a_prefix_of_an_entry_is_not_that_entry() {
    check_asks(&["bash"], Ask::new("session", "bas", "execute"));
    check_asks(&["bash"], Ask::new("session", "bash2", "execute"));
    check_asks(&["bash:exec"], bash());
}

/// U2
#[leak_test(flavor = "multi_thread", worker_threads = 2)]
async fn skip_mode_may_be_set_and_read_from_several_threads() {
    let service = service();
    let writer = tokio::spawn({
        let service = service.clone();
        async move { (0..1000).for_each(|i| service.set_skip(i % 2 == 0)) }
    });
    let reader = tokio::spawn({
        let service = service.clone();
        async move { (0..1000).filter(|_| service.skip()).count() }
    });
    writer.await.expect("no panic");
    assert!(reader.await.expect("no panic") <= 1000);
    assert!(!service.skip(), "the last one set wins");
}

/// U3
#[leak_test]
async fn skip_mode_allows_at_once_with_nobody_there() {
    let service = PermissionService::new("/tmp", true, None::<String>);
    assert!(service.skip());
    let decision = decided(&service, ask("test-session", "bash", "execute", "/tmp"));
    assert!(decision.is_allowed());
    assert_eq!(decision.by(), &DecidedBy::Skip);
    assert_eq!(service.stats().subscribers, 0);
}

#[leak_test]
async fn turning_skip_mode_on_allows_what_is_waiting() {
    let service = service();
    let mut prompts = subscribe(&service);
    let (first, request) = pends(&service, ask("s1", "bash", "execute", "/tmp/a").tool_call("c1"));
    let (second, _) = pends(&service, ask("s2", "edit", "write", "/tmp/b"));
    let mut calls = listen(&service);

    service.set_skip(true);
    assert_eq!(settled(first).expect("a decision").by(), &DecidedBy::Skip);
    assert_eq!(settled(second).expect("a decision").by(), &DecidedBy::Skip);

    assert_eq!(opened(&mut prompts).id, request.id);
    opened(&mut prompts);
    let (id, outcome) = closed(&mut prompts);
    assert_eq!(id, request.id, "the oldest first");
    assert!(matches!(outcome, Closed::Decided(Decision::Allowed { .. })));
    assert_eq!(heard(&mut calls), ("c1".into(), ToolCallState::PermissionGranted));
    assert_quiescent(&service);
}

#[leak_test]
async fn turning_skip_mode_off_asks_again() {
    let service = PermissionService::new("/tmp", true, None::<String>);
    assert!(decided(&service, bash()).is_allowed());
    service.set_skip(false);
    let (asking, request) = pends(&service, bash());
    assert!(service.deny(request.id));
    assert_denied(asking);
}

#[leak_test]
async fn an_auto_approved_session_allows_what_is_waiting_in_it_and_what_follows() {
    let service = service();
    let (mine, _) = pends(&service, ask("s1", "bash", "execute", "/tmp/a"));
    let (mut other, request) = pends(&service, ask("s2", "bash", "execute", "/tmp/a"));

    service.auto_approve_session(&SessionId::from("s1"));
    assert_eq!(settled(mine).expect("a decision").by(), &DecidedBy::SessionAuto);
    assert!(waits(&mut other), "another session's prompt still waits");

    let decision = decided(&service, ask("s1", "edit", "write", "/tmp/b"));
    assert_eq!(decision.by(), &DecidedBy::SessionAuto);
    assert!(service.deny(request.id));
    assert_denied(other);
}

#[leak_test]
async fn what_the_configuration_allows_is_not_reported_and_the_rest_is() {
    let service = allowing(&["view"]);
    let mut calls = listen(&service);
    let of = |session: &str, tool: &str| Ask::new(session, tool, "read").tool_call(tool);

    assert!(decided(&service, of("s1", "view")).is_allowed());
    assert!(calls.try_next().is_none(), "the allow-list is silent");

    service.auto_approve_session(&SessionId::from("s1"));
    assert!(decided(&service, of("s1", "view")).is_allowed());
    assert!(calls.try_next().is_none(), "and comes before the session");
    assert!(decided(&service, of("s1", "ls")).is_allowed());
    assert_eq!(heard(&mut calls), ("ls".into(), ToolCallState::PermissionGranted));

    service.set_skip(true);
    assert!(decided(&service, of("s2", "ls")).is_allowed());
    assert!(calls.try_next().is_none(), "skip mode is silent");
}

#[leak_test]
async fn an_ask_without_session_tool_or_action_is_refused_even_in_skip_mode() {
    let service = PermissionService::new("/tmp", true, None::<String>);
    for (ask, part) in [
        (Ask::new("", "bash", "execute"), "session"),
        (Ask::new("s", "", "execute"), "tool"),
        (Ask::new("s", "bash", ""), "action"),
    ] {
        assert_eq!(service.check(&ask), Verdict::Ask);
        let error = settled(Box::pin(service.request(ask))).expect_err("refused");
        assert!(matches!(error, RequestError::InvalidAsk(_)));
        assert_eq!(error.to_string(), format!("an ask needs a `{part}` that is not empty"));
    }
}

#[leak_test]
async fn an_allowed_call_gets_back_what_was_allowed() {
    let service = PermissionService::new("/tmp", true, None::<String>);
    let params = serde_json::value::to_raw_value(&[1, 2]).expect("it is JSON");
    let decision = decided(&service, ask("s", "edit", "write", "a.txt").params(params));
    let Decision::Allowed { request, .. } = decision else {
        panic!("{decision:?}");
    };
    assert_eq!(request.ask.subjects, [permission_core::Subject::path("/tmp/a.txt")]);
    assert_eq!(request.ask.params.as_deref().map(|it| it.get()), Some("[1,2]"));
    assert!(request.offers.is_empty(), "nobody was asked");
}
