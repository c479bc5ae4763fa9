//! Values, by the names of their fields.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Walk;
use crate::Error;
use crate::memory::{uint, word};
use crate::shape::{Body, Field, Shape};
use crate::tree::TypeId;

/// A value: its type, and where it is in the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) ty: TypeId,
    pub(crate) address: u64,
}

/// How many values are searched for another.
const SEARCHED: usize = 64;

/// How many references may lead to what is shared.
const REFERENCES: usize = 4;

/// What is searched for in a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    /// A field of this name.
    Field(&'static str),
    /// A value of the type with this path.
    Type(&'static str),
    Pointer,
    Number,
}

/// The kind of a goal, and where its name lies.
pub(super) type GoalKey = (u8, usize, usize);

impl Goal {
    fn reached(self, shape: &Shape, at: At) -> Option<At> {
        match (self, &shape.body) {
            (Self::Field(name), _) => shape.field(name).map(|field| at.inside(field)),
            (Self::Type(plain), _) => (&*shape.plain == plain).then_some(at),
            (Self::Pointer, Body::Pointer { .. }) => Some(at),
            (Self::Number, Body::Opaque) => (1..=8).contains(&shape.size).then_some(at),
            _ => None,
        }
    }

    fn told(self) -> &'static str {
        match self {
            Self::Field(name) | Self::Type(name) => name,
            Self::Pointer => "a pointer",
            Self::Number => "a number",
        }
    }

    /// Different for different goals, and quickly told: names are the program's own literals.
    fn key(self) -> GoalKey {
        let of = |kind, name: &str| (kind, name.as_ptr().addr(), name.len());
        match self {
            Self::Field(name) => of(0, name),
            Self::Type(name) => of(1, name),
            Self::Pointer => of(2, ""),
            Self::Number => of(3, ""),
        }
    }
}

impl At {
    pub(crate) fn inside(self, field: &Field) -> Self {
        Self { ty: field.ty, address: self.address.wrapping_add(field.offset) }
    }
}

impl Walk<'_> {
    /// The field of this name of the value itself.
    pub(crate) fn field(&self, at: At, name: &str) -> Result<At, Error> {
        let shape = self.shape(at.ty)?;
        let field = shape.field(name).ok_or_else(|| Error::unknown(&shape.name, name))?;
        Ok(at.inside(field))
    }

    /// The nearest field of this name in the value or in the values that it consists of, so that
    /// wrappers around it (`UnsafeCell`, `Mutex`, `Option`) need not be known.
    pub(crate) fn find(&self, at: At, name: &'static str) -> Result<At, Error> {
        self.nearest(at, Goal::Field(name))
    }

    /// The variant that an enum is: its name, and its value.
    pub(crate) fn variant(&self, at: At) -> Result<(Arc<str>, At), Error> {
        let shape = self.shape(at.ty)?;
        let Body::Enum(body) = &shape.body else {
            return Err(Error::unknown(&shape.name, "variants"));
        };
        let tag =
            body.tag.map(|(offset, size)| uint(self.memory, at.address, offset, size as usize));
        let variant = body.variant(tag.transpose()?);
        let variant = variant.ok_or_else(|| Error::unknown(&shape.name, "the variant"))?;
        Ok((Arc::clone(&variant.field.name), at.inside(&variant.field)))
    }

    /// What a thin pointer points to.
    pub(crate) fn deref(&self, at: At, to: TypeId) -> Result<At, Error> {
        let address = word(self.memory, at.address, 0)?;
        match address {
            0 => Err(Error::unreadable(0, 8)),
            address => Ok(At { ty: to, address }),
        }
    }

    /// What the pointer inside the value points to, through wrappers such as `NonNull`.
    pub(crate) fn pointee(&self, at: At) -> Result<At, Error> {
        let pointer = self.nearest(at, Goal::Pointer)?;
        match self.shape(pointer.ty)?.body {
            Body::Pointer { to, .. } => self.deref(pointer, to),
            _ => Err(Error::unknown(&self.shape(at.ty)?.name, Goal::Pointer.told())),
        }
    }

    /// What an `Arc` or `Rc` holds.
    pub(crate) fn counted(&self, at: At) -> Result<At, Error> {
        let inner = self.pointee(at)?;
        self.field(inner, "data").or_else(|_| self.field(inner, "value"))
    }

    /// The number inside the value, through wrappers such as `AtomicUsize`.
    pub(crate) fn number(&self, at: At) -> Result<u64, Error> {
        let number = self.nearest(at, Goal::Number)?;
        uint(self.memory, number.address, 0, self.shape(number.ty)?.size as usize)
    }

    /// The nearest value of this kind, in the value and in the values that it consists of.
    fn nearest(&self, at: At, goal: Goal) -> Result<At, Error> {
        match self.nearest_if_any(at, goal)? {
            Some(found) => Ok(found),
            None => Err(Error::unknown(&self.shape(at.ty)?.name, goal.told())),
        }
    }

    /// What is found in the value or, if nothing is, behind its first pointer, or in turn behind that.
    pub(super) fn nearest_behind(&self, at: At, goal: Goal) -> Result<At, Error> {
        let mut here = at;
        for _ in 1..REFERENCES {
            if let Some(found) = self.nearest_if_any(here, goal)? {
                return Ok(found);
            }
            here = self.shared_part(here)?;
        }
        self.nearest(here, goal)
    }

    /// What the value shares with others: behind its first pointer, past an `Arc`'s counts.
    fn shared_part(&self, at: At) -> Result<At, Error> {
        let inner = self.pointee(at)?;
        match self.shape(inner.ty)?.plain.ends_with("::ArcInner") {
            true => self.field(inner, "data"),
            false => Ok(inner),
        }
    }

    fn nearest_if_any(&self, at: At, goal: Goal) -> Result<Option<At>, Error> {
        let key = (at.ty, goal.key());
        if let Some(known) = self.nearest.borrow().get(&key) {
            let place = |(offset, ty)| At { ty, address: at.address.wrapping_add(offset) };
            return Ok(known.map(place));
        }
        let mut left = self.left.take();
        left.clear();
        left.push_back(at);
        let searched = self.search(&mut left, goal);
        self.left.replace(left);
        let (found, by_types_alone) = searched?;
        if by_types_alone {
            let place = found.map(|found| (found.address.wrapping_sub(at.address), found.ty));
            self.nearest.borrow_mut().insert(key, place);
        }
        Ok(found)
    }

    /// What is found, and whether types alone led there.
    fn search(&self, left: &mut VecDeque<At>, goal: Goal) -> Result<(Option<At>, bool), Error> {
        let mut by_types_alone = true;
        for _ in 0..SEARCHED {
            let Some(next) = left.pop_front() else { break };
            let shape = self.shape(next.ty)?;
            if let Some(found) = goal.reached(shape, next) {
                return Ok((Some(found), by_types_alone));
            }
            match &shape.body {
                Body::Struct(fields) => left.extend(fields.iter().map(|field| next.inside(field))),
                Body::Enum(_) if goal != Goal::Number => {
                    by_types_alone = false;
                    left.extend(self.variant(next).map(|(_, variant)| variant));
                }
                _ => {}
            }
        }
        Ok((None, by_types_alone))
    }

    /// The value behind a fat `dyn` pointer, if its type is known.
    pub(crate) fn concrete(&self, at: At) -> Result<Option<At>, Error> {
        let shape = self.shape(at.ty)?;
        let Body::Dyn { pointer, vtable, counted, .. } = shape.body else {
            return Err(Error::unknown(&shape.name, "vtable"));
        };
        let vtable = word(self.memory, at.address, vtable)?;
        let mut address = word(self.memory, at.address, pointer)?;
        if counted {
            // Two counts come first; then the value, where its alignment lets it start.
            let align = word(self.memory, vtable, 16)?.clamp(1, 4096);
            address = address.wrapping_add(16_u64.next_multiple_of(align));
        }
        let ty = self.knowledge.behind_vtable(vtable.wrapping_sub(self.bias))?;
        Ok(ty.map(|ty| At { ty, address }))
    }

    /// The branches of tokio's `select!` that are still polled, if these are the captures of its
    /// closure: a tuple of futures, and a bit for each that is done or switched off.
    pub(super) fn selected(&self, fields: &[Field], closure: At) -> Option<Vec<At>> {
        // What a closure captures by reference is named so.
        let of = |name: &str| {
            let named = |field: &&Field| field.name.trim_start_matches("_ref__") == name;
            fields.iter().find(named)
        };
        let (disabled, futures) = (of("disabled")?, of("futures")?);
        let mask = self.number(self.pointee(closure.inside(disabled)).ok()?).ok()?;
        let futures = self.pointee(closure.inside(futures)).ok()?;
        let shape = self.shape(futures.ty).ok()?;
        let Body::Struct(branches) = &shape.body else {
            return None;
        };
        let polled = branches.iter().enumerate().filter(|(bit, _)| mask >> bit.min(&63) & 1 == 0);
        Some(polled.map(|(_, branch)| futures.inside(branch)).collect())
    }
}
