/*
 * What to publish about a domain of ours: MX, SPF, DMARC, the keys it signs with, where programs
 * find the servers. The command line, and the providers' doors, show it.
 */
#ifndef DIRECTORY_RECORDS_H
#define DIRECTORY_RECORDS_H

#include "directory/directory.h"

#define DIRECTORY_RECORDS_MAX 16

struct directory_record {
    const char *type; /* "MX", "TXT", "SRV" */
    char name[300];   /* without the last dot */
    char value[600];  /* "10 mail.example.net.", a text, … */
};
/* The node that serves the domain. */
struct directory_node {
    const char *hostname;
    unsigned port_offset;
};
/* Signing keys are made now for a domain that has none yet. domain is folded. Yields. */
must_check int directory_co_records(struct directory *d, const struct directory_node *node,
                                    const char *domain,
                                    struct directory_record ret_records[DIRECTORY_RECORDS_MAX],
                                    size_t *ret_count);

#endif
