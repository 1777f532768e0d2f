//! A client that knows only enough HTTP to see what is on the wire.

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// An answer whose body is still coming.
pub(in crate::sim) struct Answer {
    pub(in crate::sim) status: u16,
    /// Lower case, one per line.
    pub(in crate::sim) head: String,
    stream: BufReader<TcpStream>,
    chunked: bool,
    length: Option<usize>,
    /// Decoded bytes that no one has taken yet.
    ready: Vec<u8>,
    ended: bool,
}

/// Asks, and reads the head of the answer.
pub(in crate::sim) async fn open(url: &str, path: &str, headers: &str) -> std::io::Result<Answer> {
    send(url, &format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{headers}\r\n")).await
}

/// Sends a request as it stands.
pub(in crate::sim) async fn send(url: &str, request: &str) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    let head = head.to_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")).map(|l| l.parse().unwrap());
    let chunked = head.contains("transfer-encoding: chunked");
    Ok(Answer { status, head, stream, chunked, length, ready: Vec::new(), ended: false })
}

/// Asks, and reads the whole answer.
pub(in crate::sim) async fn get(url: &str, path: &str) -> (u16, Value) {
    let mut answer = open(url, path, "").await.unwrap();
    let body = answer.body().await.unwrap();
    let text = String::from_utf8_lossy(&body);
    let value = text.parse().unwrap_or_else(|_| text.into_owned().into());
    (answer.status, value)
}

impl Answer {
    /// A header's value.
    pub(in crate::sim) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(": "))
    }

    /// Reads one more piece; `Ok(false)` at the proper end, an error when the answer is cut.
    pub(in crate::sim) async fn more(&mut self) -> std::io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        if self.chunked {
            let mut line = String::new();
            if self.stream.read_line(&mut line).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let size = usize::from_str_radix(line.trim(), 16).unwrap();
            let mut chunk = vec![0; size + 2];
            self.stream.read_exact(&mut chunk).await?;
            self.ready.extend_from_slice(&chunk[..size]);
            self.ended = size == 0;
        } else {
            let mut body = vec![0; self.length.unwrap()];
            self.stream.read_exact(&mut body).await?;
            self.ready = body;
            self.ended = true;
        }
        Ok(!self.ended || !self.ready.is_empty())
    }

    /// The rest of the body.
    pub(in crate::sim) async fn body(&mut self) -> std::io::Result<Vec<u8>> {
        while !self.ended {
            self.more().await?;
        }
        Ok(std::mem::take(&mut self.ready))
    }

    /// The body as far as it has come.
    pub(in crate::sim) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.ready)
    }

    /// Bytes of the body so far.
    pub(in crate::sim) fn received(&self) -> usize {
        self.ready.len()
    }

    /// The next event of a watch; `None` at its end.
    pub(in crate::sim) async fn event(&mut self) -> Option<Value> {
        loop {
            if let Some(at) = self.ready.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.ready.drain(..=at).collect();
                return Some(String::from_utf8(line).unwrap().parse().unwrap());
            }
            if !self.more().await.unwrap() {
                return None;
            }
        }
    }
}
