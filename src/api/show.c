// SPDX-License-Identifier: Apache-2.0
#include "api/show.h"

void api_show_row(struct api_out *out, const struct record_row *row, struct str receiver)
{
    char id[RECORD_ID_SIZE];
    bool is_over = row->state != RECORD_WAITING && row->state != RECORD_DELIVERING;
    record_id_format(row->id, id);
    api_out_member_c(out, "id", id);
    api_out_member(out, "receiver", receiver);
    api_out_member(out, "source", row->source);
    api_out_member(out, "type", row->type);
    api_out_member(out, "txNo", row->tx_no);
    api_out_member_c(out, "state", record_state_text(row->state));
    if (is_over && row->reason != RECORD_REASON_NONE) {
        api_out_member_c(out, "reason", record_reason_text(row->reason));
    }
    api_out_member_number(out, "attempts", row->attempts);
    api_out_member_number(out, "acceptedAt", row->accepted_ms);
    api_out_member_number_if(out, "firstAttemptAt", row->first_ms);
    if (is_over) {
        api_out_member_number_if(out, "finishedAt", row->finished_ms);
    } else {
        api_out_member_number(out, "dueAt", row->due_ms);
    }
}

void api_show_headers(struct api_out *out, struct str lines)
{
    struct str name;
    struct str value;
    api_out_key(out, "headers");
    api_out_open(out, '{');
    while (receiver_headers_next(&lines, &name, &value)) {
        api_out_key_text(out, name);
        api_out_text(out, value);
    }
    api_out_close(out, '}');
}

static void show_phase(struct api_out *out, const char *key, int64_t us)
{
    if (us >= 0) {
        api_out_member_number(out, key, us);
    }
}

static void show_phases(struct api_out *out, int64_t dns, int64_t connect, int64_t tls,
                        int64_t first, int64_t total)
{
    api_out_key(out, "phases");
    api_out_open(out, '{');
    show_phase(out, "dns", dns);
    show_phase(out, "connect", connect);
    show_phase(out, "tls", tls);
    show_phase(out, "firstByte", first);
    show_phase(out, "total", total);
    api_out_close(out, '}');
}

void api_show_attempt(struct api_out *out, const struct record_attempt *attempt)
{
    const char *class = notify_class_text(attempt->error_class);
    api_out_open(out, '{');
    api_out_member_number(out, "number", attempt->number);
    api_out_member_number(out, "begunAt", attempt->begun_ms);
    api_out_member_number_if(out, "status", attempt->http_status);
    api_out_member_c(out, "errorClass", class != NULL ? class : "unknown");
    api_out_member_if(out, "error", attempt->error);
    api_out_member_if(out, "reply", attempt->reply);
    api_out_member_number_if(out, "nextDueAt", attempt->next_due_ms);
    show_phases(out, attempt->dns_us, attempt->connect_us, attempt->tls_us, attempt->first_byte_us,
                attempt->total_us);
    api_out_close(out, '}');
}

void api_show_tested(struct api_out *out, const struct notify_tested *tested, int64_t begun_ms)
{
    const struct http_result *result = tested->result;
    struct str reply = result->reply;
    const char *why = tested->taken ? "" : result->error[0] != '\0' ? result->error : tested->why;
    reply.len = reply.len > 4096 ? 4096 : reply.len; // as much as is kept of an attempt
    api_out_open(out, '{');
    api_out_member_bool(out, "taken", tested->taken);
    api_out_member_number(out, "begunAt", begun_ms);
    api_out_member_number_if(out, "status", result->status);
    api_out_member_c(out, "errorClass", http_failure_text(result->failure));
    api_out_member_if(out, "error", str_of(why));
    api_out_member_if(out, "reply", reply);
    show_phases(out, result->dns_us, result->connect_us, result->tls_us, result->first_byte_us,
                result->total_us);
    api_out_close(out, '}');
}

static void show_breaker(struct api_out *out, const struct notify_receiver_view *view)
{
    api_out_key(out, "breaker");
    api_out_open(out, '{');
    api_out_member_bool(out, "open", view->breaker_open);
    api_out_member_number(out, "failures", view->failures);
    if (view->breaker_open) {
        api_out_member_number_if(out, "nextProbeAt", view->next_probe_ms);
    }
    api_out_close(out, '}');
}

static void show_settings(struct api_out *out, const struct receiver_settings *settings)
{
    struct tidings_error err = { 0 };
    api_out_key(out, "settings");
    api_out_json(out, STR(""));
    if (out->status == TIDINGS_OK) {
        out->status = receiver_settings_show(settings, out->buf, &err);
    }
}

void api_show_receiver(struct api_out *out, const struct notify_receiver_view *view)
{
    api_out_open(out, '{');
    api_out_member_c(out, "name", view->name);
    api_out_member_number(out, "version", view->version);
    api_out_member_number(out, "changedAt", view->changed_ms);
    api_out_member_c(out, "state", notify_receiver_state_text(view->state));
    api_out_member_if(out, "stateReason", str_of(view->state_reason));
    show_settings(out, view->settings);
    api_out_member_number(out, "waiting", view->waiting);
    api_out_member_number(out, "inFlight", view->in_flight);
    if (view->next_due_ms != INT64_MAX) {
        api_out_member_number(out, "nextDueAt", view->next_due_ms);
    }
    api_out_member_number_if(out, "slowUntil", view->slow_until_ms);
    show_breaker(out, view);
    api_out_close(out, '}');
}

static const char *job_state_text(enum record_job_state state)
{
    return state == RECORD_JOB_RUNNING ? "running"
           : state == RECORD_JOB_DONE  ? "done"
                                       : "cancelled";
}

void api_show_job(struct api_out *out, const struct record_job *job, struct str receiver,
                  struct str ladder)
{
    const struct record_filter *filter = &job->filter;
    api_out_open(out, '{');
    api_out_member_number(out, "job", job->id);
    api_out_member_c(out, "state", job_state_text(job->state));
    api_out_key(out, "filter");
    api_out_open(out, '{');
    api_out_member_if(out, "receiver", receiver);
    if (filter->state != 0) {
        api_out_member_c(out, "state", record_state_text(filter->state));
    }
    if (filter->reason != RECORD_REASON_NONE) {
        api_out_member_c(out, "reason", record_reason_text(filter->reason));
    }
    api_out_member_if(out, "source", filter->source);
    api_out_member_if(out, "type", filter->type);
    api_out_member_number_if(out, "acceptedFrom", filter->from_ms);
    api_out_member_number_if(out, "acceptedTo", filter->to_ms);
    api_out_member_if(out, "ladder", ladder);
    api_out_close(out, '}');
    api_out_member_number(out, "looked", job->looked);
    api_out_member_number(out, "redelivered", job->redelivered);
    api_out_member_number(out, "refused", job->refused);
    api_out_member_number(out, "createdAt", job->created_ms);
    api_out_member_number(out, "changedAt", job->changed_ms);
    api_out_close(out, '}');
}
