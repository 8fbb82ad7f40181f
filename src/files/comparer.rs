//! Compares output with an existing file instead of writing it, without holding either in memory.

use std::fs::File;
use std::io::{self, BufReader, Read as _, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A writer that compares what is written to it with a file.
#[derive(Debug)]
pub struct Comparer {
    file: BufReader<File>,
    comparison: Comparison,
}

/// The result of a comparison, once its [`Comparer`] is dropped.
#[derive(Debug, Clone)]
pub struct Comparison {
    differs: Arc<AtomicBool>,
}

impl Comparison {
    /// Whether exactly the bytes of the file were written.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        !self.differs.load(Ordering::Relaxed)
    }

    fn set_differs(&self) {
        self.differs.store(true, Ordering::Relaxed);
    }
}

impl Comparer {
    /// Compares with a file from its current position on.
    #[must_use]
    pub fn new(file: File) -> (Self, Comparison) {
        let comparison = Comparison { differs: Arc::default() };
        (Self { file: BufReader::new(file), comparison: comparison.clone() }, comparison)
    }
}

impl Write for Comparer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.comparison.is_equal() {
            let mut expected = vec![0; bytes.len()];
            match self.file.read_exact(&mut expected) {
                Ok(()) if expected == bytes => {}
                Ok(()) => self.comparison.set_differs(),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => self.comparison.set_differs(),
                Err(error) => return Err(error),
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Comparer {
    /// If the file has more bytes than were written, they differ.
    fn drop(&mut self) {
        if !matches!(self.file.read(&mut [0]), Ok(0)) {
            self.comparison.set_differs();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_equal(file: &[u8], written: &[&[u8]]) -> bool {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        std::fs::write(&path, file).unwrap();
        let (mut comparer, comparison) = Comparer::new(File::open(&path).unwrap());
        written.iter().for_each(|bytes| comparer.write_all(bytes).unwrap());
        drop(comparer);
        comparison.is_equal()
    }

    #[test]
    fn only_the_same_bytes_are_equal() {
        assert!(is_equal(b"", &[]));
        assert!(is_equal(b"abcd", &[b"ab", b"", b"cd"]));
        for written in [[b"ab", b"ce"], [b"xb", b"cd"]] {
            assert!(!is_equal(b"abcd", &written.map(|bytes| &bytes[..])));
        }
        assert!(!is_equal(b"abc", &[b"ab", b"cd"]), "more is written than the file has");
        assert!(!is_equal(b"abcde", &[b"ab", b"cd"]), "the file has more");
    }
}
