/*
 * Reading ahead in the database: while it is on, a connection that reads an inner page of an index
 * has the kernel fetch all pages below it at once. Rows that lie side by side in a table lie far
 * apart in the file, between the bodies that came with them; read one by one, each waits for the
 * disk by itself. Private to the SQLite engine.
 */
#ifndef STORE_SQLITE_AHEAD_H
#define STORE_SQLITE_AHEAD_H

#include <sqlite3.h>

/* For one job of this thread; what the connection remembers of the file is forgotten first. fd: the
 * database, open for reading; it is not closed while any connection of the process is open, as that
 * would drop the locks SQLite holds on the file. */
void sqlite_ahead_begin(sqlite3 *db, int fd);
void sqlite_ahead_end(sqlite3 *db);

#endif
