//! What is used of bdwgc's library, found at run time: it need not be there to build this.
//!
//! Above: the programs. Below: `libgc.so.1` (Debian: libgc1).

use std::ffi::{CStr, c_int, c_void};
use std::sync::OnceLock;

type Act = unsafe extern "C" fn();
type Find = unsafe extern "C" fn(*mut StackBase) -> c_int;
type Register = unsafe extern "C" fn(*const StackBase) -> c_int;
type Allocate = unsafe extern "C" fn(usize) -> *mut c_void;

struct Api {
    init: Act,
    allow_threads: Act,
    stack_base: Find,
    register: Register,
    malloc: Allocate,
    malloc_atomic: Allocate,
    malloc_uncollectable: Allocate,
}

#[repr(C)]
struct StackBase {
    base: *mut c_void,
}

static API: OnceLock<Option<Api>> = OnceLock::new();

fn load() -> Option<Api> {
    // SAFETY: a C string; the library's initialisers run.
    let library = unsafe { libc::dlopen(c"libgc.so.1".as_ptr(), libc::RTLD_NOW) };
    if library.is_null() {
        return None;
    }
    let symbol = |name: &CStr| {
        // SAFETY: the library stays loaded.
        let symbol = unsafe { libc::dlsym(library, name.as_ptr()) };
        (!symbol.is_null()).then_some(symbol)
    };
    macro_rules! function {
        ($name:literal, $of:ty) => {
            // SAFETY: it has this type: bdwgc's gc.h.
            unsafe { std::mem::transmute::<*mut c_void, $of>(symbol($name)?) }
        };
    }
    Some(Api {
        init: function!(c"GC_init", Act),
        allow_threads: function!(c"GC_allow_register_threads", Act),
        stack_base: function!(c"GC_get_stack_base", Find),
        register: function!(c"GC_register_my_thread", Register),
        malloc: function!(c"GC_malloc", Allocate),
        malloc_atomic: function!(c"GC_malloc_atomic", Allocate),
        malloc_uncollectable: function!(c"GC_malloc_uncollectable", Allocate),
    })
}

fn api() -> Option<&'static Api> {
    API.get_or_init(load).as_ref()
}

/// Whether the library is on this machine.
pub fn is_here() -> bool {
    api().is_some()
}

/// Starts the collector, on the main thread or another, and makes this thread known to it. Once for each
/// thread.
pub fn prepare() {
    let Some(api) = api() else { return };
    let mut base = StackBase { base: std::ptr::null_mut() };
    // SAFETY: threads may be registered after `init`; the base is that of this thread's stack.
    unsafe {
        (api.init)();
        (api.allow_threads)();
        (api.stack_base)(&raw mut base);
        (api.register)(&raw const base);
    }
}

fn granted(memory: *mut c_void) -> *mut c_void {
    assert!(!memory.is_null(), "bdwgc has no memory");
    memory
}

/// A new object.
#[inline]
pub fn object<T>(value: T) -> *mut T {
    let api = api().expect("who makes objects has asked `is_here`");
    // SAFETY: the collector is started (`prepare`).
    let memory = granted(unsafe { (api.malloc)(size_of::<T>()) }).cast::<T>();
    // SAFETY: the memory is new, and aligned to two words.
    unsafe { memory.write(value) };
    memory
}

/// Memory that holds no pointers.
pub fn bytes(count: usize) -> *mut u8 {
    let api = api().expect("who makes objects has asked `is_here`");
    // SAFETY: as in `object`.
    granted(unsafe { (api.malloc_atomic)(count) }).cast()
}

/// Pointers, all null, which are looked at, and never taken back.
pub fn table<T>(entries: usize) -> *mut *mut T {
    let api = api().expect("who makes objects has asked `is_here`");
    // SAFETY: as in `object`.
    granted(unsafe { (api.malloc_uncollectable)(entries.max(1) * size_of::<*mut T>()) }).cast()
}
