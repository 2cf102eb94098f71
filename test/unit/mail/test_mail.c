/* The letter: addresses, header fields, MIME parts, trace fields, composing. */
#include "suite.h"

int main(void)
{
    return address_tests() + header_tests() + mime_tests() + trace_tests() + compose_tests() +
           html_text_tests() + decode_tests() + envelope_tests() + structure_tests() +
           section_tests() + modified_utf7_tests() + text_tests() + message_id_tests() +
           thread_tests() + envelope_read_tests() + search_form_tests();
}
