//! The import module "tiphys" for Rust: `#[path = "…/tiphys.rs"] mod tiphys;`. What the numbers mean
//! stands in tiphys.h.
#![allow(dead_code)]

mod raw {
    #[link(wasm_import_module = "tiphys")]
    extern "C" {
        pub fn http_open(
            method: *const u8, method_size: usize, url: *const u8, url_size: usize,
            headers: *const u8, headers_size: usize, body_size: u64, flags: u32, handle: *mut u32,
        ) -> u32;
        pub fn send(handle: u32, bytes: *const u8, size: usize) -> u32;
        pub fn http_answer(handle: u32, status: *mut u32) -> u32;
        pub fn http_headers(handle: u32, buffer: *mut u8, room: usize, size: *mut usize) -> u32;
        pub fn receive(handle: u32, buffer: *mut u8, room: usize, size: *mut usize) -> u32;
        pub fn close(handle: u32) -> u32;
        pub fn kv_get(
            key: *const u8, key_size: usize, buffer: *mut u8, room: usize, size: *mut usize,
        ) -> u32;
        pub fn kv_put(key: *const u8, key_size: usize, value: *const u8, value_size: usize) -> u32;
        pub fn kv_delete(key: *const u8, key_size: usize) -> u32;
        pub fn kv_list(
            prefix: *const u8, prefix_size: usize, after: *const u8, after_size: usize,
            buffer: *mut u8, room: usize, size: *mut usize,
        ) -> u32;
        pub fn blob_get(
            bucket: *const u8, bucket_size: usize, key: *const u8, key_size: usize, size: *mut u64,
            handle: *mut u32,
        ) -> u32;
        pub fn blob_put(
            bucket: *const u8, bucket_size: usize, key: *const u8, key_size: usize, handle: *mut u32,
        ) -> u32;
        pub fn blob_finish(handle: u32) -> u32;
        pub fn blob_delete(
            bucket: *const u8, bucket_size: usize, key: *const u8, key_size: usize,
        ) -> u32;
        pub fn blob_list(
            bucket: *const u8, bucket_size: usize, prefix: *const u8, prefix_size: usize,
            after: *const u8, after_size: usize, buffer: *mut u8, room: usize, size: *mut usize,
        ) -> u32;
        pub fn socket(name: *const u8, name_size: usize, fd: *mut u32) -> u32;
        pub fn failure(buffer: *mut u8, room: usize, size: *mut usize) -> u32;
    }
}

/// A call that failed: the WASI errno, and the broker's sentence about it.
#[derive(Debug)]
pub struct Failure {
    pub errno: u32,
    pub sentence: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{} (errno {})", self.sentence, self.errno)
    }
}

impl std::error::Error for Failure {}

const NOBUFS: u32 = 42;
const FOLLOW: u32 = 1;

fn check(errno: u32) -> Result<(), Failure> {
    if errno == 0 {
        return Ok(());
    }
    let mut text = vec![0; 1024];
    let mut size = 0;
    let told = unsafe { raw::failure(text.as_mut_ptr(), text.len(), &mut size) };
    text.truncate(if told == 0 { size } else { 0 });
    Err(Failure { errno, sentence: String::from_utf8_lossy(&text).into_owned() })
}

/// A value that a step of the workflow has kept.
pub fn kv_get(key: &str) -> Result<Vec<u8>, Failure> {
    let mut value = vec![0; 64 << 10];
    let mut size = 0;
    check(unsafe {
        raw::kv_get(key.as_ptr(), key.len(), value.as_mut_ptr(), value.len(), &mut size)
    })?;
    value.truncate(size);
    Ok(value)
}

/// Keeps a value of up to 64 KiB.
pub fn kv_put(key: &str, value: &[u8]) -> Result<(), Failure> {
    check(unsafe { raw::kv_put(key.as_ptr(), key.len(), value.as_ptr(), value.len()) })
}

pub fn kv_delete(key: &str) -> Result<(), Failure> {
    check(unsafe { raw::kv_delete(key.as_ptr(), key.len()) })
}

/// All keys that begin with the prefix, in the order of their bytes.
pub fn kv_list(prefix: &str) -> Result<Vec<String>, Failure> {
    list(|after, buffer, size| unsafe {
        raw::kv_list(
            prefix.as_ptr(), prefix.len(), after.as_ptr(), after.len(), buffer.as_mut_ptr(),
            buffer.len(), size,
        )
    })
}

/// `ask(after, buffer, size)` gets the keys behind `after`, as many as fit.
fn list(ask: impl Fn(&[u8], &mut [u8], &mut usize) -> u32) -> Result<Vec<String>, Failure> {
    let mut keys: Vec<String> = Vec::new();
    // The bytes of the last one, which need not be text: what it is shown as may stand before it.
    let mut last: Vec<u8> = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let mut size = 0;
        check(ask(&last, &mut buffer, &mut size))?;
        if size == 0 {
            return Ok(keys);
        }
        // Each is ended by a NUL.
        for key in buffer[..size - 1].split(|byte| *byte == 0) {
            keys.push(String::from_utf8_lossy(key).into_owned());
            last = key.to_vec();
        }
    }
}

/// How long the body of a request is.
pub enum Body {
    None,
    Sized(u64),
    Streamed,
}

/// A request that has begun; its answer is read by `std::io::Read`, its body sent by
/// `std::io::Write`.
pub struct Request {
    handle: u32,
}

impl Request {
    /// `headers` are `Name: value` lines.
    pub fn open(method: &str, url: &str, headers: &str, body: Body) -> Result<Request, Failure> {
        let size = match body {
            Body::None => 0,
            Body::Sized(size) => size,
            Body::Streamed => u64::MAX,
        };
        let mut handle = 0;
        check(unsafe {
            raw::http_open(
                method.as_ptr(), method.len(), url.as_ptr(), url.len(), headers.as_ptr(),
                headers.len(), size, FOLLOW, &mut handle,
            )
        })?;
        Ok(Request { handle })
    }

    /// Ends the body and waits for the status.
    pub fn answer(&mut self) -> Result<u32, Failure> {
        let mut status = 0;
        check(unsafe { raw::http_answer(self.handle, &mut status) })?;
        Ok(status)
    }

    /// The answer's headers as `name:value` lines, names in lower case.
    pub fn headers(&mut self) -> Result<String, Failure> {
        let mut size = 0;
        let errno = unsafe { raw::http_headers(self.handle, std::ptr::null_mut(), 0, &mut size) };
        if errno != NOBUFS {
            check(errno)?;
        }
        let mut text = vec![0; size];
        check(unsafe { raw::http_headers(self.handle, text.as_mut_ptr(), size, &mut size) })?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

fn io_error(failure: Failure) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::Other, failure)
}

/// Of any handle.
fn receive(handle: u32, buffer: &mut [u8]) -> std::io::Result<usize> {
    if buffer.is_empty() {
        return Ok(0);
    }
    let mut size = 0;
    check(unsafe { raw::receive(handle, buffer.as_mut_ptr(), buffer.len(), &mut size) })
        .map_err(io_error)?;
    Ok(size)
}

fn send(handle: u32, bytes: &[u8]) -> std::io::Result<usize> {
    check(unsafe { raw::send(handle, bytes.as_ptr(), bytes.len()) }).map_err(io_error)?;
    Ok(bytes.len())
}

impl std::io::Read for Request {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        receive(self.handle, buffer)
    }
}

impl std::io::Write for Request {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        send(self.handle, bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        unsafe { raw::close(self.handle) };
    }
}

/// An object of a store, read by `std::io::Read`.
pub struct Object {
    handle: u32,
    size: u64,
}

impl Object {
    pub fn open(bucket: &str, key: &str) -> Result<Object, Failure> {
        let (mut handle, mut size) = (0, 0);
        check(unsafe {
            raw::blob_get(
                bucket.as_ptr(), bucket.len(), key.as_ptr(), key.len(), &mut size, &mut handle,
            )
        })?;
        Ok(Object { handle, size })
    }

    /// In bytes.
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl std::io::Read for Object {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        receive(self.handle, buffer)
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        unsafe { raw::close(self.handle) };
    }
}

/// An object that is being written, by `std::io::Write`. There is none before `finish`.
pub struct NewObject {
    handle: u32,
}

impl NewObject {
    pub fn create(bucket: &str, key: &str) -> Result<NewObject, Failure> {
        let mut handle = 0;
        check(unsafe {
            raw::blob_put(bucket.as_ptr(), bucket.len(), key.as_ptr(), key.len(), &mut handle)
        })?;
        Ok(NewObject { handle })
    }

    /// Stores what was written.
    pub fn finish(self) -> Result<(), Failure> {
        check(unsafe { raw::blob_finish(self.handle) })
    }
}

impl std::io::Write for NewObject {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        send(self.handle, bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Drop for NewObject {
    fn drop(&mut self) {
        unsafe { raw::close(self.handle) };
    }
}

/// Also when there is none.
pub fn blob_delete(bucket: &str, key: &str) -> Result<(), Failure> {
    check(unsafe { raw::blob_delete(bucket.as_ptr(), bucket.len(), key.as_ptr(), key.len()) })
}

/// All keys that begin with the prefix, in the order of their bytes.
pub fn blob_list(bucket: &str, prefix: &str) -> Result<Vec<String>, Failure> {
    list(|after, buffer, size| unsafe {
        raw::blob_list(
            bucket.as_ptr(), bucket.len(), prefix.as_ptr(), prefix.len(), after.as_ptr(),
            after.len(), buffer.as_mut_ptr(), buffer.len(), size,
        )
    })
}

/// A connection that the policy lists, read and written by `std::io`.
pub struct Connection {
    file: std::fs::File,
}

impl Connection {
    /// By its name in the policy, "host:port".
    pub fn find(name: &str) -> Result<Connection, Failure> {
        use std::os::wasi::io::FromRawFd;
        let mut fd = 0;
        check(unsafe { raw::socket(name.as_ptr(), name.len(), &mut fd) })?;
        Ok(Connection { file: unsafe { std::fs::File::from_raw_fd(fd as _) } })
    }
}

impl std::io::Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.file.read(buffer)
    }
}

impl std::io::Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}
