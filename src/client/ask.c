// SPDX-License-Identifier: Apache-2.0
// What other threads do with a runtime, and what answers mean.
#include <semaphore.h>
#include <stdlib.h>

#include "client/runtime.h"

// ---- answers ----
tidings_status reply_status(int32_t code)
{
    switch (code) {
    case WIRE_SUCCESS: return TIDINGS_OK;
    case WIRE_SYSTEM_BUSY:
    case WIRE_SERVICE_NOT_AVAILABLE:
    case REPLY_FLOW_CONTROL: return TIDINGS_E_AGAIN;
    case WIRE_REQUEST_CODE_NOT_SUPPORTED: return TIDINGS_E_UNSUPPORTED;
    case REPLY_FLUSH_DISK_TIMEOUT:
    case REPLY_SLAVE_NOT_AVAILABLE:
    case REPLY_FLUSH_SLAVE_TIMEOUT: return TIDINGS_E_TIMEOUT;
    case WIRE_MESSAGE_ILLEGAL: return TIDINGS_E_INVALID;
    case WIRE_NO_PERMISSION: return TIDINGS_E_PERMISSION;
    case WIRE_TOPIC_NOT_EXIST: return TIDINGS_E_NO_ROUTE;
    case WIRE_PULL_OFFSET_MOVED: return TIDINGS_E_OFFSET;
    case WIRE_QUERY_NOT_FOUND: return TIDINGS_E_NOT_FOUND;
    default: return TIDINGS_E_REFUSED;
    }
}

tidings_status reply_error(const struct reply *reply, const struct link *link, const char *what,
                           struct tidings_error *err)
{
    if (reply->status != TIDINGS_OK) {
        return error_set(err, reply->status, "%s: %s", what, error_text(reply->err, reply->status));
    }
    tidings_status status = reply_status(reply->header->code);
    if (status != TIDINGS_OK && err != NULL) {
        struct str remark = reply->header->remark;
        (void)error_set(err, status, "%s: %s answered %d%s%.*s", what, link->address,
                        reply->header->code, remark.len > 0 ? ": " : "", STR_ARG(remark));
        err->remote_code = reply->header->code;
    }
    return status;
}

// ---- tasks ----
struct errand {
    void (*task)(void *arg);
    void *arg;
    sem_t done;
};

static void wait_done(sem_t *done)
{
    while (sem_wait(done) != 0) { // EINTR
    }
}

static void run_errand(void *arg)
{
    struct errand *errand = arg;
    errand->task(errand->arg);
    sem_post(&errand->done);
}

tidings_status runtime_run(struct runtime *runtime, void (*task)(void *arg), void *arg)
{
    struct errand errand = { .task = task, .arg = arg };
    if (!runtime->running) {
        return TIDINGS_E_CLOSED;
    }
    sem_init(&errand.done, 0, 0);
    tidings_status status = net_loop_post(runtime->loop, run_errand, &errand);
    if (status == TIDINGS_OK) {
        wait_done(&errand.done);
    }
    sem_destroy(&errand.done);
    return status;
}

// ---- asking ----
struct asking {
    struct call call;
    struct runtime *runtime;
    struct str address;
    struct wire_header *header;
    struct str body;
    int64_t timeout_ms;
    struct answer *answer;
    struct tidings_error *err;
    tidings_status status;
    sem_t done;
};

static struct str copy(struct buf *bytes, struct str text)
{
    if (text.ptr == NULL) {
        return text;
    }
    struct str copied = str_make(bytes->ptr + bytes->len, text.len);
    if (text.len > 0) {
        memcpy(bytes->ptr + bytes->len, text.ptr, text.len);
        bytes->len += text.len;
    }
    return copied;
}

static tidings_status copy_reply(const struct reply *reply, struct answer *answer)
{
    size_t size = reply->header->remark.len + reply->body.len + 1;
    for (unsigned i = 0; i < reply->header->ext_count; i++) {
        size += reply->header->ext[i].key.len + reply->header->ext[i].value.len;
    }
    buf_init(&answer->bytes, size);
    tidings_status status = buf_reserve(&answer->bytes, size, NULL); // once: views point into it
    if (status == TIDINGS_OK) {
        answer->header = *reply->header;
        answer->header.remark = copy(&answer->bytes, reply->header->remark);
        for (unsigned i = 0; i < answer->header.ext_count; i++) {
            struct wire_pair *pair = &answer->header.ext[i];
            pair->key = copy(&answer->bytes, pair->key);
            pair->value = copy(&answer->bytes, pair->value);
        }
        answer->body = copy(&answer->bytes, reply->body);
    }
    return status;
}

static void on_answer(struct call *call, const struct reply *reply)
{
    struct asking *asking = BASE_CONTAINER_OF(call, struct asking, call);
    asking->status =
        reply->status == TIDINGS_OK ? copy_reply(reply, asking->answer) : reply->status;
    if (asking->status != TIDINGS_OK) {
        (void)error_set(asking->err, asking->status, "%s", error_text(reply->err, asking->status));
    }
    sem_post(&asking->done);
}

static void start_asking(void *arg)
{
    struct asking *asking = arg;
    struct link *link = runtime_link(asking->runtime, asking->address);
    if (link == NULL) {
        asking->status = error_set(asking->err, TIDINGS_E_INVALID, "\"%.*s\" is no host:port",
                                   STR_ARG(asking->address));
        sem_post(&asking->done);
        return;
    }
    runtime_call(asking->runtime, &asking->call, link, asking->header, asking->body,
                 asking->timeout_ms);
}

tidings_status runtime_ask(struct runtime *runtime, struct str address, struct wire_header *header,
                           struct str body, int64_t timeout_ms, struct answer *ret,
                           struct tidings_error *err)
{
    struct asking asking = { .runtime = runtime,
                             .address = address,
                             .header = header,
                             .body = body,
                             .timeout_ms = timeout_ms,
                             .answer = ret,
                             .err = err };
    buf_init(&ret->bytes, 0);
    if (!runtime->running) {
        return error_set(err, TIDINGS_E_CLOSED, "the client does not run");
    }
    call_init(&asking.call, on_answer);
    sem_init(&asking.done, 0, 0);
    tidings_status status = net_loop_post(runtime->loop, start_asking, &asking);
    if (status == TIDINGS_OK) {
        wait_done(&asking.done);
        status = asking.status;
    }
    sem_destroy(&asking.done);
    return status;
}

tidings_status runtime_demand(struct runtime *runtime, struct str address,
                              struct wire_header *header, struct str body, const char *what,
                              struct answer *ret, struct tidings_error *err)
{
    tidings_status status =
        runtime_ask(runtime, address, header, body,
                    config_number(runtime->config, CONFIG_REQUEST_TIMEOUT), ret, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    status = reply_status(ret->header.code);
    if (status != TIDINGS_OK) {
        struct str remark = ret->header.remark;
        (void)error_set(err, status, "%s: %.*s answered %d%s%.*s", what, STR_ARG(address),
                        ret->header.code, remark.len > 0 ? ": " : "", STR_ARG(remark));
        if (err != NULL) {
            err->remote_code = ret->header.code;
        }
        answer_deinit(ret);
    }
    return status;
}

void answer_deinit(struct answer *answer)
{
    buf_deinit(&answer->bytes);
}
