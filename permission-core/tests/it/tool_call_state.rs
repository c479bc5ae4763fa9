//! S9: the states of a tool call.

use permission_core::ResultState;

use crate::support::*;

#[track_caller]
fn check(state: ToolCallState, text: &str, is_final: bool, result: ResultState) {
    assert_eq!(state.as_str(), text);
    assert_eq!(state.to_string(), text);
    assert_eq!(text.parse(), Ok(state));
    assert_eq!(state.is_final(), is_final);
    assert_eq!(state.to_result_state(), result);
}

/// S9
#[test]
fn each_state_has_a_name_and_says_whether_and_how_it_ended() {
    use ResultState::{Error, Success, Unknown};
    use ToolCallState::*;
    check(Pending, "pending", false, Unknown);
    check(PermissionPending, "permission_pending", false, Unknown);
    check(PermissionGranted, "permission_granted", false, Unknown);
    check(PermissionDenied, "permission_denied", true, Error);
    check(Running, "running", false, Unknown);
    check(Completed, "completed", true, Success);
    check(Failed, "failed", true, Error);
    check(Cancelled, "cancelled", true, Error);
}

/// S9
#[test]
fn a_text_that_names_no_state_is_refused() {
    let error = "granted".parse::<ToolCallState>().expect_err("refused");
    assert_eq!(error.to_string(), "`granted` is not the state of a tool call");
}
