/*
 * The tables of the door for applications; see schema.h.
 *
 * Which version of a template is active stands in the template's row, so that there is one at most
 * and a change of it does not write bodies again. In a version's row the bodies come last: who
 * reads the columns before them does not touch their pages.
 */
#include "submit/schema.h"

static const struct db_migration migrations[] = {
    {1, "CREATE TABLE submit_template (tenant {id} NOT NULL, id {id} NOT NULL,"
        " space {text} NOT NULL, name {text} NOT NULL, title {text} NOT NULL, active {id} NOT NULL,"
        " created_ms {int} NOT NULL, updated_ms {int} NOT NULL, meta {bytes} NOT NULL,"
        " PRIMARY KEY (tenant, id)) {rowid};\n"
        "CREATE UNIQUE INDEX submit_template_name ON submit_template (tenant, space, name);\n"
        "CREATE TABLE submit_version (tenant {id} NOT NULL, template {id} NOT NULL,"
        " id {id} NOT NULL, tag {text} NOT NULL, title {text} NOT NULL, created_ms {int} NOT NULL,"
        " updated_ms {int} NOT NULL, subject {bytes} NOT NULL, meta {bytes} NOT NULL,"
        " test_data {bytes} NOT NULL, text {bytes} NOT NULL, html {bytes} NOT NULL,"
        " amp {bytes} NOT NULL, PRIMARY KEY (tenant, template, id)) {rowid};\n"
        "CREATE UNIQUE INDEX submit_version_tag ON submit_version (tenant, template, tag);\n"
        "CREATE TABLE submit_batch (tenant {id} NOT NULL, id {text} NOT NULL,"
        " state {int} NOT NULL, created_ms {int} NOT NULL, PRIMARY KEY (tenant, id)) {rowid};\n"
        "CREATE INDEX submit_batch_state ON submit_batch (tenant, state, created_ms);\n"},
    {2, "CREATE TABLE send_key (tenant {id} NOT NULL, name {bytes} NOT NULL,"
        " request {bytes} NOT NULL, letter {id} NOT NULL, created_ms {int} NOT NULL,"
        " PRIMARY KEY (tenant, name)) {rowid};\n"
        "CREATE INDEX send_key_created ON send_key (tenant, created_ms);\n"
        "CREATE TABLE send_use (tenant {id} NOT NULL, hour {int} NOT NULL,"
        " recipients {int} NOT NULL, PRIMARY KEY (tenant, hour)) {rowid};\n"
        "CREATE TABLE send_message (tenant {id} NOT NULL, id {id} NOT NULL,"
        " api_key {id} NOT NULL, source {text} NOT NULL, recipients {int} NOT NULL,"
        " meta {text} NOT NULL, PRIMARY KEY (tenant, id)) {rowid};\n"},
};
const struct db_schema submit_schema = {"submit", migrations, 2};
