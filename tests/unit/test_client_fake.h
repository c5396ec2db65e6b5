// SPDX-License-Identifier: Apache-2.0
// A name server and broker in memory for tests of libtidings: one thread, one topic store, failures
// on demand. It is not our broker: it does what RocketMQ answers, as plainly as possible.
#ifndef TEST_CLIENT_FAKE_H
#define TEST_CLIENT_FAKE_H

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/net.h"
#include "wire/bodies.h"
#include "wire/requests.h"
#include "wire/wire.h"

enum { FAKE_TOPICS = 8, FAKE_QUEUES = 2, FAKE_MESSAGES = 4096, FAKE_CODES = 512, FAKE_GONE = -1 };

struct fake_queue {
    char *records[FAKE_MESSAGES];
    size_t sizes[FAKE_MESSAGES];
    int64_t count;
    int64_t stored_offset; // of the one consumer group, -1 = none
};

struct fake_topic {
    char name[128];
    int queues;
    struct fake_queue queue[FAKE_QUEUES];
};

struct fake {
    struct net_loop *loop;
    struct net_listener *listener;
    pthread_t thread;
    int port;
    char address[32];
    pthread_mutex_t lock; // holds the rest
    pthread_cond_t changed;
    struct fake_topic topics[FAKE_TOPICS];
    int topic_count;
    char client_id[256];
    uint64_t consumer_conn;
    uint64_t producer_conn;
    struct fake_end { // the last of 37
        struct wire_end_transaction fields;
        char group[64];
        char id[64];
        char topic[128];
        bool oneway;
    } end;
    bool is_tidings;
    bool takes_locks;              // 41 is answered with no lock
    int32_t version;               // in answers
    int fail[FAKE_CODES];          // how many requests of a code fail ...
    int32_t fail_with[FAKE_CODES]; // ... with this code; FAKE_GONE = no answer
    int seen[FAKE_CODES];
    int64_t last_delay_ms; // of 36
    int32_t last_level;
    int32_t last_max;
    char last_properties[2048]; // of 310
    char last_topic[128];
    int32_t last_reconsume;
    struct buf scratch;
    struct buf texts;
    struct wire_header header;
};

static struct fake_topic *fake_topic(struct fake *fake, struct str name)
{
    for (int i = 0; i < fake->topic_count; i++) {
        if (str_eq_c(name, fake->topics[i].name)) {
            return &fake->topics[i];
        }
    }
    if (fake->topic_count == FAKE_TOPICS) {
        abort();
    }
    struct fake_topic *topic = &fake->topics[fake->topic_count++];
    (void)str_copy(topic->name, sizeof topic->name, name);
    topic->queues = str_starts(name, WIRE_RETRY_PREFIX) ? 1 : FAKE_QUEUES;
    for (int i = 0; i < FAKE_QUEUES; i++) {
        topic->queue[i].stored_offset = -1;
    }
    return topic;
}

// ---- answers ----
static void fake_answer_full(struct fake *fake, struct net_conn *conn, int32_t code,
                             const struct wire_pair *pairs, size_t count, struct str body)
{
    struct wire_header response;
    if ((fake->header.flag & WIRE_FLAG_ONEWAY) != 0) {
        return;
    }
    wire_response_init(&response, &fake->header, code);
    response.version = fake->version;
    for (size_t i = 0; i < count; i++) {
        response.ext[response.ext_count++] = pairs[i];
    }
    if (code != 0) {
        response.remark = STR("as the test wants it");
    }
    if (wire_header_encode(&response, body.len, net_conn_out(conn)) != TIDINGS_OK ||
        buf_add_str(net_conn_out(conn), body) != TIDINGS_OK || net_conn_flush(conn) != TIDINGS_OK) {
        abort();
    }
}

static void fake_answer(struct fake *fake, struct net_conn *conn, int32_t code)
{
    fake_answer_full(fake, conn, code, NULL, 0, (struct str){ NULL, 0 });
}

static void fake_answer_number(struct fake *fake, struct net_conn *conn, struct str key,
                               int64_t value)
{
    char text[24];
    struct wire_pair pair = { key, { text, num_format_i64(text, value) } };
    fake_answer_full(fake, conn, 0, &pair, 1, (struct str){ NULL, 0 });
}

// ---- requests ----
static void fake_route(struct fake *fake, struct net_conn *conn)
{
    char body[512];
    struct str name = wire_header_get(&fake->header, STR("topic"));
    if (str_starts(name, STR("unknown"))) {
        fake_answer(fake, conn, WIRE_TOPIC_NOT_EXIST);
        return;
    }
    int queues = str_eq(name, WIRE_DEFAULT_TOPIC) ? FAKE_QUEUES : fake_topic(fake, name)->queues;
    int len =
        snprintf(body, sizeof body,
                 "{\"brokerDatas\":[{\"brokerAddrs\":{0:\"%s\"},\"brokerName\":\"fake-a\","
                 "\"cluster\":\"c\"}],\"filterServerTable\":{},\"queueDatas\":[{\"brokerName\":"
                 "\"fake-a\",\"perm\":6,\"readQueueNums\":%d,\"topicSysFlag\":0,"
                 "\"writeQueueNums\":%d}]}",
                 fake->address, queues, queues);
    fake_answer_full(fake, conn, 0, NULL, 0, str_make(body, (size_t)len));
}

static int64_t fake_store(struct fake *fake, struct str topic_name, int32_t queue_id,
                          const struct wire_message *from)
{
    struct fake_topic *topic = fake_topic(fake, topic_name);
    struct fake_queue *queue = &topic->queue[queue_id % topic->queues];
    struct wire_message message = *from;
    message.topic = topic_name;
    message.queue_id = queue_id % topic->queues;
    message.queue_offset = queue->count;
    message.physical_offset =
        (int64_t)(topic - fake->topics) * 1000000 + message.queue_id * 100000 + queue->count;
    message.born_host = (struct wire_host){ .address = { 127, 0, 0, 1 }, .length = 4, .port = 1 };
    message.store_host = message.born_host;
    size_t size = wire_message_size(&message);
    char *record = malloc(size);
    if (record == NULL || queue->count == FAKE_MESSAGES) {
        abort();
    }
    wire_message_encode(&message, record);
    queue->records[queue->count] = record;
    queue->sizes[queue->count] = size;
    return queue->count++;
}

static void fake_send(struct fake *fake, struct net_conn *conn, struct str body)
{
    struct wire_send send;
    char offset_text[24];
    char queue_text[24];
    if (wire_send_decode(&fake->header, &send, NULL) != TIDINGS_OK) {
        abort();
    }
    (void)str_copy(fake->last_properties, sizeof fake->last_properties, send.properties);
    (void)str_copy(fake->last_topic, sizeof fake->last_topic, send.topic);
    fake->last_reconsume = send.reconsume_times;
    struct wire_message message = { .flag = send.flag,
                                    .sys_flag = send.sys_flag,
                                    .born_ms = send.born_ms,
                                    .store_ms = send.born_ms,
                                    .reconsume_times = send.reconsume_times,
                                    .properties = send.properties,
                                    .body = body };
    int64_t offset = -1;
    size_t cursor = 0;
    struct wire_batch_item item;
    if (send.batch) {
        while (wire_batch_next(body, &cursor, &item, NULL) == TIDINGS_OK) {
            message.body = item.body;
            message.properties = item.properties;
            int64_t at = fake_store(fake, send.topic, send.queue_id, &message);
            offset = offset < 0 ? at : offset;
        }
    } else {
        offset = fake_store(fake, send.topic, send.queue_id, &message);
    }
    const struct wire_pair pairs[] = {
        { STR("msgId"), STR("7F00000100002A9F0000000000000001") },
        { STR("queueId"), { queue_text, num_format_i64(queue_text, send.queue_id) } },
        { STR("queueOffset"), { offset_text, num_format_i64(offset_text, offset) } },
    };
    fake_answer_full(fake, conn, 0, pairs, 3, (struct str){ NULL, 0 });
}

static void fake_pull(struct fake *fake, struct net_conn *conn)
{
    struct wire_pull pull;
    char next_text[24];
    struct buf body;
    if (wire_pull_decode(&fake->header, &pull, NULL) != TIDINGS_OK) {
        abort();
    }
    struct fake_queue *queue = &fake_topic(fake, pull.topic)->queue[pull.queue_id];
    int64_t next = pull.queue_offset;
    int32_t code = next > queue->count ? WIRE_PULL_OFFSET_MOVED : WIRE_PULL_NOT_FOUND;
    buf_init(&body, 1 << 20);
    for (int32_t i = 0; i < pull.max_messages && next < queue->count; i++, next++) {
        if (buf_add(&body, queue->records[next], queue->sizes[next]) != TIDINGS_OK) {
            abort();
        }
        code = WIRE_SUCCESS;
    }
    if (code == WIRE_PULL_OFFSET_MOVED) {
        next = queue->count;
    }
    const struct wire_pair pairs[] = {
        { STR("suggestWhichBrokerId"), STR("0") },
        { STR("nextBeginOffset"), { next_text, num_format_i64(next_text, next) } },
        { STR("minOffset"), STR("0") },
        { STR("maxOffset"), STR("0") },
    };
    fake_answer_full(fake, conn, code, pairs, 4, buf_str(&body));
    buf_deinit(&body);
}

static void fake_back(struct fake *fake, struct net_conn *conn)
{
    struct wire_send_back back;
    struct wire_message message;
    char topic[160];
    if (wire_send_back_decode(&fake->header, &back, NULL) != TIDINGS_OK) {
        abort();
    }
    struct fake_queue *queue =
        &fake->topics[back.offset / 1000000].queue[back.offset % 1000000 / 100000];
    int64_t at = back.offset % 100000;
    if (wire_message_decode(str_make(queue->records[at], queue->sizes[at]), &message, NULL) !=
        TIDINGS_OK) {
        abort();
    }
    fake->last_delay_ms = back.delay_ms;
    fake->last_level = back.delay_level;
    fake->last_max = back.max_reconsume_times;
    bool dead = back.delay_level < 0 || (back.max_reconsume_times >= 0 &&
                                         message.reconsume_times >= back.max_reconsume_times);
    int len =
        snprintf(topic, sizeof topic, "%s%.*s", dead ? "%DLQ%" : "%RETRY%", STR_ARG(back.group));
    struct buf properties;
    buf_init(&properties, 4096);
    const struct str replaced[] = { WIRE_P_RETRY_TOPIC };
    struct str origin = wire_properties_get(message.properties, WIRE_P_RETRY_TOPIC);
    if (wire_properties_copy(message.properties, replaced, 1, &properties) != TIDINGS_OK ||
        wire_properties_add(&properties, WIRE_P_RETRY_TOPIC,
                            origin.len > 0 ? origin : message.topic) != TIDINGS_OK) {
        abort();
    }
    message.properties = buf_str(&properties);
    message.reconsume_times++;
    (void)fake_store(fake, str_make(topic, (size_t)len), 0, &message);
    buf_deinit(&properties);
    fake_answer(fake, conn, 0);
}

static void fake_query_offset(struct fake *fake, struct net_conn *conn)
{
    struct wire_query_offset query;
    if (wire_query_offset_decode(&fake->header, &query, NULL) != TIDINGS_OK) {
        abort();
    }
    int64_t stored = fake_topic(fake, query.topic)->queue[query.queue_id].stored_offset;
    if (stored < 0) {
        fake_answer(fake, conn, WIRE_QUERY_NOT_FOUND);
    } else {
        fake_answer_number(fake, conn, STR("offset"), stored);
    }
}

static void fake_update_offset(struct fake *fake, struct net_conn *conn)
{
    struct wire_update_offset update;
    if (wire_update_offset_decode(&fake->header, &update, NULL) != TIDINGS_OK) {
        abort();
    }
    fake_topic(fake, update.topic)->queue[update.queue_id].stored_offset = update.commit_offset;
    fake_answer(fake, conn, 0);
}

static void fake_heartbeat(struct fake *fake, struct net_conn *conn, struct str body)
{
    struct wire_heartbeat *heartbeat;
    struct wire_pair pair = { STR("TIDINGS"), STR("1.0") };
    if (wire_heartbeat_decode(body, &heartbeat, NULL) != TIDINGS_OK) {
        abort();
    }
    if (heartbeat->consumer_count > 0) {
        (void)str_copy(fake->client_id, sizeof fake->client_id, str_of(heartbeat->client_id));
        fake->consumer_conn = net_conn_id(conn);
    }
    if (heartbeat->producer_count > 0) {
        fake->producer_conn = net_conn_id(conn);
    }
    wire_heartbeat_free(heartbeat);
    fake_answer_full(fake, conn, 0, &pair, fake->is_tidings ? 1 : 0, (struct str){ NULL, 0 });
}

static void fake_members(struct fake *fake, struct net_conn *conn)
{
    const char *ids[] = { fake->client_id };
    struct buf body;
    buf_init(&body, 4096);
    if (wire_id_list_encode(ids, 1, &body) != TIDINGS_OK) {
        abort();
    }
    fake_answer_full(fake, conn, 0, NULL, 0, buf_str(&body));
    buf_deinit(&body);
}

static void fake_lock(struct fake *fake, struct net_conn *conn, struct str request)
{
    struct wire_lock *lock;
    struct buf body;
    buf_init(&body, 65536);
    if (wire_lock_decode(request, &lock, NULL) != TIDINGS_OK) {
        abort();
    }
    struct wire_lock locked = *lock;
    locked.count = fake->takes_locks ? 0 : lock->count;
    if (wire_locked_encode(&locked, &body) != TIDINGS_OK) {
        abort();
    }
    wire_lock_free(lock);
    fake_answer_full(fake, conn, 0, NULL, 0, buf_str(&body));
    buf_deinit(&body);
}

static void fake_end_transaction(struct fake *fake, struct net_conn *conn)
{
    struct fake_end *end = &fake->end;
    if (wire_end_transaction_decode(&fake->header, &end->fields, NULL) != TIDINGS_OK ||
        !str_copy(end->group, sizeof end->group, end->fields.producer_group) ||
        !str_copy(end->id, sizeof end->id, end->fields.message_id) ||
        !str_copy(end->topic, sizeof end->topic, end->fields.topic)) {
        abort();
    }
    end->oneway = (fake->header.flag & WIRE_FLAG_ONEWAY) != 0;
    fake_answer(fake, conn, 0);
}

static void fake_dispatch(struct fake *fake, struct net_conn *conn, struct str body)
{
    int32_t code = fake->header.code;
    switch (code) {
    case WIRE_GET_ROUTEINFO_BY_TOPIC: fake_route(fake, conn); break;
    case WIRE_SEND_MESSAGE_V2:
    case WIRE_SEND_BATCH_MESSAGE: fake_send(fake, conn, body); break;
    case WIRE_PULL_MESSAGE: fake_pull(fake, conn); break;
    case WIRE_CONSUMER_SEND_MSG_BACK: fake_back(fake, conn); break;
    case WIRE_QUERY_CONSUMER_OFFSET: fake_query_offset(fake, conn); break;
    case WIRE_UPDATE_CONSUMER_OFFSET: fake_update_offset(fake, conn); break;
    case WIRE_GET_MAX_OFFSET: {
        struct wire_queue_request queue;
        if (wire_queue_request_decode(&fake->header, &queue, NULL) != TIDINGS_OK) {
            abort();
        }
        fake_answer_number(fake, conn, STR("offset"),
                           fake_topic(fake, queue.topic)->queue[queue.queue_id].count);
        break;
    }
    case WIRE_HEART_BEAT: fake_heartbeat(fake, conn, body); break;
    case WIRE_GET_CONSUMER_LIST_BY_GROUP: fake_members(fake, conn); break;
    case WIRE_END_TRANSACTION: fake_end_transaction(fake, conn); break;
    case WIRE_LOCK_BATCH_MQ: fake_lock(fake, conn, body); break;
    default: fake_answer(fake, conn, 0); break;
    }
}

// ---- connections ----
static size_t fake_measure(void *arg, const char *bytes, size_t have)
{
    (void)arg;
    return have < 4 ? 0 : num_load_be32(bytes) + (size_t)4;
}

static void fake_frame(void *arg, struct net_conn *conn, struct str bytes)
{
    struct fake *fake = arg;
    struct wire_frame frame;
    size_t need;
    if (wire_frame_decode(bytes, &frame, &need, NULL) != TIDINGS_OK ||
        wire_header_decode(&frame, &fake->scratch, &fake->header, NULL) != TIDINGS_OK) {
        abort();
    }
    pthread_mutex_lock(&fake->lock);
    int32_t code = fake->header.code;
    fake->seen[code]++;
    if (fake->fail[code] > 0) {
        fake->fail[code]--;
        if (fake->fail_with[code] != FAKE_GONE) {
            fake_answer(fake, conn, fake->fail_with[code]);
        }
    } else {
        fake_dispatch(fake, conn, frame.body);
    }
    pthread_cond_broadcast(&fake->changed);
    pthread_mutex_unlock(&fake->lock);
}

static void fake_opened(void *arg, struct net_conn *conn)
{
    (void)arg;
    (void)conn;
}

static void fake_closed(void *arg, struct net_conn *conn, tidings_status status)
{
    (void)arg;
    (void)conn;
    (void)status;
}

static void *fake_run(void *arg)
{
    struct fake *fake = arg;
    net_loop_run(fake->loop);
    return NULL;
}

static struct fake *fake_start(void)
{
    static const struct net_handler handler = {
        .measure = fake_measure, .frame = fake_frame, .opened = fake_opened, .closed = fake_closed
    };
    const struct net_loop_options options = { .clock = clock_system(), .connections_max = 64 };
    const struct net_conn_options conn_options = { .frame_max = WIRE_FRAME_MAX,
                                                   .out_max = 64 << 20 };
    struct fake *fake = calloc(1, sizeof *fake);
    if (fake == NULL) {
        abort();
    }
    fake->version = WIRE_VERSION;
    pthread_mutex_init(&fake->lock, NULL);
    pthread_cond_init(&fake->changed, NULL);
    buf_init(&fake->scratch, 1 << 20);
    buf_init(&fake->texts, 65536);
    if (net_loop_new(&options, &fake->loop, NULL) != TIDINGS_OK ||
        net_listen(fake->loop, "127.0.0.1", 0, &handler, fake, &conn_options, &fake->listener,
                   NULL) != TIDINGS_OK) {
        abort();
    }
    fake->port = net_listener_port(fake->listener);
    snprintf(fake->address, sizeof fake->address, "127.0.0.1:%d", fake->port);
    if (pthread_create(&fake->thread, NULL, fake_run, fake) != 0) {
        abort();
    }
    return fake;
}

static void fake_stop_task(void *arg)
{
    net_loop_stop(arg);
}

static void fake_stop(struct fake *fake)
{
    if (net_loop_post(fake->loop, fake_stop_task, fake->loop) != TIDINGS_OK) {
        abort();
    }
    pthread_join(fake->thread, NULL);
    net_loop_free(fake->loop);
    for (int i = 0; i < fake->topic_count; i++) {
        for (int j = 0; j < FAKE_QUEUES; j++) {
            for (int64_t k = 0; k < fake->topics[i].queue[j].count; k++) {
                free(fake->topics[i].queue[j].records[k]);
            }
        }
    }
    buf_deinit(&fake->scratch);
    buf_deinit(&fake->texts);
    pthread_cond_destroy(&fake->changed);
    pthread_mutex_destroy(&fake->lock);
    free(fake);
}

// ---- what tests say and see ----
static inline void fake_fail(struct fake *fake, int32_t code, int times, int32_t with)
{
    pthread_mutex_lock(&fake->lock);
    fake->fail[code] = times;
    fake->fail_with[code] = with;
    pthread_mutex_unlock(&fake->lock);
}

static inline int fake_seen(struct fake *fake, int32_t code)
{
    pthread_mutex_lock(&fake->lock);
    int seen = fake->seen[code];
    pthread_mutex_unlock(&fake->lock);
    return seen;
}

// Waits until `count` requests of a code have come.
static inline void fake_await(struct fake *fake, int32_t code, int count)
{
    pthread_mutex_lock(&fake->lock);
    while (fake->seen[code] < count) {
        pthread_cond_wait(&fake->changed, &fake->lock);
    }
    pthread_mutex_unlock(&fake->lock);
}

static inline int64_t fake_count(struct fake *fake, const char *topic)
{
    int64_t count = 0;
    pthread_mutex_lock(&fake->lock);
    for (int i = 0; i < FAKE_QUEUES; i++) {
        count += fake_topic(fake, str_of(topic))->queue[i].count;
    }
    pthread_mutex_unlock(&fake->lock);
    return count;
}

static inline int64_t fake_stored_offset(struct fake *fake, const char *topic, int queue)
{
    pthread_mutex_lock(&fake->lock);
    int64_t offset = fake_topic(fake, str_of(topic))->queue[queue].stored_offset;
    pthread_mutex_unlock(&fake->lock);
    return offset;
}

// Puts a message into a queue without a producer.
static inline void fake_put(struct fake *fake, const char *topic, int queue, const char *body,
                            const char *properties)
{
    const struct wire_message message = {
        .body = str_of(body), .properties = str_of(properties), .born_ms = 1, .store_ms = 2
    };
    pthread_mutex_lock(&fake->lock);
    (void)fake_store(fake, str_of(topic), queue, &message);
    pthread_mutex_unlock(&fake->lock);
}

struct fake_push {
    struct fake *fake;
    int32_t code;
    struct str body;
    struct wire_pair pairs[4];
    unsigned count;
    sem_t done;
};

static inline void fake_push_task(void *arg)
{
    struct fake_push *push = arg;
    struct wire_header header = {
        .code = push->code, .opaque = 7, .flag = WIRE_FLAG_ONEWAY, .version = WIRE_VERSION
    };
    pthread_mutex_lock(&push->fake->lock);
    struct net_conn *conn = net_conn_find(push->fake->loop, push->fake->consumer_conn);
    pthread_mutex_unlock(&push->fake->lock);
    for (unsigned i = 0; i < push->count; i++) {
        header.ext[header.ext_count++] = push->pairs[i];
    }
    if (conn == NULL ||
        wire_header_encode(&header, push->body.len, net_conn_out(conn)) != TIDINGS_OK ||
        buf_add_str(net_conn_out(conn), push->body) != TIDINGS_OK ||
        net_conn_flush(conn) != TIDINGS_OK) {
        abort();
    }
    sem_post(&push->done);
}

// ---- checks of transactions ----
struct fake_check {
    struct fake *fake;
    struct wire_check_transaction fields;
    struct str record;
    sem_t done;
};

static inline void fake_check_task(void *arg)
{
    struct fake_check *check = arg;
    struct fake *fake = check->fake;
    struct wire_header header = { .code = WIRE_CHECK_TRANSACTION_STATE,
                                  .flag = WIRE_FLAG_ONEWAY,
                                  .version = WIRE_VERSION };
    struct net_conn *conn = net_conn_find(fake->loop, fake->producer_conn);
    buf_clear(&fake->texts);
    if (conn == NULL ||
        wire_check_transaction_encode(&check->fields, &header, &fake->texts) != TIDINGS_OK ||
        wire_header_encode(&header, check->record.len, net_conn_out(conn)) != TIDINGS_OK ||
        buf_add_str(net_conn_out(conn), check->record) != TIDINGS_OK ||
        net_conn_flush(conn) != TIDINGS_OK) {
        abort();
    }
    sem_post(&check->done);
}

// Asks the producer about a half message, given as a record.
static inline void fake_ask(struct fake *fake, struct str record, int64_t table_offset,
                            int64_t log_offset)
{
    struct fake_check check = { .fake = fake,
                                .fields = { .table_offset = table_offset,
                                            .log_offset = log_offset },
                                .record = record };
    sem_init(&check.done, 0, 0);
    if (net_loop_post(fake->loop, fake_check_task, &check) != TIDINGS_OK) {
        abort();
    }
    while (sem_wait(&check.done) != 0) {
    }
    sem_destroy(&check.done);
}

// The n-th record of a queue, good as long as the fake lives.
static inline struct str fake_record(struct fake *fake, const char *topic, int queue, int64_t n)
{
    pthread_mutex_lock(&fake->lock);
    const struct fake_queue *of = &fake_topic(fake, str_of(topic))->queue[queue];
    struct str record =
        n < of->count ? str_make(of->records[n], of->sizes[n]) : (struct str){ NULL, 0 };
    pthread_mutex_unlock(&fake->lock);
    return record;
}

static inline struct fake_end fake_last_end(struct fake *fake)
{
    pthread_mutex_lock(&fake->lock);
    struct fake_end end = fake->end;
    pthread_mutex_unlock(&fake->lock);
    return end;
}

#endif
