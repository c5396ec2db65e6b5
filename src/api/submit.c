// SPDX-License-Identifier: Apache-2.0
// POST /v1/notifications: what was read is handed to the notifier, each submission by itself; the
// answer goes out when all of them are durable or refused.
#include <strings.h>

#include "api/private.h"
#include "api/submission.h"

enum {
    IDEMPOTENCY_KEY_MAX = 255,
    BATCH_PATIENCE_MS = 100,        // see notify_submission
    RESULTS_MAX = 12 * 1024 * 1024, // of a batch's answer; beyond it only statuses are told
};

struct api_submit {
    struct api_call *call;
    struct api_submissions submissions;
    _Atomic size_t left;         // submissions without an outcome, and one for who hands them over
    _Atomic size_t result_bytes; // of a batch's answer
    struct keeper_task task;     // of the Idempotency-Key
    struct str scope_and_key;    // ptr NULL: no key
    enum record_idempotent known;
    int64_t mark;         // ids above it were not there before the first request with the key
    atomic_bool is_fresh; // something was made, or could not be: it answers by itself
    unsigned char request_hash[RECORD_HASH_SIZE];
};

// ---- what of the headers matters ----
struct gathering {
    struct api_input *input;
    struct buf *lines; // of ce- headers
    struct str idempotency_key;
    struct api_refusal *refusal;
    bool failed;
};

#define INPUT(member) offsetof(struct api_input, member)
static const struct {
    const char *name;
    size_t offset;
} fields[] = {
    { "content-type", INPUT(content_type) },
    { "ce-specversion", INPUT(event_version) },
    { "ce-id", INPUT(event_id) },
    { "ce-source", INPUT(event_source) },
    { "ce-type", INPUT(event_type) },
    { "tidings-source", INPUT(source) },
    { "tidings-type", INPUT(type) },
    { "tidings-tx-no", INPUT(tx_no) },
    { "tidings-receivers", INPUT(receivers) },
    { "tidings-ladder", INPUT(ladder) },
    { "tidings-due", INPUT(due) },
    { "traceparent", INPUT(traceparent) },
    { "tracestate", INPUT(tracestate) },
};

// Most headers of most requests are none of these: their first two letters tell.
static bool may_matter(const char *name)
{
    switch (name[0] | 0x20) {
    case 'c': return (name[1] | 0x20) == 'o' || (name[1] | 0x20) == 'e';
    case 't': return true;
    case 'i': return (name[1] | 0x20) == 'd';
    default: return false;
    }
}

static bool take_header(void *arg, const char *name, const char *value)
{
    struct gathering *gathering = arg;
    struct tidings_error err = { 0 };
    if (!may_matter(name)) {
        return true;
    }
    if (strcasecmp(name, "idempotency-key") == 0) {
        gathering->idempotency_key = str_of(value);
    }
    for (size_t i = 0; i < BASE_COUNT(fields); i++) {
        if (strcasecmp(name, fields[i].name) == 0) {
            *(struct str *)(void *)((char *)gathering->input + fields[i].offset) = str_of(value);
            break;
        }
    }
    if (strncasecmp(name, "ce-", 3) != 0) {
        return true;
    }
    tidings_status status =
        receiver_headers_add(gathering->lines, str_of(name), str_of(value), &err);
    if (status != TIDINGS_OK) {
        gathering->failed = !api_refuse_status(gathering->refusal, "ce-", status, &err);
    }
    return status == TIDINGS_OK;
}

// ---- answers ----
// With a key: as it was for the first request, so that a repeat is told the same.
static bool is_duplicate(const struct api_submit *submit, const struct record_accepted *accepted)
{
    return accepted->answer == RECORD_SAME &&
           (submit->scope_and_key.ptr == NULL || accepted->id <= submit->mark);
}

static void look_for_fresh(struct api_submit *submit, tidings_status status,
                           const struct notify_accepted *accepted, size_t count)
{
    bool is_fresh = status != TIDINGS_OK && api_problem_http(api_problem_of(status)) >= 500;
    for (size_t i = 0; i < count && !is_fresh; i++) {
        is_fresh = accepted[i].record.answer == RECORD_NEW;
    }
    if (is_fresh) {
        atomic_store_explicit(&submit->is_fresh, true, memory_order_relaxed);
    }
}

// The response is whole.
static void say_replayed(struct api_submit *submit)
{
    if (submit->scope_and_key.ptr != NULL && submit->known == RECORD_KEY_SAME &&
        !atomic_load_explicit(&submit->is_fresh, memory_order_relaxed)) {
        http_response_field(submit->call->response, "Idempotency-Replayed", "%s", "true");
    }
}

static void write_accepted(struct api_out *out, const struct api_submit *submit,
                           const struct notify_accepted *accepted, size_t count)
{
    api_out_key(out, "notifications");
    api_out_open(out, '[');
    for (size_t i = 0; i < count; i++) {
        char id[RECORD_ID_SIZE];
        if (accepted[i].record.answer == RECORD_CONFLICT) {
            continue;
        }
        record_id_format(accepted[i].record.id, id);
        api_out_open(out, '{');
        api_out_member_c(out, "id", id);
        api_out_member(out, "receiver", accepted[i].receiver);
        api_out_member_bool(out, "duplicate", is_duplicate(submit, &accepted[i].record));
        api_out_close(out, '}');
    }
    api_out_close(out, ']');
}

static const struct notify_accepted *find_conflict(const struct notify_accepted *accepted,
                                                   size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (accepted[i].record.answer == RECORD_CONFLICT) {
            return &accepted[i];
        }
    }
    return NULL;
}

static const char CONFLICT[] = "source, type and txNo are there for this receiver with another "
                               "payload";

// The members of a conflict behind those of every problem.
static void write_conflict(struct api_out *out, const struct api_item *item,
                           const struct notify_accepted *conflict,
                           const struct notify_accepted *accepted, size_t count)
{
    char id[RECORD_ID_SIZE];
    unsigned char hash[RECORD_HASH_SIZE];
    record_id_format(conflict->record.id, id);
    api_out_member_c(out, "id", id);
    api_out_member(out, "receiver", conflict->receiver);
    api_out_member_hex(out, "storedHash", conflict->record.hash, RECORD_HASH_SIZE);
    if (api_hash(item->submit->call->api, &item->submission.payload, 1, hash)) {
        api_out_member_hex(out, "submittedHash", hash, sizeof hash);
    }
    write_accepted(out, item->submit, accepted, count);
}

// ---- one ----
static void answer_single(struct api_item *item, tidings_status status,
                          const struct notify_accepted *accepted, size_t count,
                          const struct tidings_error *err)
{
    struct api_call *call = item->submit->call;
    const struct notify_accepted *conflict =
        status == TIDINGS_OK ? find_conflict(accepted, count) : NULL;
    struct api_out out;
    if (status != TIDINGS_OK) {
        (void)api_call_failed(call, status == TIDINGS_E_NOT_FOUND ? "receivers" : NULL, status,
                              err);
    } else if (conflict != NULL) {
        api_problem_begin(call->response, &out, API_PROBLEM_CONFLICT, "payload", CONFLICT);
        write_conflict(&out, item, conflict, accepted, count);
        api_problem_end(call->response, &out);
    } else {
        out = api_call_json(call, 202);
        api_out_open(&out, '{');
        write_accepted(&out, item->submit, accepted, count);
        api_out_close(&out, '}');
        api_call_end(call, &out);
    }
    say_replayed(item->submit);
    api_call_answer(call);
}

// ---- a batch ----
static void result_problem(struct api_item *item, enum api_problem kind, const char *field,
                           const char *detail, const struct notify_accepted *conflict,
                           const struct notify_accepted *accepted, size_t count)
{
    struct api_out out = api_out_begin(&item->result);
    item->status = api_problem_http(kind);
    api_out_open(&out, '{');
    api_out_member_number(&out, "status", item->status);
    api_out_key(&out, "problem");
    api_out_open(&out, '{');
    api_problem_members(&out, kind, field, detail);
    if (conflict != NULL) {
        write_conflict(&out, item, conflict, accepted, count);
    }
    api_out_close(&out, '}');
    api_out_close(&out, '}');
    if (out.status != TIDINGS_OK) {
        buf_clear(&item->result);
    }
}

static void result_accepted(struct api_item *item, const struct notify_accepted *accepted,
                            size_t count)
{
    struct api_out out = api_out_begin(&item->result);
    item->status = 202;
    if (atomic_load_explicit(&item->submit->result_bytes, memory_order_relaxed) > RESULTS_MAX) {
        return;
    }
    api_out_open(&out, '{');
    api_out_member_number(&out, "status", 202);
    write_accepted(&out, item->submit, accepted, count);
    api_out_close(&out, '}');
    if (out.status != TIDINGS_OK) {
        buf_clear(&item->result);
    }
}

// What has no text of its own (memory was short, or the answer is too large) tells its status.
static void write_result(struct api_out *out, const struct api_item *item)
{
    if (item->result.len > 0) {
        api_out_json(out, buf_str(&item->result));
        return;
    }
    api_out_open(out, '{');
    api_out_member_number(out, "status", item->status);
    api_out_close(out, '}');
}

static void answer_batch(struct api_submit *submit)
{
    struct api_call *call = submit->call;
    struct api_submissions *all = &submit->submissions;
    bool is_good = true;
    for (size_t i = 0; i < all->count; i++) {
        is_good = is_good && all->items[i].status == 202;
    }
    struct api_out out = api_call_json(call, is_good ? 202 : 207);
    api_out_open(&out, '{');
    api_out_key(&out, "results");
    api_out_open(&out, '[');
    for (size_t i = 0; i < all->count; i++) {
        write_result(&out, &all->items[i]);
        buf_deinit(&all->items[i].result);
    }
    api_out_close(&out, ']');
    api_out_close(&out, '}');
    api_call_end(call, &out);
    say_replayed(submit);
    api_call_answer(call);
}

static void item_ended(struct api_submit *submit, size_t bytes)
{
    atomic_fetch_add_explicit(&submit->result_bytes, bytes, memory_order_relaxed);
    if (atomic_fetch_sub_explicit(&submit->left, 1, memory_order_acq_rel) == 1) {
        answer_batch(submit);
    }
}

static void result_failed(struct api_item *item, tidings_status status,
                          const struct tidings_error *err)
{
    result_problem(item, api_problem_of(status), status == TIDINGS_E_NOT_FOUND ? "receivers" : NULL,
                   error_text(err, status), NULL, NULL, 0);
}

static void item_done(struct api_item *item, tidings_status status,
                      const struct notify_accepted *accepted, size_t count,
                      const struct tidings_error *err)
{
    const struct notify_accepted *conflict =
        status == TIDINGS_OK ? find_conflict(accepted, count) : NULL;
    if (status != TIDINGS_OK) {
        result_failed(item, status, err);
    } else if (conflict != NULL) {
        result_problem(item, API_PROBLEM_CONFLICT, "payload", CONFLICT, conflict, accepted, count);
    } else {
        result_accepted(item, accepted, count);
    }
    item_ended(item->submit, item->result.len);
}

// ---- handing over ----
static void accepted(struct notify_submission *submission, tidings_status status,
                     const struct notify_accepted *rows, size_t count,
                     const struct tidings_error *err)
{
    struct api_item *item = BASE_CONTAINER_OF(submission, struct api_item, submission);
    look_for_fresh(item->submit, status, rows, count);
    if (item->submit->submissions.is_batch) {
        item_done(item, status, rows, count, err);
    } else {
        answer_single(item, status, rows, count, err);
    }
}

static void hand_over_item(struct api_item *item)
{
    struct api_submit *submit = item->submit;
    struct tidings_error err = { 0 };
    if (item->refusal != NULL) {
        result_problem(item, item->refusal->kind, item->refusal->field, item->refusal->err.text,
                       NULL, NULL, 0);
        item_ended(submit, item->result.len);
        return;
    }
    item->submission.done = accepted;
    item->submission.patience_ms = submit->submissions.is_batch ? BATCH_PATIENCE_MS : 0;
    tidings_status status =
        notify_accept(submit->call->api->options.notify, &item->submission, &err);
    if (status != TIDINGS_OK) {
        accepted(&item->submission, status, NULL, 0, &err);
    }
}

// From here on the last outcome answers: the call may be gone before this returns.
static void hand_over(struct api_submit *submit)
{
    struct api_submissions *all = &submit->submissions;
    for (size_t i = 0; i < all->count; i++) {
        all->items[i].submit = submit;
        buf_init(&all->items[i].result, RESULTS_MAX);
    }
    if (!all->is_batch) {
        hand_over_item(&all->items[0]);
        return;
    }
    size_t count = all->count;
    atomic_store_explicit(&submit->left, count + 1, memory_order_relaxed);
    for (size_t i = 0; i < count; i++) {
        hand_over_item(&all->items[i]);
    }
    item_ended(submit, 0);
}

// ---- the Idempotency-Key ----
static tidings_status key_run(struct keeper_task *task, struct record *record,
                              struct tidings_error *err)
{
    struct api_submit *submit = BASE_CONTAINER_OF(task, struct api_submit, task);
    return record_idempotency(record, submit->scope_and_key, submit->request_hash,
                              clock_wall_ms(submit->call->api->options.clock), &submit->known,
                              &submit->mark, err);
}

static void key_done(struct keeper_task *task, tidings_status status,
                     const struct tidings_error *err)
{
    struct api_submit *submit = BASE_CONTAINER_OF(task, struct api_submit, task);
    struct api_call *call = submit->call;
    if (status == TIDINGS_OK && submit->known != RECORD_KEY_OTHER) {
        hand_over(submit); // the same again: the record knows what is there
        return;
    }
    if (status != TIDINGS_OK) {
        (void)api_call_failed(call, NULL, status, err);
    } else {
        (void)api_call_problem(call, API_PROBLEM_IDEMPOTENCY, "Idempotency-Key",
                               "this key came with another request within the last 24 hours");
    }
    api_call_answer(call);
}

static bool make_scope(struct api_submit *submit, struct str key)
{
    const struct api_call *call = submit->call;
    struct str name = str_of(call->key != NULL ? call->key->name : "");
    char *text = api_pool_take(&submit->call->pool, name.len + 1 + key.len);
    if (text == NULL) {
        return false;
    }
    memcpy(text, name.ptr, name.len);
    text[name.len] = ':'; // no key's name has one
    memcpy(text + name.len + 1, key.ptr, key.len);
    submit->scope_and_key = str_make(text, name.len + 1 + key.len);
    return true;
}

// Everything that the submissions were read from; lengths keep what stands side by side apart.
static bool hash_request(struct api_submit *submit, const struct api_input *input)
{
    const struct str parts[] = {
        input->content_type, input->source,       input->type,       input->tx_no,
        input->receivers,    input->ladder,       input->due,        input->event_version,
        input->event_id,     input->event_source, input->event_type, input->event_lines,
        input->body,
    };
    size_t lens[BASE_COUNT(parts)];
    struct str pieces[BASE_COUNT(parts) + 1];
    for (size_t i = 0; i < BASE_COUNT(parts); i++) {
        lens[i] = parts[i].ptr != NULL ? parts[i].len : SIZE_MAX;
        pieces[i + 1] = parts[i];
    }
    pieces[0] = str_make(lens, sizeof lens);
    return api_hash(submit->call->api, pieces, BASE_COUNT(pieces), submit->request_hash);
}

static enum api_turn start(struct api_submit *submit, const struct api_input *input,
                           struct str idempotency_key)
{
    struct api_call *call = submit->call;
    if (idempotency_key.ptr == NULL) {
        (void)api_call_later(call);
        hand_over(submit);
        return API_LATER;
    }
    if (idempotency_key.len == 0 || idempotency_key.len > IDEMPOTENCY_KEY_MAX ||
        !str_is_utf8(idempotency_key)) {
        return api_call_problem(call, API_PROBLEM_INVALID, "Idempotency-Key",
                                "Idempotency-Key must be 1 to %d bytes of UTF-8",
                                IDEMPOTENCY_KEY_MAX);
    }
    if (!make_scope(submit, idempotency_key) || !hash_request(submit, input)) {
        return api_call_failed(call, NULL, TIDINGS_E_NO_MEMORY, NULL);
    }
    submit->task = (struct keeper_task){ .run = key_run, .done = key_done };
    (void)api_call_later(call);
    tidings_status status = keeper_post(notify_keeper(call->api->options.notify), &submit->task);
    if (status != TIDINGS_OK) {
        (void)api_call_failed(call, NULL, status, NULL);
        api_call_answer(call);
    }
    return API_LATER;
}

// ---- the handler ----
static const char NOT_THIS_SOURCE[] = "the key may not submit for this source";

static bool refuse_source(struct api_submit *submit, struct api_item *item)
{
    struct api_call *call = submit->call;
    struct api_out out;
    if (!submit->submissions.is_batch) {
        api_problem_begin(call->response, &out, API_PROBLEM_FORBIDDEN, "source", NOT_THIS_SOURCE);
        api_out_member_c(&out, "permission", "sources= of the key");
        api_problem_end(call->response, &out);
        return false;
    }
    item->refusal = api_pool_zeroed(&call->pool, sizeof *item->refusal);
    if (item->refusal == NULL) {
        (void)api_call_failed(call, NULL, TIDINGS_E_NO_MEMORY, NULL);
        return false;
    }
    (void)api_refuse_with(item->refusal, API_PROBLEM_FORBIDDEN, "source", "%s", NOT_THIS_SOURCE);
    return true;
}

static bool check_sources(struct api_submit *submit)
{
    for (size_t i = 0; i < submit->submissions.count; i++) {
        struct api_item *item = &submit->submissions.items[i];
        if (item->refusal == NULL && !api_may_submit(submit->call, item->submission.source) &&
            !refuse_source(submit, item)) {
            return false;
        }
    }
    return true;
}

static enum api_turn read_and_start(struct api_submit *submit, struct api_input *input,
                                    struct gathering *gathering)
{
    struct api_call *call = submit->call;
    struct api_refusal *refusal = gathering->refusal;
    http_request_each_header(call->request, take_header, gathering);
    input->event_lines = buf_str(gathering->lines);
    input->body_kind =
        input->content_type.ptr != NULL ? api_router_body(input->content_type.ptr) : 0;
    if (gathering->failed ||
        !api_submission_read(input, &call->pool, &submit->submissions, refusal)) {
        return api_call_refused(call, refusal);
    }
    return check_sources(submit) ? start(submit, input, gathering->idempotency_key) : API_NOW;
}

enum api_turn api_handle_submit(struct api_call *call)
{
    struct buf lines;
    struct api_refusal refusal = { .kind = API_PROBLEM_INVALID };
    struct api_input input = { .body = call->request->body,
                               .payload_max = call->api->options.payload_max };
    struct gathering gathering = { .input = &input, .lines = &lines, .refusal = &refusal };
    struct api_submit *submit = api_pool_zeroed(&call->pool, sizeof *submit);
    if (submit == NULL) {
        return api_call_failed(call, NULL, TIDINGS_E_NO_MEMORY, NULL);
    }
    submit->call = call;
    buf_init(&lines, RECORD_HEADERS_MAX);
    enum api_turn turn = read_and_start(submit, &input, &gathering);
    buf_deinit(&lines);
    return turn;
}
