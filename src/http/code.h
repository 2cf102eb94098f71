/*
 * Refusals travel as codes: a negative number that carries an HTTP status (RFC 9110 15).
 *
 * Functions of this room, and handlers, return HTTP_CODE(413) where another room returns -EMSGSIZE;
 * the session turns it into the answer, in the words of the dialect that was asked.
 */
#ifndef HTTP_CODE_H
#define HTTP_CODE_H

#define HTTP_CODE(status)  (-4000 - (status))
#define HTTP_STATUS(code)  (-4000 - (code))
#define HTTP_IS_CODE(code) ((code) <= HTTP_CODE(100) && (code) >= HTTP_CODE(599))

/* "Not Found"; "Unknown" for what has no name here. */
const char *http_status_name(int status);

#endif
