/*
 * How the writer's log is written: SQLite writes each frame of its write-ahead log in two pieces, a
 * header of 24 bytes and a page; this VFS gathers what is contiguous and writes it as one.
 *
 * Nothing is promised before xSync, which SQLite calls for every commit (synchronous=FULL) before
 * others may see the frames, and which writes what was gathered first. What cannot be written stays
 * gathered and is tried again: a later write at another place never overtakes it. All other files
 * are the default VFS's own. Private to the SQLite engine.
 */
#ifndef STORE_SQLITE_LOG_H
#define STORE_SQLITE_LOG_H

/* The VFS's name for sqlite3_open_v2, registered on first use; NULL (the default VFS) when that
 * fails. */
const char *sqlite_log_vfs(void);

#endif
