/* What to publish; see records.h. */
#include "directory/records.h"

#include <stdio.h>
#include <string.h>

/* SRV records (RFC 6186, RFC 8314 5.1): what speaks TLS from the first byte comes first, and IMAP
 * before POP3. */
static size_t write_fixed(const struct directory_node *node, const char *domain,
                          struct directory_record *records)
{
    const struct {
        const char *type, *before, *text;
        unsigned priority, port;
    } wanted[] = {
        {"MX", "", "", 10, 0},
        {"TXT", "", "v=spf1 mx -all", 0, 0},
        {"TXT", "_dmarc.", "v=DMARC1; p=none", 0, 0},
        {"SRV", "_submissions._tcp.", "", 0, 465},
        {"SRV", "_submission._tcp.", "", 10, 587},
        {"SRV", "_imaps._tcp.", "", 0, 993},
        {"SRV", "_imap._tcp.", "", 10, 143},
        {"SRV", "_pop3s._tcp.", "", 20, 995},
        {"SRV", "_pop3._tcp.", "", 30, 110},
        {"SRV", "_autodiscover._tcp.", "", 0, 443},
    };
    size_t count = 0;
    for (; count < sizeof wanted / sizeof *wanted; count++) {
        struct directory_record *record = &records[count];
        record->type = wanted[count].type;
        snprintf(record->name, sizeof record->name, "%s%s", wanted[count].before, domain);
        if (strcmp(record->type, "MX") == 0)
            snprintf(record->value, sizeof record->value, "%u %s.", wanted[count].priority,
                     node->hostname);
        else if (strcmp(record->type, "SRV") == 0)
            snprintf(record->value, sizeof record->value, "%u 1 %u %s.", wanted[count].priority,
                     wanted[count].port + node->port_offset, node->hostname);
        else
            snprintf(record->value, sizeof record->value, "%s", wanted[count].text);
    }
    return count;
}

static int write_keys(const struct dkim_keys *keys, const char *domain,
                      struct directory_record *records, size_t *count)
{
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < keys->count && *count < DIRECTORY_RECORDS_MAX; i++) {
        struct directory_record *record = &records[*count];
        AUTO_BUFFER text = BUFFER(DKIM_RECORD_MAX);
        rc = dkim_key_record(keys->list[i].key, &text);
        record->type = "TXT";
        snprintf(record->name, sizeof record->name, "%s._domainkey.%s", keys->list[i].selector,
                 domain);
        if (rc == 0 && span_to_text(buffer_span(&text), record->value, sizeof record->value))
            (*count)++;
    }
    return rc;
}

int directory_co_records(struct directory *d, const struct directory_node *node, const char *domain,
                         struct directory_record ret_records[DIRECTORY_RECORDS_MAX],
                         size_t *ret_count)
{
    struct dkim_keys *keys = NULL;
    *ret_count = write_fixed(node, domain, ret_records);
    int rc = directory_co_dkim_make(d, span_of(domain));
    if (rc == 0) {
        directory_forget_dkim(d, domain);
        rc = directory_co_dkim_keys(d, domain, &keys);
    }
    if (rc)
        return rc;
    rc = write_keys(keys, domain, ret_records, ret_count);
    dkim_keys_release(keys);
    return rc;
}
