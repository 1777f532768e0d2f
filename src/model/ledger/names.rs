//! `Names`: the pods' names end to end, in chunks, so that a million of them cost no million allocations.

/// 64 KiB: a small cluster pays for one chunk, and growing copies nothing.
const CHUNK: usize = 1 << 16;

/// Where a name lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct NameAt {
    /// Chunk in the high 16 bits, place in the chunk in the low ones.
    pub(super) at: u32,
    /// Bytes; clean text is capped far below 64 KiB.
    pub(super) len: u16,
}

/// Names of pods.
#[derive(Debug, Default)]
pub(super) struct Names {
    chunks: Vec<String>,
    live: usize,
    total: usize,
}

impl Names {
    /// Copies `name` in.
    pub(super) fn put(&mut self, name: &str) -> NameAt {
        let len = u16::try_from(name.len()).expect("clean text is capped far below 64 KiB");
        if self.chunks.last().is_none_or(|chunk| chunk.len() + name.len() > CHUNK) {
            self.chunks.push(String::with_capacity(CHUNK));
        }
        let number = self.chunks.len() - 1;
        let chunk = &mut self.chunks[number];
        let at = u32::try_from(number * CHUNK + chunk.len()).expect("4 GiB of names are compacted long before");
        chunk.push_str(name);
        self.live += name.len();
        self.total += name.len();
        NameAt { at, len }
    }

    /// The name at a place that has not been dropped.
    pub(super) fn get(&self, name: NameAt) -> &str {
        let at = name.at as usize;
        let start = at % CHUNK;
        &self.chunks[at / CHUNK][start..start + usize::from(name.len)]
    }

    /// Nobody uses this name any more.
    pub(super) fn drop(&mut self, name: NameAt) {
        self.live -= usize::from(name.len);
    }

    /// More than a quarter (costs-and-libraries.md, section 6) and more than a chunk is garbage.
    pub(super) fn is_wasteful(&self) -> bool {
        let garbage = self.total - self.live;
        garbage > CHUNK && garbage > self.total / 4
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        self.chunks.len() * CHUNK + self.chunks.capacity() * size_of::<String>()
    }
}
