/* The tables of the door for applications: templates, their versions, batches. */
#ifndef SUBMIT_SCHEMA_H
#define SUBMIT_SCHEMA_H

#include "store/db.h"

extern const struct db_schema submit_schema;

#endif
