/* The letter's suite: each file brings one group of tests and says how many failed. */
#ifndef TEST_MAIL_SUITE_H
#define TEST_MAIL_SUITE_H

int address_tests(void);
int header_tests(void);
int mime_tests(void);
int trace_tests(void);
int compose_tests(void);
int html_text_tests(void);
int decode_tests(void);
int envelope_tests(void);
int structure_tests(void);
int section_tests(void);
int modified_utf7_tests(void);
int text_tests(void);
int search_form_tests(void);
int message_id_tests(void);
int thread_tests(void);
int envelope_read_tests(void);

#endif
