//! The lines of this file that spawn, found in this executable's code.

use std::collections::HashMap;
use std::future::pending;
use std::hint::black_box;
use std::sync::LazyLock;

use gimli::{EndianSlice, LittleEndian, SectionId};
use leakcheck_inspect::{Image, Inspector, TypeId};
use object::{Object as _, ObjectSection as _};
use serde::Deserialize as _;
use serde::de::IntoDeserializer as _;
use serde::de::value::{Error, U64Deserializer};
use tokio::runtime::{Handle, Runtime};
use tokio::task::{JoinHandle, JoinSet, LocalSet};
use tokio_util::task::TaskTracker;

use crate::support::{INSPECTOR, damaged};

fn id(offset: u64) -> TypeId {
    let offset: U64Deserializer<Error> = offset.into_deserializer();
    TypeId::deserialize(offset).unwrap()
}

/// Where the debug info describes the futures of this file, by their full names.
static TYPES: LazyLock<HashMap<String, TypeId>> = LazyLock::new(|| {
    let image = std::fs::read("/proc/self/exe").unwrap();
    let file = object::File::parse(&*image).unwrap();
    let section = |id: SectionId| {
        let section = file.section_by_name(id.name()).and_then(|section| section.data().ok());
        Ok::<_, gimli::Error>(EndianSlice::new(section.unwrap_or_default(), LittleEndian))
    };
    let dwarf = gimli::Dwarf::load(section).unwrap();
    let (mut types, mut units) = (HashMap::new(), dwarf.units());
    while let Some(header) = units.next().unwrap() {
        note_types(&dwarf, header, &mut types).unwrap();
    }
    types
});

fn note_types<R: gimli::Reader<Offset = usize>>(
    dwarf: &gimli::Dwarf<R>,
    header: gimli::UnitHeader<R>,
    types: &mut HashMap<String, TypeId>,
) -> gimli::Result<()> {
    let start = header.offset().as_debug_info_offset().unwrap().0;
    let unit = dwarf.unit(header)?;
    let (mut entries, mut path, mut depth) = (unit.entries(), Vec::new(), 0);
    while let Some((delta, entry)) = entries.next_dfs()? {
        depth += delta;
        path.truncate(usize::try_from(depth).unwrap());
        let own = entry.attr_value(gimli::DW_AT_name)?;
        let own = own.and_then(|own| dwarf.attr_string(&unit, own).ok());
        path.push(own.map_or_else(String::new, |own| own.to_string_lossy().unwrap().into_owned()));
        let sized = entry.attr(gimli::DW_AT_byte_size)?.is_some();
        if entry.tag() == gimli::DW_TAG_structure_type && sized {
            let name = path[1..].join("::");
            if name.contains("it::spawn_sites::") {
                types.entry(name).or_insert(id((start + entry.offset().0) as u64));
            }
        }
    }
    Ok(())
}

/// The future of this function is spawned at these lines of this file, and nowhere else.
#[track_caller]
fn check(function: &str, lines: &[u32]) {
    check_type(&format!("it::spawn_sites::{function}::{{async_fn_env#0}}"), lines);
}

#[track_caller]
fn check_type(future: &str, lines: &[u32]) {
    let sites = INSPECTOR.spawn_sites(TYPES[future]).unwrap();
    for site in &sites {
        assert!(site.at.file.ends_with("/tests/it/spawn_sites.rs"), "{site:?}");
        assert!(site.function.as_ref().unwrap().starts_with("it::spawn_sites::"), "{site:?}");
    }
    let found: Vec<u32> = sites.iter().map(|site| site.at.line).collect();
    assert_eq!(found, lines, "{future}");
}

macro_rules! futures {
    ($($name:ident)*) => { $(async fn $name() { pending().await })* };
}

futures! { by_spawn by_handle by_runtime by_set by_set_on by_set_local by_tracker by_tracker_on }
futures! { by_local_set by_local twice by_wrapper by_iterator by_collection by_pointer unspawned }

#[test]
fn every_way_to_spawn_leads_to_its_line() {
    let runtime = Runtime::new().unwrap();
    let (line, _) = (line!(), runtime.spawn(by_runtime()));
    check("by_runtime", &[line]);

    let _inside = runtime.enter();
    let (line, _) = (line!(), tokio::spawn(by_spawn()));
    check("by_spawn", &[line]);
    let handle = Handle::current();
    let (line, _) = (line!(), handle.spawn(by_handle()));
    check("by_handle", &[line]);
}

#[test]
fn sets_lead_to_the_lines_that_fill_them() {
    let runtime = Runtime::new().unwrap();
    let _inside = runtime.enter();
    let mut set = JoinSet::new();
    let (line, _) = (line!(), set.spawn(by_set()));
    check("by_set", &[line]);
    let (line, _) = (line!(), set.spawn_on(by_set_on(), runtime.handle()));
    check("by_set_on", &[line]);
    let tracker = TaskTracker::new();
    let tracked = |function| {
        let future = format!("it::spawn_sites::{function}::{{async_fn_env#0}}");
        format!("tokio_util::task::task_tracker::TrackedFuture<{future}>")
    };
    let (line, _) = (line!(), tracker.spawn(by_tracker()));
    check_type(&tracked("by_tracker"), &[line]);
    let (line, _) = (line!(), tracker.spawn_on(by_tracker_on(), runtime.handle()));
    check_type(&tracked("by_tracker_on"), &[line]);
}

#[test]
fn local_tasks_lead_to_their_lines() {
    let runtime = Runtime::new().unwrap();
    let local = LocalSet::new();
    let (line, _) = (line!(), local.spawn_local(by_local_set()));
    check("by_local_set", &[line]);
    runtime.block_on(local.run_until(async {
        let (line, _) = (line!(), tokio::task::spawn_local(by_local()));
        check("by_local", &[line]);
    }));
    let (line, _) = (line!(), JoinSet::new().spawn_local_on(by_set_local(), &local));
    check("by_set_local", &[line]);
}

#[test]
fn a_block_is_told_from_its_neighbours() {
    let runtime = Runtime::new().unwrap();
    runtime.spawn(async { pending::<u8>().await });
    let (line, _) = (line!(), runtime.spawn(async { pending::<u16>().await }));
    let block = "it::spawn_sites::a_block_is_told_from_its_neighbours::{async_block_env#1}";
    check_type(block, &[line]);
}

#[test]
fn several_callers_are_all_candidates() {
    let runtime = Runtime::new().unwrap();
    let _inside = runtime.enter();
    let (first, _) = (line!(), tokio::spawn(twice()));
    let (second, _) = (line!(), runtime.spawn(twice()));
    check("twice", &[first, second]);
}

const WRAPPED: u32 = line!() + 2;
fn wrapper<F: Future<Output = ()> + Send + 'static>(runtime: &Runtime, future: F) {
    runtime.spawn(future);
}

#[test]
fn somebody_elses_wrapper_is_the_place() {
    wrapper(&Runtime::new().unwrap(), by_wrapper());
    check("by_wrapper", &[WRAPPED]);
}

#[test]
fn an_iterator_leads_to_the_line_that_runs_it() {
    let runtime = Runtime::new().unwrap();
    let _inside = runtime.enter();
    let spawned = (0..2).map(|_| by_iterator()).map(tokio::spawn);
    let (line, _) = (line!(), spawned.collect::<Vec<_>>());
    check("by_iterator", &[line]);
    let futures = (0..2).map(|_| by_collection());
    let (line, _) = (line!(), futures.collect::<JoinSet<_>>());
    check("by_collection", &[line]);
}

/// Spawns through something that no call names.
fn through_pointer<F: Future<Output = ()> + Send + 'static>(
    spawn: fn(F) -> JoinHandle<()>,
    future: F,
) {
    black_box(spawn)(future);
}

#[test]
fn what_may_be_spawned_through_a_pointer_has_no_place() {
    let runtime = Runtime::new().unwrap();
    let _inside = runtime.enter();
    through_pointer(tokio::spawn, by_pointer());
    // This is one, but not all.
    tokio::spawn(by_pointer());
    check("by_pointer", &[]);
}

#[test]
fn what_is_not_spawned_has_no_place() {
    drop(black_box(unspawned()));
    check("unspawned", &[]);
}

#[test]
fn what_is_no_type_has_no_place() {
    for offset in [0, 1, 11, u64::MAX] {
        assert_eq!(INSPECTOR.spawn_sites(id(offset)).unwrap_or_default(), [], "{offset}");
    }
}

#[test]
fn damaged_images_give_places_or_none() {
    let intact = std::fs::read("/proc/self/exe").unwrap();
    let name = "it::spawn_sites::by_spawn::{async_fn_env#0}";
    let future = TYPES[name];
    for damaged in damaged(&intact).step_by(3) {
        let inspector = Image::parse(&damaged).map(Inspector::new);
        let _ = inspector.and_then(|inspector| inspector.spawn_sites(future));
    }
}
