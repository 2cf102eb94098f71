/* What the files of the HTTP room's suite share. */
#ifndef TEST_HTTP_SUITE_H
#define TEST_HTTP_SUITE_H

int head_tests(void);
int chunk_tests(void);
int route_tests(void);
int form_tests(void);
int json_tests(void);

#endif
