//! Which objects live, and the one rule by which ids are given out.
//!
//! Above: the writer and the reader, which each keep one and so agree without a byte in the file.
//! Below: nothing.
//!
//! Rule: an allocation takes the id that was freed last; if none is free, the next one never used.

/// The ids of all objects: live, or free in the order of their freeing.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    /// By id: the object's size, or `None` after its end.
    sizes: Vec<Option<u64>>,
    free: Vec<u32>,
    live_bytes: u64,
}

impl Ids {
    /// An object of `size_bytes` begins; its id. `None` when ids or bytes overflow.
    pub fn begin(&mut self, size_bytes: u64) -> Option<u32> {
        let live_bytes = self.live_bytes.checked_add(size_bytes)?;
        let id = match self.free.pop() {
            Some(id) => id,
            None => {
                let id = u32::try_from(self.sizes.len()).ok()?;
                self.sizes.push(None);
                id
            }
        };
        self.sizes[id as usize] = Some(size_bytes);
        self.live_bytes = live_bytes;
        Some(id)
    }

    /// The object ends; its size. `None` if it does not live.
    pub fn end(&mut self, id: u32) -> Option<u64> {
        let size = self.sizes.get_mut(id as usize)?.take()?;
        self.live_bytes -= size;
        self.free.push(id);
        Some(size)
    }

    /// The object has a new size. `None` if it does not live, or if bytes overflow.
    pub fn resize(&mut self, id: u32, size_bytes: u64) -> Option<()> {
        let size = self.sizes.get_mut(id as usize)?.as_mut()?;
        self.live_bytes = (self.live_bytes - *size).checked_add(size_bytes)?;
        *size = size_bytes;
        Some(())
    }

    /// The sum of the sizes of the live objects.
    pub fn live_bytes(&self) -> u64 {
        self.live_bytes
    }

    /// How many ids were ever given out: the largest number of objects live at once.
    pub fn used(&self) -> usize {
        self.sizes.len()
    }
}
