//! The behaviour of the permission service, as its users see it.

mod api;
mod fan_out;
mod hooks;
mod idempotency;
mod lifecycle;
mod model;
mod parallel;
mod properties;
mod rules;
mod sequential;
mod stress;
mod support;
mod tidy;
mod timeouts;
mod tool_call_state;
