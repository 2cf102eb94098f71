/* The suite of SMTP's grammar: each file brings one group of tests and says how many failed. */
#ifndef TEST_SMTP_SUITE_H
#define TEST_SMTP_SUITE_H

int command_tests(void);
int reply_tests(void);
int dot_tests(void);

#endif
