/*
 * Letters that applications submit by SMTP: each dialect reads its own fields in them, and all end
 * in submit_co_send as those of HTTP do.
 */
#ifndef API_SUBMISSION_H
#define API_SUBMISSION_H

#include "api/api.h"
#include "smtpd/server.h"

/* For smtpd_settings.co_take_over; arg is the struct api. Yields. */
void submission_co_take_over(void *arg, const struct smtpd_handover *handover,
                             struct smtpd_verdict *ret_verdict);

/* For the dialects: the letter as it is, to the recipients of the envelope. change may set batch,
 * due_ms, meta and raw of the send before it goes; NULL: nothing. 0, or what submit_co_send gave.
 * Yields. */
must_check int submission_co_send_raw(const struct api *api, const struct smtpd_handover *handover,
                                      const struct send *change, struct send_result *ret_result);
void ses_smtp_co_take_over(const struct api *api, const struct smtpd_handover *handover,
                           struct smtpd_verdict *ret_verdict);
/* What a result means in SMTP; rc is submit_co_send's. A dialect writes its own words over it. */
void submission_judge(int rc, const struct send_result *result, struct smtpd_verdict *ret_verdict);

/* The dialects' own. Yield. */
void sendgrid_smtp_co_take_over(const struct api *api, const struct smtpd_handover *handover,
                                struct smtpd_verdict *ret_verdict); /* sendgrid_smtpapi.c */
void mailgun_smtp_co_take_over(const struct api *api, const struct smtpd_handover *handover,
                               struct smtpd_verdict *ret_verdict); /* mailgun_letter.c */
void smtpcom_smtp_co_take_over(const struct api *api, const struct smtpd_handover *handover,
                               struct smtpd_verdict *ret_verdict); /* smtpcom_send.c */

#endif
