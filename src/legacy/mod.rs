//! The `GET /` of earlier frameworks: `OK` or `SADNESS`, and body formats of that time.
