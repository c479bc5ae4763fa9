//! Shapes: what has to be known of a type to read a value of it, as plain data. They are what the
//! disk cache keeps.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::leaves::{self, Rule};
use crate::tree::{Source, TypeId};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Shape {
    /// For reading: `<app::Cache as app::Store>::get`.
    pub(crate) name: Arc<str>,
    /// For looking up: `tokio::sync::mutex::lock`.
    pub(crate) plain: Arc<str>,
    /// Shortened: `<Event>`.
    pub(crate) generics: Arc<str>,
    pub(crate) size: u64,
    pub(crate) body: Body,
    /// What the table of known futures says of it.
    #[serde(skip)]
    pub(crate) rule: Option<&'static Rule>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Body {
    Coroutine(Coroutine),
    Struct(Vec<Field>),
    Enum(Enum),
    /// A thin pointer, reference or `Box`. Whether it may be followed hangs on what kind it is.
    Pointer {
        kind: PointerKind,
        to: TypeId,
    },
    /// A fat pointer to a `dyn` type: where in it the two words are, whether the trait is one of
    /// futures, and whether reference counts come first (`ArcInner`).
    Dyn {
        kind: PointerKind,
        pointer: u64,
        vtable: u64,
        future: bool,
        counted: bool,
    },
    /// A fat pointer to a slice, or a `Vec`.
    Slice {
        kind: PointerKind,
        pointer: u64,
        len: u64,
        of: TypeId,
    },
    Array {
        of: TypeId,
        count: u64,
    },
    /// A number, a character, a function pointer: nothing to look into.
    Opaque,
}

/// What a pointer says of what it points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum PointerKind {
    /// A `Box`, `&mut`: nobody else looks at it.
    Unique,
    /// A `&`, a raw pointer: what it points to may be anybody's.
    Shared,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Field {
    pub(crate) name: Arc<str>,
    pub(crate) offset: u64,
    pub(crate) ty: TypeId,
}

/// Where an enum's tag is: offset and size in bytes.
pub(crate) type Tag = Option<(u64, u64)>;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Enum {
    pub(crate) tag: Tag,
    pub(crate) variants: Vec<Variant>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Variant {
    /// The tag's value; none where every other value means this variant.
    pub(crate) discriminant: Option<u64>,
    pub(crate) field: Field,
}

/// The state machine of an `async fn`, block or closure.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Coroutine {
    pub(crate) tag: Tag,
    /// Where the function starts.
    pub(crate) start: Option<Source>,
    pub(crate) states: Vec<CoroutineState>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CoroutineState {
    pub(crate) discriminant: Option<u64>,
    pub(crate) kind: StateKind,
    /// The line of the `.await`, where it is one of the function's own file.
    pub(crate) at: Option<Source>,
    /// The macro that wrote the `.await`.
    pub(crate) within: Option<Arc<str>>,
    pub(crate) awaitee: Option<Field>,
    /// The captured or saved `self`.
    pub(crate) own: Option<Field>,
    /// What was captured, and the variables that are kept until the function goes on.
    pub(crate) saved: Vec<Field>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum StateKind {
    Unresumed,
    Returned,
    Panicked,
    Suspended,
}

impl Shape {
    /// Looks the type up in the table of known futures.
    pub(crate) fn recognise(&mut self) {
        self.rule = leaves::rule(&self.plain);
    }

    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        match &self.body {
            Body::Struct(fields) => fields.iter().find(|field| &*field.name == name),
            _ => None,
        }
    }
}

impl Enum {
    /// The variant that this value of the tag means.
    pub(crate) fn variant(&self, tag: Option<u64>) -> Option<&Variant> {
        let exact = self
            .variants
            .iter()
            .find(|variant| variant.discriminant.is_some() && variant.discriminant == tag);
        exact.or_else(|| self.variants.iter().find(|variant| variant.discriminant.is_none()))
    }
}

impl Coroutine {
    pub(crate) fn state(&self, tag: Option<u64>) -> Option<&CoroutineState> {
        self.states.iter().find(|state| state.discriminant == tag)
    }
}
