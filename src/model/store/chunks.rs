//! `Chunks`: a vector in pieces, so that growing neither copies the values nor reserves more than one piece.

/// Entries of a piece.
const CHUNK: usize = 256;

/// Values by index.
#[derive(Debug)]
pub(crate) struct Chunks<T>(Vec<Vec<T>>);

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Chunks<T> {
    /// Appends a value and returns its index.
    pub(crate) fn push(&mut self, value: T) -> usize {
        if self.0.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.0.push(Vec::with_capacity(CHUNK));
        }
        let number = self.0.len() - 1;
        self.0[number].push(value);
        number * CHUNK + self.0[number].len() - 1
    }

    /// Number of values.
    pub(crate) fn len(&self) -> usize {
        self.0.len().saturating_sub(1) * CHUNK + self.0.last().map_or(0, Vec::len)
    }

    pub(crate) fn get(&self, at: usize) -> Option<&T> {
        self.0.get(at / CHUNK)?.get(at % CHUNK)
    }

    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        self.0.get_mut(at / CHUNK)?.get_mut(at % CHUNK)
    }

    /// The value of a place that there is.
    pub(crate) fn at(&self, at: usize) -> &T {
        &self.0[at / CHUNK][at % CHUNK]
    }

    /// The value of a place that there is.
    pub(crate) fn at_mut(&mut self, at: usize) -> &mut T {
        &mut self.0[at / CHUNK][at % CHUNK]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flatten()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut().flatten()
    }

    /// Bytes on the heap, without the heap of the values.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.0.len() * CHUNK * size_of::<T>() + self.0.capacity() * size_of::<Vec<T>>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_at_their_places() {
        let mut chunks = Chunks::default();
        assert_eq!((chunks.len(), chunks.get(0)), (0, None));
        let places: Vec<usize> = (0..1_000).map(|value| chunks.push(value)).collect();
        assert_eq!(places, (0..1_000).collect::<Vec<_>>());
        *chunks.at_mut(700) = 7;
        assert_eq!((chunks.len(), *chunks.at(699), chunks.get(700), chunks.get(1_000)), (1_000, 699, Some(&7), None));
        assert_eq!(chunks.iter().sum::<i32>(), (0..1_000).sum::<i32>() - 693);
    }
}
