//! Writes the history of the runs into a database.
