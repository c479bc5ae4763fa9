//! From debug info to shapes: the room that knows how rustc describes coroutines (`__state`,
//! `__awaitee`, `Suspend0`).

use std::sync::Arc;

use gimli::constants as dw;

use crate::Error;
use crate::index::{Entry, Index};
use crate::leaves;
use crate::names::{self, CoroutineKind};
use crate::shape::{
    Body, Coroutine, CoroutineState, Enum, Field, PointerKind, Shape, StateKind, Tag, Variant,
};
use crate::tree::{Source, TypeId};
use crate::types::Place;

/// How many of a suspended function's variables are looked at.
const SAVED: usize = 256;

/// The shape of the type that this entry describes.
///
/// `of_impl` gives the readable name of an `impl` block by its path; it is asked where that is shown.
pub(crate) fn shape(
    index: &Index,
    of_impl: impl Fn(&[&str]) -> Option<String>,
    id: TypeId,
) -> Result<Shape, Error> {
    let tree = index.tree(id)?;
    let entry = tree.first().ok_or_else(|| Error::unknown("a type", "entry"))?;
    let path = index.path(id)?;
    let last = path.last().copied().unwrap_or_default();
    let body = match entry.tag {
        dw::DW_TAG_pointer_type => pointer(entry),
        dw::DW_TAG_array_type => array(&tree),
        dw::DW_TAG_structure_type if has_variants(&tree) => match CoroutineKind::of(last) {
            Some(_) => Body::Coroutine(coroutine(index, &tree)?),
            None => Body::Enum(enumeration(index, &tree)?),
        },
        // Unions are left alone: of a `MaybeUninit` nobody knows whether it holds a value.
        dw::DW_TAG_structure_type if path == ["alloc", "vec", last] && last.starts_with("Vec<") => {
            vector(index, id).unwrap_or(Body::Opaque)
        }
        dw::DW_TAG_structure_type => structure(index, last, &tree),
        _ => Body::Opaque,
    };
    let plain = names::plain(&path);
    // What has a name of its own, or none that is shown, does not need that of its block.
    let shown = matches!(body, Body::Coroutine(_)) && leaves::rule(&plain).is_none();
    let of_impl = |path: &[&str]| if shown { of_impl(path) } else { None };
    Ok(Shape {
        name: names::readable(&path, of_impl).into(),
        generics: names::generics(last).into(),
        size: match entry.tag {
            // Their size is not spelled out. A fat pointer is a struct, and has one.
            dw::DW_TAG_pointer_type => 8,
            _ => entry.size.unwrap_or_default(),
        },
        body,
        rule: leaves::rule(&plain),
        plain: plain.into(),
    })
}

/// What tells a type from another of the same name: its size, where its parts are, and for a coroutine the
/// lines that it is suspended at.
#[derive(Debug, PartialEq)]
pub(crate) struct Looks {
    size: u64,
    parts: Vec<(Arc<str>, u64)>,
    lines: Vec<Option<Source>>,
}

pub(crate) fn looks(index: &Index, id: TypeId) -> Result<Looks, Error> {
    let shape = shape(index, |_| None, id)?;
    let part = |field: &Field| (Arc::clone(&field.name), field.offset);
    let (parts, lines) = match &shape.body {
        Body::Coroutine(coroutine) => {
            let lines = coroutine.states.iter().map(|state| state.at.clone());
            (Vec::new(), std::iter::once(coroutine.start.clone()).chain(lines).collect())
        }
        Body::Struct(fields) => (fields.iter().map(part).collect(), Vec::new()),
        Body::Enum(body) => {
            (body.variants.iter().map(|variant| part(&variant.field)).collect(), Vec::new())
        }
        _ => Default::default(),
    };
    Ok(Looks { size: shape.size, parts, lines })
}

fn has_variants(tree: &[Entry<'_>]) -> bool {
    tree.iter().any(|entry| entry.depth == 1 && entry.tag == dw::DW_TAG_variant_part)
}

fn pointer(entry: &Entry<'_>) -> Body {
    match entry.ty {
        Some(to) => Body::Pointer { kind: pointer_kind(entry.name.unwrap_or_default()), to },
        None => Body::Opaque,
    }
}

fn pointer_kind(name: &str) -> PointerKind {
    if name.starts_with("&mut ") || name.contains("boxed::Box<") && !name.starts_with(['&', '*']) {
        PointerKind::Unique
    } else {
        PointerKind::Shared
    }
}

fn array(tree: &[Entry<'_>]) -> Body {
    let of = tree.first().and_then(|entry| entry.ty);
    let count = tree.iter().find_map(|entry| entry.count);
    match (of, count) {
        (Some(of), Some(count)) => Body::Array { of, count },
        _ => Body::Opaque,
    }
}

fn structure(index: &Index, name: &str, tree: &[Entry<'_>]) -> Body {
    let fields: Vec<Field> = members(tree).filter_map(field).collect();
    let offset = |name: &str| fields.iter().find(|field| &*field.name == name);
    if let (Some(pointer), Some(vtable)) = (offset("pointer"), offset("vtable")) {
        return Body::Dyn {
            kind: pointer_kind(name),
            pointer: pointer.offset,
            vtable: vtable.offset,
            future: is_future(name),
            counted: name.contains("sync::ArcInner<"),
        };
    }
    if let (Some(pointer), Some(len), 2) = (offset("data_ptr"), offset("length"), fields.len()) {
        if let Some(of) = pointee(index, tree, "data_ptr") {
            let kind = pointer_kind(name);
            return Body::Slice { kind, pointer: pointer.offset, len: len.offset, of };
        }
    }
    Body::Struct(fields)
}

/// A `Vec`'s elements, wherever this standard library keeps the pointer to them.
fn vector(index: &Index, id: TypeId) -> Option<Body> {
    let place = Place::new(index, id);
    let pointer = place.field("buf").ok()?.wrapped("NonNull<").ok()?.offset;
    let len = place.field("len").ok()?.offset;
    let of = index.first_type_parameter(id).ok()??;
    Some(Body::Slice { kind: PointerKind::Unique, pointer, len, of })
}

/// Whether the trait of this pointer to a `dyn` is one of futures: `&mut (dyn core::future::future::Future<
/// Output=()> + core::marker::Send)`, and not `dyn Fn() -> Box<dyn Future>`.
fn is_future(name: &str) -> bool {
    let Some((_, bound)) = name.split_once("dyn ") else {
        return false;
    };
    let end = bound.find(['<', ' ', ',', ')', '>', '(']).unwrap_or(bound.len());
    let last = bound[..end].rsplit("::").next().unwrap_or_default();
    ["Future", "FusedFuture", "Stream", "FusedStream"].contains(&last)
}

/// What the pointer in this field points to.
fn pointee(index: &Index, tree: &[Entry<'_>], name: &str) -> Option<TypeId> {
    let member = members(tree).find(|entry| entry.name == Some(name))?;
    index.entry(member.ty?).ok()?.ty
}

fn enumeration(index: &Index, tree: &[Entry<'_>]) -> Result<Enum, Error> {
    let (tag, variants) = variants(index, tree)?;
    let variants = variants.into_iter().map(|(discriminant, entry)| {
        field(entry).map(|field| Variant { discriminant, field: named(index, field, entry) })
    });
    Ok(Enum { tag, variants: variants.flatten().collect() })
}

/// Members of variants are numbered; the type of each has the variant's name.
fn named(index: &Index, field: Field, entry: &Entry<'_>) -> Field {
    let numbered = entry.name.is_none_or(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    let name = if numbered { index.entry(field.ty).ok().and_then(|ty| ty.name) } else { None };
    match name {
        Some(name) => Field { name: name.into(), ..field },
        None => field,
    }
}

type Variants<'t, 'i> = Vec<(Option<u64>, &'t Entry<'i>)>;

/// Where the tag is, and each variant's member with the value that means it.
fn variants<'t, 'i>(
    index: &Index,
    tree: &'t [Entry<'i>],
) -> Result<(Tag, Variants<'t, 'i>), Error> {
    let (mut part, mut discriminant, mut signed) = (false, None, false);
    let (mut tag, mut variants) = (None, Vec::new());
    for entry in tree {
        match (entry.depth, entry.tag) {
            (1, other) => part = other == dw::DW_TAG_variant_part,
            (2, dw::DW_TAG_member) if part => {
                let ty = entry.ty.ok_or_else(|| Error::unknown("an enum's tag", "type"))?;
                let ty = index.entry(ty)?;
                signed = ty.encoding.is_some_and(|how| how == u64::from(dw::DW_ATE_signed.0));
                let size = ty.size.unwrap_or_default();
                let offset = entry.offset.unwrap_or_default();
                tag = (1..=8).contains(&size).then_some((offset, size));
                if tag.is_none() {
                    return Err(Error::unknown("an enum's tag", "size of at most 8 bytes"));
                }
            }
            (2, dw::DW_TAG_variant) if part => {
                discriminant = entry.discriminant;
                // How wide a negative one was written is not kept, so it cannot be told from another.
                if signed && discriminant.is_some_and(|value| value > 0x7f) {
                    return Err(Error::unknown("an enum", "tag without negative values"));
                }
            }
            (3, dw::DW_TAG_member) if part => variants.push((discriminant, entry)),
            _ => {}
        }
    }
    Ok((tag, variants))
}

fn coroutine(index: &Index, tree: &[Entry<'_>]) -> Result<Coroutine, Error> {
    let (tag, variants) = variants(index, tree)?;
    let start = variants.first().and_then(|(_, entry)| source(index, entry));
    let states = variants.iter().map(|(discriminant, entry)| {
        let field = field(entry).ok_or_else(|| Error::unknown("a coroutine", "state"))?;
        state(index, *discriminant, entry, &field, start.as_ref())
    });
    let states = states.collect::<Result<_, Error>>()?;
    Ok(Coroutine { tag, start, states })
}

fn state(
    index: &Index,
    discriminant: Option<u64>,
    entry: &Entry<'_>,
    variant: &Field,
    start: Option<&Source>,
) -> Result<CoroutineState, Error> {
    let tree = index.tree(variant.ty)?;
    let kind = match tree.first().and_then(|entry| entry.name) {
        Some("Unresumed") => StateKind::Unresumed,
        Some("Returned") => StateKind::Returned,
        Some("Panicked") => StateKind::Panicked,
        Some(name) if name.starts_with("Suspend") => StateKind::Suspended,
        name => return Err(Error::unknown("a coroutine's state", name.unwrap_or("name"))),
    };
    let inside = |member: &Entry<'_>| {
        let field = field(member)?;
        Some(Field { offset: field.offset.checked_add(variant.offset)?, ..field })
    };
    let named = |name: &str| members(&tree).find(|entry| entry.name == Some(name)).and_then(inside);
    let is_variable = |entry: &&Entry<'_>| entry.name != Some("__awaitee");
    let at = source(index, entry);
    let foreign = |at: &&Source| start.is_some_and(|start| start.file != at.file);
    let within = at.as_ref().filter(foreign).and_then(|at| macro_of(&at.file));
    Ok(CoroutineState {
        discriminant,
        kind,
        at: if within.is_some() { start.cloned() } else { at },
        within,
        awaitee: named("__awaitee"),
        own: named("self"),
        saved: members(&tree).filter(is_variable).filter_map(inside).take(SAVED).collect(),
    })
}

/// The macro that is written in this file: those of tokio and futures have files of their own. An `.await` in
/// any other file than its function's may be a macro's, or the function may be, and it was handed the `.await`.
fn macro_of(file: &str) -> Option<Arc<str>> {
    let (folder, name) = file.strip_suffix(".rs")?.rsplit_once('/')?;
    let name = match name.strip_suffix("_mod") {
        Some(name) if folder.ends_with("/async_await") => name,
        None if folder.ends_with("/macros") => name,
        _ => return None,
    };
    let known = matches!(name, "select" | "join" | "try_join" | "pin");
    known.then(|| format!("{name}!").into())
}

fn source(index: &Index, entry: &Entry<'_>) -> Option<Source> {
    let (file, line) = (entry.file?, entry.line?);
    let file = index.file(index.unit_of(entry.id).ok()?, file)?;
    (line > 0).then_some(Source { file, line })
}

fn field(member: &Entry<'_>) -> Option<Field> {
    let name = member.name.unwrap_or_default().into();
    Some(Field { name, offset: member.offset?, ty: member.ty? })
}

fn members<'t, 'i>(tree: &'t [Entry<'i>]) -> impl Iterator<Item = &'t Entry<'i>> {
    tree.iter().filter(|entry| entry.depth == 1 && entry.tag == dw::DW_TAG_member)
}
