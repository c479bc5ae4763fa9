use serde::{Deserialize, Serialize};

use crate::index::Index;
use crate::types::Place;
use crate::{Error, Image};

/// Where the tasks of a tokio runtime lie, by the names of tokio's fields in an executable's debug info.
///
/// Finding it reads a good part of the executable, so build it once per process. It is a handful of
/// offsets, and any thread may use it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TaskLayout {
    pub(super) handle: HandleLayout,
    pub(super) header: HeaderLayout,
}

/// From a `tokio::runtime::Handle` to its scheduler's `OwnedTasks`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct HandleLayout {
    /// Offset and size of the tag that tells the flavor; a tokio with one flavor has none.
    pub(super) tag: Option<(u64, usize)>,
    pub(super) flavors: Vec<Flavor>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Flavor {
    pub(super) tag: Option<u64>,
    /// In the handle: the pointer to the scheduler.
    pub(super) scheduler: u64,
    pub(super) owned: OwnedLayout,
}

/// From what a handle points to, to the parts of its `OwnedTasks`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct OwnedLayout {
    pub(super) id: u64,
    /// How many tasks are in the lists, and how many were ever put in.
    pub(super) count: u64,
    pub(super) added: u64,
    pub(super) lists: u64,
    pub(super) lists_len: u64,
    /// The size of one of the lists, and where it keeps its first and its last task.
    pub(super) list_size: u64,
    pub(super) head: u64,
    pub(super) tail: u64,
}

/// A task: its `Header`, and by the `Vtable` the rest.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct HeaderLayout {
    pub(super) state: u64,
    pub(super) owner: u64,
    pub(super) vtable: u64,
    pub(super) size: u64,
    /// In the vtable: how far the scheduler, the id and the trailer are from the header, in this order.
    pub(super) scheduler: u64,
    pub(super) id: u64,
    pub(super) trailer: u64,
    /// In the vtable: the address of the function that polls the task.
    pub(super) poll: u64,
    /// In the trailer: the next task of the list.
    pub(super) next: u64,
    /// Where the place that called `spawn` is kept, if tokio was built to keep it.
    pub(super) spawned_at: Option<LocationLayout>,
}

/// A `&'static core::panic::Location`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct LocationLayout {
    /// In the vtable: how far the reference is from the header.
    pub(super) offset: u64,
    /// In the location: the file's name, its length, and the line.
    pub(super) file: u64,
    pub(super) file_len: u64,
    pub(super) line: u64,
}

impl TaskLayout {
    /// Looks for tokio's types in the image's debug info.
    ///
    /// # Errors
    ///
    /// Where the image has no debug info about them, links several copies of tokio, or describes
    /// types that this version of leakcheck does not know.
    pub fn of_image(image: Image) -> Result<Self, Error> {
        Self::of_index(&Index::new(image))
    }

    pub(crate) fn of_index(index: &Index) -> Result<Self, Error> {
        let names = [
            "tokio::runtime::handle::Handle",
            "tokio::runtime::task::core::Header",
            "tokio::runtime::task::core::Trailer",
        ];
        let [handle, header, trailer] =
            index.structs("tokio", names)?.map(|id| Place::new(index, id));
        let handle = HandleLayout::of(handle)?;
        let vtable = header.field("vtable")?.pointee()?;
        let mut header = HeaderLayout::of(header, trailer)?;
        // Without tokio_unstable there is none.
        if let Ok(offset) = vtable.field("spawn_location_offset") {
            let [location] = index.structs("tokio", ["core::panic::location::Location"])?;
            let location = Place::new(index, location);
            header.spawned_at = Some(LocationLayout::of(offset.word()?, location)?);
        }
        Ok(Self { handle, header })
    }
}

impl HandleLayout {
    fn of(handle: Place<'_>) -> Result<Self, Error> {
        let inner = handle.field("inner")?.variants()?;
        let tag = match inner.tag {
            Some((offset, size @ 1..=8)) => Some((offset, size as usize)),
            Some(_) => {
                return Err(Error::unknown("scheduler::Handle", "tag of at most eight bytes"));
            }
            None => None,
        };
        let flavors = inner.variants.iter().map(|flavor| {
            if !matches!(flavor.name, "CurrentThread" | "MultiThread") {
                return Err(Error::unknown("scheduler::Handle", flavor.name));
            }
            let scheduler = flavor.place.field("__0.ptr.pointer")?;
            let owned = scheduler.pointee()?.field("data.shared.owned")?;
            Ok(Flavor {
                tag: flavor.discriminant,
                scheduler: scheduler.word()?,
                owned: OwnedLayout::of(owned)?,
            })
        });
        let flavors = flavors.collect::<Result<_, _>>()?;
        Ok(Self { tag, flavors })
    }
}

impl OwnedLayout {
    fn of(owned: Place<'_>) -> Result<Self, Error> {
        let lists = owned.field("list.lists")?;
        let list = lists.field("data_ptr")?.pointee()?;
        let ends = list.wrapped("LinkedList<")?;
        Ok(Self {
            id: owned.field("id")?.word()?,
            count: owned.field("list.count")?.word()?,
            added: owned.field("list.added")?.word()?,
            lists: lists.field("data_ptr")?.word()?,
            lists_len: lists.field("length")?.word()?,
            list_size: list.size()?,
            head: ends.field("head")?.word()?,
            tail: ends.field("tail")?.word()?,
        })
    }
}

impl LocationLayout {
    fn of(offset: u64, location: Place<'_>) -> Result<Self, Error> {
        // The name was a `&str` once.
        let name = location.field("filename.pointer").or_else(|_| location.field("file"))?;
        Ok(Self {
            offset,
            file: name.field("data_ptr")?.word()?,
            file_len: name.field("length")?.word()?,
            line: location.field("line")?.offset,
        })
    }
}

impl HeaderLayout {
    fn of(header: Place<'_>, trailer: Place<'_>) -> Result<Self, Error> {
        let vtable = header.field("vtable")?;
        Ok(Self {
            state: header.field("state")?.word()?,
            owner: header.field("owner_id")?.word()?,
            vtable: vtable.word()?,
            size: header.size()?,
            scheduler: vtable.pointee()?.field("scheduler_offset")?.word()?,
            id: vtable.pointee()?.field("id_offset")?.word()?,
            trailer: vtable.pointee()?.field("trailer_offset")?.word()?,
            poll: vtable.pointee()?.field("poll")?.word()?,
            next: trailer.field("owned")?.wrapped("PointersInner<")?.field("next")?.word()?,
            spawned_at: None,
        })
    }
}
