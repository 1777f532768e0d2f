//! `PodNames`: the pods' names end to end in chunks, so that a million names do not need a million allocations.

/// 64 KiB: a small cluster pays for one chunk, and growing copies nothing.
const CHUNK: usize = 1 << 16;

/// Position of a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct NameAt {
    /// Chunk in the high 16 bits, offset in the chunk in the low ones.
    pub(super) at: u32,
    /// Bytes; clean text is capped far below 64 KiB.
    pub(super) len: u16,
}

/// Names of pods.
#[derive(Debug, Default)]
pub(super) struct PodNames {
    chunks: Vec<Chunk>,
    /// Empty chunks.
    free: Vec<usize>,
    /// Chunk of the next name; valid once there is a chunk.
    current: usize,
    live: usize,
    total: usize,
}

#[derive(Debug, Default)]
struct Chunk {
    text: String,
    /// Number of used bytes.
    live: usize,
}

impl PodNames {
    /// Copies `name` in.
    pub(super) fn put(&mut self, name: &str) -> NameAt {
        let len = u16::try_from(name.len()).expect("clean text is capped far below 64 KiB");
        if self.chunks.get(self.current).is_none_or(|chunk| chunk.text.len() + name.len() > CHUNK) {
            self.begin_chunk();
        }
        let chunk = &mut self.chunks[self.current];
        let at = self.current * CHUNK + chunk.text.len();
        let at = u32::try_from(at).expect("chunks without names are used again long before 4 GiB");
        chunk.text.push_str(name);
        chunk.live += name.len();
        self.live += name.len();
        self.total += name.len();
        NameAt { at, len }
    }

    /// The name at a position that has not been dropped.
    pub(super) fn get(&self, name: NameAt) -> &str {
        let at = name.at as usize;
        let start = at % CHUNK;
        &self.chunks[at / CHUNK].text[start..start + usize::from(name.len)]
    }

    /// Releases a name.
    pub(super) fn drop(&mut self, name: NameAt) {
        let (number, len) = (name.at as usize / CHUNK, usize::from(name.len));
        self.live -= len;
        self.chunks[number].live -= len;
        if number != self.current {
            self.free_if_empty(number);
        }
    }

    /// Returns `true` if more than a quarter (docs/performance.md) and more than a chunk is garbage.
    pub(super) fn is_wasteful(&self) -> bool {
        let garbage = self.total - self.live;
        garbage > CHUNK && garbage > self.total / 4
    }

    /// Copies a name out of a chunk that is largely garbage; `None` if it may stay.
    pub(super) fn moved(&mut self, name: NameAt) -> Option<NameAt> {
        let number = name.at as usize / CHUNK;
        let chunk = &self.chunks[number];
        if number == self.current || chunk.live > chunk.text.len() / 4 * 3 {
            return None;
        }
        let text = self.get(name).to_owned();
        let moved = self.put(&text);
        self.drop(name);
        Some(moved)
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        (self.chunks.len() - self.free.len()) * CHUNK + self.chunks.capacity() * size_of::<Chunk>()
    }

    fn begin_chunk(&mut self) {
        let full = self.current;
        self.current = self.free.pop().unwrap_or_else(|| {
            self.chunks.push(Chunk::default());
            self.chunks.len() - 1
        });
        self.chunks[self.current].text = String::with_capacity(CHUNK);
        if full != self.current {
            self.free_if_empty(full);
        }
    }

    fn free_if_empty(&mut self, number: usize) {
        let chunk = &mut self.chunks[number];
        if chunk.live == 0 && chunk.text.capacity() > 0 {
            self.total -= chunk.text.len();
            chunk.text = String::new();
            self.free.push(number);
        }
    }
}
