//! Posts each change to a URL.
