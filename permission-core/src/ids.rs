//! Identifiers: those an agent brings along, and those the service mints.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use uuid::Uuid;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The identifier's text, as the agent gave it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Whether the text is empty: such an identifier names nothing.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }

        impl<T: Into<Arc<str>>> From<T> for $name {
            fn from(text: T) -> Self {
                Self(text.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

macro_rules! minted_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        ///
        /// Minted by the service (a version 7 UUID) and never used twice. Its text form, by
        /// `Display` and `FromStr`, is what goes over a wire.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            pub(crate) fn mint() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.parse().map(Self).map_err(|_| InvalidId::new($what, text))
            }
        }
    };
}

text_id! {
    /// A conversation with the agent: the scope of session grants and of auto-approval.
    SessionId
}

text_id! {
    /// One call of a tool, as the model numbered it. Not unique: models repeat themselves.
    ToolCallId
}

minted_id! {
    /// One request for permission.
    RequestId, "request"
}

minted_id! {
    /// One recorded, or offered, grant.
    GrantId, "grant"
}

/// One of the answers that a request offers.
///
/// An offer belongs to the request it was minted for: [`respond`] refuses it for any other one. Its
/// text form, by `Display` and `FromStr`, is what goes over a wire.
///
/// [`respond`]: crate::PermissionService::respond
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OfferId {
    request: RequestId,
    index: u16,
}

impl OfferId {
    pub(crate) fn new(request: RequestId, index: u16) -> Self {
        Self { request, index }
    }
}

impl fmt::Display for OfferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.request, self.index)
    }
}

impl FromStr for OfferId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId::new("offer", text);
        let (request, index) = text.split_once('/').ok_or_else(invalid)?;
        Ok(Self {
            request: request.parse().map_err(|_| invalid())?,
            index: index.parse().map_err(|_| invalid())?,
        })
    }
}

/// The text is not an identifier that the service could have minted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not the id of a {what}")]
pub struct InvalidId {
    what: &'static str,
    text: Box<str>,
}

impl InvalidId {
    fn new(what: &'static str, text: &str) -> Self {
        Self { what, text: text.into() }
    }
}
