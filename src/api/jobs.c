// SPDX-License-Identifier: Apache-2.0
// Redelivery of many: jobs of the notifier; shown as the record has them.
#include "api/names.h"
#include "api/private.h"
#include "api/show.h"
#include "base/num.h"

enum { ROOM_MAX = 16 * 1024 };

struct job_call {
    struct record_filter filter;
    struct str receiver; // name; "" = all
    struct str ladder;
    int64_t job;
    int64_t limit;
    int http_status;
};

static struct job_call *new_job_call(struct api_call *call, int http_status)
{
    struct job_call *state = api_pool_zeroed(&call->pool, sizeof *state);
    if (state == NULL) {
        (void)api_call_failed(call, NULL, TIDINGS_E_NO_MEMORY, NULL);
        return NULL;
    }
    state->http_status = http_status;
    state->limit = API_LIMIT_DEFAULT;
    call->state = state;
    return state;
}

// ---- shown, on the reading thread ----
static tidings_status show(struct api_out *out, struct record *record, struct api_names *names,
                           const struct record_job *job, struct tidings_error *err)
{
    struct str receiver = STR("");
    struct buf ladder;
    tidings_status status = TIDINGS_OK;
    buf_init(&ladder, RECORD_LADDER_MAX + 1);
    if (job->filter.receiver_id != 0) {
        status = api_names_get(names, job->filter.receiver_id, &receiver, err);
    }
    if (status == TIDINGS_OK && job->ladder_id != 0) {
        status = record_ladder_get(record, job->ladder_id, &ladder, err);
    }
    if (status == TIDINGS_OK) {
        api_show_job(out, job, receiver, buf_str(&ladder));
    }
    buf_deinit(&ladder);
    return status;
}

static tidings_status get_job(struct api_call *call, struct record *record, struct api_names *names,
                              struct buf *room, struct tidings_error *err)
{
    const struct job_call *state = call->state;
    struct record_job job;
    tidings_status status = record_job_get(record, state->job, room, &job, err);
    if (status == TIDINGS_E_NOT_FOUND) {
        error_clear(err);
        (void)api_call_problem(call, API_PROBLEM_NOT_FOUND, "job", "no such job");
        return TIDINGS_OK;
    }
    if (status == TIDINGS_OK) {
        struct api_out out = api_call_json(call, state->http_status);
        status = show(&out, record, names, &job, err);
        api_call_end(call, &out);
    }
    return status;
}

static tidings_status run_get(struct api_call *call, struct record *record,
                              struct tidings_error *err)
{
    struct buf room;
    struct api_names *names = api_names_new(record);
    buf_init(&room, ROOM_MAX);
    tidings_status status = names != NULL ? get_job(call, record, names, &room, err)
                                          : error_set(err, TIDINGS_E_NO_MEMORY, "out of memory");
    buf_deinit(&room);
    api_names_free(names);
    return status;
}

static bool read_number(struct api_call *call, struct job_call *state)
{
    if (num_parse_i64(call->param, 1, INT64_MAX, &state->job)) {
        return true;
    }
    (void)api_call_problem(call, API_PROBLEM_NOT_FOUND, "job", "no such job");
    return false;
}

enum api_turn api_handle_job_get(struct api_call *call)
{
    struct job_call *state = new_job_call(call, 200);
    return state != NULL && read_number(call, state) ? api_call_on_reader(call, run_get) : API_NOW;
}

// ---- many ----
struct jobs {
    struct record_job *jobs;
    size_t count;
    size_t max;
    struct api_pool pool;
    bool is_short; // of memory
};

static struct str keep(struct jobs *jobs, struct str text)
{
    if (text.ptr == NULL) {
        return text;
    }
    char *copy = api_pool_take(&jobs->pool, text.len + 1);
    if (copy == NULL) {
        jobs->is_short = true;
        return STR("");
    }
    (void)str_copy(copy, text.len + 1, text);
    return str_make(copy, text.len);
}

static void each_job(void *arg, const struct record_job *job)
{
    struct jobs *jobs = arg;
    if (jobs->count < jobs->max) {
        struct record_job *kept = &jobs->jobs[jobs->count++];
        *kept = *job;
        kept->filter.source = keep(jobs, job->filter.source);
        kept->filter.type = keep(jobs, job->filter.type);
        kept->filter.tx_no = keep(jobs, job->filter.tx_no);
    }
}

static tidings_status write_jobs(struct api_call *call, struct record *record,
                                 struct api_names *names, const struct jobs *jobs,
                                 struct tidings_error *err)
{
    struct api_out out = api_call_json(call, 200);
    tidings_status status = TIDINGS_OK;
    api_out_open(&out, '{');
    api_out_key(&out, "items");
    api_out_open(&out, '[');
    for (size_t i = 0; i < jobs->count && status == TIDINGS_OK; i++) {
        status = show(&out, record, names, &jobs->jobs[i], err);
    }
    api_out_close(&out, ']');
    if (jobs->count == jobs->max && jobs->jobs[jobs->count - 1].id > 1) {
        api_out_cursor(&out, API_CURSOR_JOBS,
                       &(struct api_cursor){ .number = jobs->jobs[jobs->count - 1].id });
    }
    api_out_close(&out, '}');
    api_call_end(call, &out);
    return status;
}

static tidings_status run_list(struct api_call *call, struct record *record,
                               struct tidings_error *err)
{
    const struct job_call *state = call->state;
    struct jobs jobs = { .max = (size_t)state->limit };
    struct api_names *names = api_names_new(record);
    api_pool_init(&jobs.pool, NULL, 0);
    jobs.jobs = api_pool_take(&jobs.pool, jobs.max * sizeof *jobs.jobs);
    tidings_status status =
        names != NULL && jobs.jobs != NULL
            ? record_job_list(record, state->job, jobs.max, each_job, &jobs, err)
            : error_set(err, TIDINGS_E_NO_MEMORY, "out of memory");
    if (status == TIDINGS_OK) {
        status = jobs.is_short ? error_set(err, TIDINGS_E_NO_MEMORY, "out of memory")
                               : write_jobs(call, record, names, &jobs, err);
    }
    api_pool_deinit(&jobs.pool);
    api_names_free(names);
    return status;
}

enum api_turn api_handle_job_list(struct api_call *call)
{
    struct api_cursor cursor = { .number = 0 };
    struct job_call *state = new_job_call(call, 200);
    if (state == NULL || !api_query_number(call, "limit", 1, API_LIMIT_MAX, &state->limit) ||
        !api_query_cursor(call, API_CURSOR_JOBS, &cursor)) {
        return API_NOW;
    }
    state->job = cursor.number;
    return api_call_on_reader(call, run_list);
}

// ---- start and cancel, on the loop ----
static void started(void *arg, tidings_status status, int64_t job, const struct tidings_error *err)
{
    struct api_call *call = arg;
    struct job_call *state = call->state;
    if (status != TIDINGS_OK) {
        (void)api_call_failed(call, NULL, status, err);
        api_call_answer(call);
        return;
    }
    state->job = job;
    (void)api_call_on_reader(call, run_get);
}

static void start_on_loop(struct api_call *call)
{
    struct job_call *state = call->state;
    struct notify *notify = call->api->options.notify;
    struct notify_receiver_view view;
    struct tidings_error err = { 0 };
    tidings_status status = TIDINGS_OK;
    if (state->receiver.len > 0) {
        status = notify_receiver_get(notify, state->receiver, &view, &err);
        state->filter.receiver_id = status == TIDINGS_OK ? view.id : 0;
    }
    if (status != TIDINGS_OK) {
        (void)api_call_failed(call, "receiver", status, &err);
        api_call_answer(call);
        return;
    }
    status = notify_job_start(notify, &state->filter, state->ladder, started, call, &err);
    if (status != TIDINGS_OK) {
        started(call, status, 0, &err);
    }
}

enum { RECEIVER, STATE, REASON, SOURCE, TYPE, FROM, TO, LADDER, MEMBERS };

static bool read_filter(struct api_call *call, const struct api_member *members,
                        struct job_call *state)
{
    struct record_filter *filter = &state->filter;
    filter->state = RECORD_DEAD;
    if (members[RECEIVER].text.ptr != NULL && members[RECEIVER].text.len == 0) {
        (void)api_call_problem(call, API_PROBLEM_INVALID, "receiver",
                               "receiver must be a name; without the member all are meant");
        return false;
    }
    if (members[STATE].text.ptr != NULL && (!api_state_parse(members[STATE].text, &filter->state) ||
                                            filter->state < RECORD_DELIVERED)) {
        (void)api_call_problem(call, API_PROBLEM_INVALID, "state",
                               "state must be dead, delivered or cancelled");
        return false;
    }
    if (members[REASON].text.ptr != NULL &&
        !api_reason_parse(members[REASON].text, &filter->reason)) {
        (void)api_call_problem(call, API_PROBLEM_INVALID, "reason",
                               "reason must be ladder, limit, window, gone or refused");
        return false;
    }
    for (int i = FROM; i <= TO; i++) {
        if (members[i].number < 0) {
            (void)api_call_problem(call, API_PROBLEM_INVALID, members[i].name,
                                   "%s must be a time in milliseconds since 1970", members[i].name);
            return false;
        }
    }
    filter->source = members[SOURCE].text;
    filter->type = members[TYPE].text;
    filter->from_ms = members[FROM].number;
    filter->to_ms = members[TO].number;
    return api_ladder_is_good(call, members[LADDER].text);
}

enum api_turn api_handle_job_start(struct api_call *call)
{
    struct api_member members[MEMBERS] = {
        [RECEIVER] = { .name = "receiver", .kind = 't', .max = RECORD_NAME_MAX },
        [STATE] = { .name = "state", .kind = 't', .max = 32 },
        [REASON] = { .name = "reason", .kind = 't', .max = 32 },
        [SOURCE] = { .name = "source", .kind = 't', .max = RECORD_NAME_MAX },
        [TYPE] = { .name = "type", .kind = 't', .max = RECORD_NAME_MAX },
        [FROM] = { .name = "acceptedFrom", .kind = 'n' },
        [TO] = { .name = "acceptedTo", .kind = 'n' },
        [LADDER] = { .name = "ladder", .kind = 't', .max = RECORD_LADDER_MAX },
    };
    struct job_call *state = new_job_call(call, 202);
    if (state == NULL || !api_body_read(call, members, MEMBERS) ||
        !read_filter(call, members, state)) {
        return API_NOW;
    }
    state->receiver = members[RECEIVER].text;
    state->ladder = members[LADDER].text.ptr != NULL ? members[LADDER].text : STR("");
    return api_call_on_loop(call, start_on_loop);
}

static void cancelled(void *arg, tidings_status status, const struct tidings_error *err)
{
    struct api_call *call = arg;
    if (status != TIDINGS_OK) {
        (void)api_call_failed(call, status == TIDINGS_E_NOT_FOUND ? "job" : NULL, status, err);
        api_call_answer(call);
        return;
    }
    (void)api_call_on_reader(call, run_get);
}

static void cancel_on_loop(struct api_call *call)
{
    const struct job_call *state = call->state;
    struct tidings_error err = { 0 };
    tidings_status status =
        notify_job_cancel(call->api->options.notify, state->job, cancelled, call, &err);
    if (status != TIDINGS_OK) {
        cancelled(call, status, &err);
    }
}

enum api_turn api_handle_job_cancel(struct api_call *call)
{
    struct job_call *state = new_job_call(call, 200);
    return state != NULL && read_number(call, state) ? api_call_on_loop(call, cancel_on_loop)
                                                     : API_NOW;
}
