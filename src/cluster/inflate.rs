//! gzip on answers: requests it and decompresses the body while it comes.
//!
//! tower-http's layer would end the body at the end of the first gzip member, while RFC
//! 1952 (section 2.2) allows any number of members, and Kubernetes 1.37 sends one for each event of a watch. The reader
//! of the body limits the total; here no step produces more than about 4 MB.

use std::collections::VecDeque;
use std::io::Write;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, HeaderValue};
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use tower::{BoxError, Layer, Service};

/// Compressed bytes of one step: deflate expands a byte to at most 1032.
const STEP: usize = 4 << 10;

/// Puts an [`Inflate`] around a service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InflateLayer {
    /// Request gzip; an answer that is compressed without a request is decompressed all the same.
    pub(crate) request_gzip: bool,
}

impl<S> Layer<S> for InflateLayer {
    type Service = Inflate<S>;

    fn layer(&self, inner: S) -> Inflate<S> {
        Inflate { inner, request_gzip: self.request_gzip }
    }
}

/// Requests gzip unless the request names another encoding.
#[derive(Clone, Debug)]
pub(crate) struct Inflate<S> {
    inner: S,
    request_gzip: bool,
}

impl<S, Q, B> Service<Request<Q>> for Inflate<S>
where
    S: Service<Request<Q>, Response = Response<B>>,
    S::Future: Send + 'static,
{
    type Response = Response<Inflated<B>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Q>) -> Self::Future {
        if self.request_gzip {
            request.headers_mut().entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static("gzip"));
        }
        let answer = self.inner.call(request);
        Box::pin(async move {
            let (mut head, body) = answer.await?.into_parts();
            let packed = head.headers.get(CONTENT_ENCODING).is_some_and(|e| e.as_bytes().eq_ignore_ascii_case(b"gzip"));
            if packed {
                // These headers describe the compressed body.
                head.headers.remove(CONTENT_ENCODING);
                head.headers.remove(CONTENT_LENGTH);
            }
            Ok(Response::from_parts(head, Inflated { body, gzip: packed.then(Gzip::default) }))
        })
    }
}

/// A decompressed body.
#[derive(Debug)]
pub(crate) struct Inflated<B> {
    body: B,
    gzip: Option<Gzip>,
}

/// Error of compressed bytes that are not gzip, or are cut.
#[derive(Debug, thiserror::Error)]
#[error("the gzip data is {0}")]
pub(crate) struct BadGzip(&'static str);

impl<B> Body for Inflated<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let Some(gzip) = &mut this.gzip else {
            return Pin::new(&mut this.body).poll_frame(cx).map_err(Into::into);
        };
        loop {
            if let Some(plain) = gzip.next() {
                return Poll::Ready(Some(plain.map(Frame::data).map_err(Into::into)));
            }
            match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => gzip.packed.push_back(data),
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                None => return Poll::Ready(gzip.end().map(|error| Err(error.into()))),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        // The checksum is verified only after the last byte.
        self.gzip.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.gzip.is_none() { self.body.size_hint() } else { SizeHint::default() }
    }
}

/// gzip members, one after the other.
#[derive(Debug)]
struct Gzip {
    packed: VecDeque<Bytes>,
    decoder: MultiGzDecoder<Vec<u8>>,
    begun: bool,
    over: bool,
}

impl Default for Gzip {
    fn default() -> Self {
        Self { packed: VecDeque::new(), decoder: MultiGzDecoder::new(Vec::new()), begun: false, over: false }
    }
}

impl Gzip {
    /// Output of the next step over the available bytes; `None` if they give none.
    fn next(&mut self) -> Option<Result<Bytes, BadGzip>> {
        while let Some(front) = self.packed.front_mut().filter(|_| !self.over) {
            let step = front.split_to(front.len().min(STEP));
            if front.is_empty() {
                self.packed.pop_front();
            }
            self.begun |= !step.is_empty();
            if self.decoder.write_all(&step).and_then(|()| self.decoder.flush()).is_err() {
                self.over = true;
                return Some(Err(BadGzip("corrupt")));
            }
            let plain = std::mem::take(self.decoder.get_mut());
            if !plain.is_empty() {
                return Some(Ok(plain.into()));
            }
        }
        None
    }

    /// Ends the body: an error if its last member is cut. An empty body (of an error answer) was never compressed.
    fn end(&mut self) -> Option<BadGzip> {
        let whole = self.over || !self.begun || self.decoder.try_finish().is_ok();
        self.over = true;
        (!whole).then_some(BadGzip("cut short"))
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use http_body_util::{BodyExt, Full, StreamBody};
    use tower::ServiceExt;

    use super::*;

    fn member(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    /// The body that the reader gets of `packed` in chunks of `size`; and the largest piece of it.
    async fn read(packed: &[u8], size: usize) -> Result<(Vec<u8>, usize), BoxError> {
        let chunks: Vec<Result<Frame<Bytes>, BoxError>> =
            packed.chunks(size).map(|chunk| Ok(Frame::data(Bytes::copy_from_slice(chunk)))).collect();
        let mut body = Inflated { body: StreamBody::new(tokio_stream::iter(chunks)), gzip: Some(Gzip::default()) };
        let (mut plain, mut largest) = (Vec::new(), 0);
        while let Some(frame) = body.frame().await {
            let data = frame?.into_data().unwrap();
            largest = largest.max(data.len());
            plain.extend_from_slice(&data);
        }
        Ok((plain, largest))
    }

    #[tokio::test]
    async fn members_come_out_as_one_body_however_they_are_cut() {
        let texts: Vec<Vec<u8>> = (0..20_u8).map(|n| vec![b'a' + n; 100 * usize::from(n)]).collect();
        let packed: Vec<u8> = texts.iter().flat_map(|text| member(text)).collect();
        for size in [1, 2, 9, 10, 17, 64, 1000, packed.len()] {
            assert_eq!(read(&packed, size).await.unwrap().0, texts.concat(), "chunks of {size}");
        }
    }

    #[tokio::test]
    async fn every_cut_and_every_flipped_byte_is_an_error_and_never_a_short_body() {
        let text = b"one two three four five six seven eight nine ten".repeat(4);
        let packed = [member(&text), member(b"the end")].concat();
        let first = member(&text).len();
        for end in (1..packed.len()).filter(|end| *end != first) {
            assert!(read(&packed[..end], 7).await.is_err(), "cut after {end} bytes");
        }
        // A header carries a time and the name of a system, which nothing proves: 10 bytes each.
        for at in (10..first).chain(first + 10..packed.len()) {
            let mut broken = packed.clone();
            broken[at] ^= 0x55;
            assert!(read(&broken, 7).await.is_err(), "byte {at} flipped");
        }
        let error = read(b"no gzip at all", 3).await.unwrap_err();
        assert_eq!(error.to_string(), "the gzip data is corrupt");
        assert_eq!(read(&packed[..40], 3).await.unwrap_err().to_string(), "the gzip data is cut short");
    }

    #[tokio::test]
    async fn a_bomb_comes_in_pieces_that_the_reader_can_refuse() {
        let packed = member(&vec![0; 64 << 20]);
        let (plain, largest) = read(&packed, packed.len()).await.unwrap();
        assert_eq!(plain.len(), 64 << 20);
        assert!(largest <= STEP * 1032 + (64 << 10), "{largest} bytes at once");
    }

    #[tokio::test]
    async fn what_comes_plain_or_empty_stays_as_it_is_and_a_wish_is_not_overruled() {
        let service = tower::service_fn(|request: Request<()>| async move {
            let accepted = request.headers().get(ACCEPT_ENCODING).map(|accepted| accepted.to_str().unwrap().to_owned());
            let empty = request.uri().path() == "/empty";
            let mut answer =
                Response::new(Full::new(Bytes::from(if empty { String::new() } else { format!("{accepted:?}") })));
            if empty {
                answer.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
            Ok::<_, BoxError>(answer)
        });
        for (request_gzip, accepted, path, says) in [
            (true, None, "/", "Some(\"gzip\")"),
            (true, Some("identity"), "/", "Some(\"identity\")"),
            (false, None, "/", "None"),
            (true, None, "/empty", ""),
        ] {
            let mut request = Request::get(path);
            if let Some(accepted) = accepted {
                request = request.header(ACCEPT_ENCODING, accepted);
            }
            let answer = InflateLayer { request_gzip }.layer(service).oneshot(request.body(()).unwrap()).await.unwrap();
            assert!(!answer.headers().contains_key(CONTENT_ENCODING));
            assert_eq!(
                answer.into_body().collect().await.unwrap().to_bytes(),
                says,
                "{request_gzip} {accepted:?} {path}"
            );
        }
    }
}
