//! Types as rustc describes them: the only room that knows how it spells them out.

use std::collections::VecDeque;

use gimli::constants as dw;

use crate::Error;
use crate::index::{Entry, Index};
use crate::tree::TypeId;

/// How many fields may be searched for what a wrapper (`UnsafeCell`, `Mutex`, `Atomic`) wraps.
const WRAPPERS: usize = 64;

/// A type, and where a value of it lies in the value that the search began with.
#[derive(Clone, Copy)]
pub(crate) struct Place<'i> {
    index: &'i Index,
    pub(crate) id: TypeId,
    pub(crate) offset: u64,
}

/// An enum: where its tag lies, if it needs one, and its variants.
pub(crate) struct Variants<'i> {
    /// Offset and size.
    pub(crate) tag: Option<(u64, u64)>,
    pub(crate) variants: Vec<Variant<'i>>,
}

pub(crate) struct Variant<'i> {
    pub(crate) name: &'i str,
    /// The tag's value; none where every other value means this variant.
    pub(crate) discriminant: Option<u64>,
    pub(crate) place: Place<'i>,
}

impl<'i> Place<'i> {
    pub(crate) fn new(index: &'i Index, id: TypeId) -> Self {
        let offset = 0;
        Self { index, id, offset }
    }

    /// The field with this path of names, for instance `shared.owned.list`.
    pub(crate) fn field(self, path: &str) -> Result<Self, Error> {
        path.split('.').try_fold(self, |place, name| {
            let tree = place.tree()?;
            let found = members(&tree).find(|member| member.name == Some(name));
            found
                .and_then(|member| place.inside(member))
                .ok_or_else(|| Error::unknown(title(&tree), name))
        })
    }

    /// The value of a type whose name starts with `prefix` that lies in this one, wrapped or not.
    pub(crate) fn wrapped(self, prefix: &str) -> Result<Self, Error> {
        let mut places = VecDeque::from([self]);
        for _ in 0..WRAPPERS {
            let Some(place) = places.pop_front() else {
                break;
            };
            let tree = place.tree()?;
            if title(&tree).starts_with(prefix) {
                return Ok(place);
            }
            places.extend(members(&tree).filter_map(|member| place.inside(member)));
        }
        Err(Error::unknown(title(&self.tree()?), prefix))
    }

    /// What this pointer or reference points to.
    pub(crate) fn pointee(self) -> Result<Self, Error> {
        let tree = self.tree()?;
        let target = match tree.first() {
            Some(entry) if entry.tag == dw::DW_TAG_pointer_type => entry.ty,
            _ => None,
        };
        let id = target.ok_or_else(|| Error::unknown(title(&tree), "target"))?;
        Ok(Self::new(self.index, id))
    }

    pub(crate) fn size(self) -> Result<u64, Error> {
        let tree = self.tree()?;
        let size = tree.first().and_then(|entry| match entry.tag {
            // Their size is not spelled out. A fat pointer is a struct, and has one.
            dw::DW_TAG_pointer_type => Some(8),
            _ => entry.size,
        });
        size.ok_or_else(|| Error::unknown(title(&tree), "size"))
    }

    /// The offset of a value that must be as large as a word.
    pub(crate) fn word(self) -> Result<u64, Error> {
        match self.size()? {
            8 => Ok(self.offset),
            _ => Err(Error::unknown(title(&self.tree()?), "size of a word")),
        }
    }

    pub(crate) fn variants(self) -> Result<Variants<'i>, Error> {
        let tree = self.tree()?;
        let (mut part, mut discriminant) = (false, None);
        let (mut tag, mut variants) = (None, Vec::new());
        for entry in &tree {
            match (entry.depth, entry.tag) {
                (1, other) => part = other == dw::DW_TAG_variant_part,
                (2, dw::DW_TAG_member) if part => {
                    let place =
                        self.inside(entry).ok_or_else(|| Error::unknown(title(&tree), "tag"))?;
                    tag = Some((place.offset, place.size()?));
                }
                (2, dw::DW_TAG_variant) if part => discriminant = entry.discriminant,
                (3, dw::DW_TAG_member) if part => {
                    if let (Some(name), Some(place)) = (entry.name, self.inside(entry)) {
                        variants.push(Variant { name, discriminant, place });
                    }
                }
                _ => {}
            }
        }
        Ok(Variants { tag, variants })
    }

    fn tree(&self) -> Result<Vec<Entry<'i>>, Error> {
        self.index.tree(self.id)
    }

    fn inside(&self, member: &Entry<'i>) -> Option<Self> {
        let offset = self.offset.checked_add(member.offset?)?;
        Some(Self { index: self.index, id: member.ty?, offset })
    }
}

fn members<'t, 'i>(tree: &'t [Entry<'i>]) -> impl Iterator<Item = &'t Entry<'i>> {
    tree.iter().filter(|entry| entry.depth == 1 && entry.tag == dw::DW_TAG_member)
}

/// How to speak of the type in an error.
fn title<'i>(tree: &[Entry<'i>]) -> &'i str {
    let entry = tree.first();
    entry.and_then(|entry| entry.name).unwrap_or("a nameless type")
}
