// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <semaphore.h>
#include <string.h>
#include <tidings/tidings.h>
#include <unistd.h>

#include "base/clock.h"
#include "test_client_fake.h"

enum { SEEN_MAX = 256, STOP_MS = 60000 };

struct seen {
    char body[32];
    char topic[64];
    int32_t times;
    int32_t queue;
    int64_t offset;
    int64_t wall_ms;
};

struct rig {
    struct fake *fake;
    tidings_consumer *consumer;
    char folder[64];
    sem_t delivered;
    pthread_mutex_t lock;
    struct seen seen[SEEN_MAX];
    int count;
    tidings_answer first_answer; // of a body's first delivery; then ACK
    int64_t later_ms;            // -1 = not named
    int later_level;
    bool waits; // the handler waits for `go`, with a body's first delivery
    sem_t go;
    int errors; // events of this kind
    char error[512];
};

static bool came_before(const struct rig *rig, const char *body)
{
    for (int i = 0; i < rig->count; i++) {
        if (strcmp(rig->seen[i].body, body) == 0) {
            return true;
        }
    }
    return false;
}

static tidings_answer handle(void *arg, const tidings_message *message, tidings_delivery *delivery)
{
    struct rig *rig = arg;
    size_t len;
    const char *body = tidings_message_body(message, &len);
    pthread_mutex_lock(&rig->lock);
    struct seen *seen = &rig->seen[rig->count];
    (void)str_copy(seen->body, sizeof seen->body, str_make(body, len));
    (void)str_copy(seen->topic, sizeof seen->topic, str_of(tidings_message_topic(message)));
    seen->times = tidings_message_reconsume_times(message);
    seen->queue = tidings_message_queue_id(message);
    seen->offset = tidings_message_queue_offset(message);
    seen->wall_ms = clock_wall_ms(clock_system());
    bool is_first = !came_before(rig, seen->body);
    tidings_answer answer = is_first ? rig->first_answer : TIDINGS_ACK;
    rig->count++;
    bool waits = rig->waits && is_first;
    pthread_mutex_unlock(&rig->lock);
    if (answer == TIDINGS_LATER && rig->later_ms >= 0) {
        tidings_delivery_later_ms(delivery, rig->later_ms);
    } else if (answer == TIDINGS_LATER && rig->later_level > 0) {
        tidings_delivery_later_level(delivery, rig->later_level);
    }
    sem_post(&rig->delivered);
    while (waits && sem_wait(&rig->go) != 0) {
    }
    return answer;
}

static int set_up(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    rig->fake = fake_start();
    rig->later_ms = -1;
    (void)str_copy(rig->folder, sizeof rig->folder, STR("/tmp/tidings-client-XXXXXX"));
    assert_non_null(mkdtemp(rig->folder));
    sem_init(&rig->delivered, 0, 0);
    sem_init(&rig->go, 0, 0);
    pthread_mutex_init(&rig->lock, NULL);
    *state = rig;
    return 0;
}

static void remove_folder(const char *path)
{
    char inner[512];
    DIR *folder = opendir(path);
    for (struct dirent *entry = folder ? readdir(folder) : NULL; entry; entry = readdir(folder)) {
        if (entry->d_name[0] != '.') {
            snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
            if (unlink(inner) != 0) {
                remove_folder(inner);
            }
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    rmdir(path);
}

static int tear_down(void **state)
{
    struct rig *rig = *state;
    tidings_consumer_free(rig->consumer);
    fake_stop(rig->fake);
    remove_folder(rig->folder);
    sem_destroy(&rig->delivered);
    sem_destroy(&rig->go);
    pthread_mutex_destroy(&rig->lock);
    free(rig);
    return 0;
}

static void on_event(void *arg, int is_error, const char *text)
{
    struct rig *rig = arg;
    pthread_mutex_lock(&rig->lock);
    if (is_error) {
        rig->errors++;
        (void)snprintf(rig->error, sizeof rig->error, "%s", text);
    }
    pthread_mutex_unlock(&rig->lock);
}

// settings: names and values, ended by NULL.
static void start(struct rig *rig, bool orderly, const char *const *settings)
{
    tidings_config *config = tidings_config_new();
    assert_int_equal(tidings_config_set(config, "name_servers", rig->fake->address, NULL),
                     TIDINGS_OK);
    assert_int_equal(tidings_config_set(config, "group", "g", NULL), TIDINGS_OK);
    assert_int_equal(tidings_config_set(config, "from", "first", NULL), TIDINGS_OK);
    assert_int_equal(tidings_config_set(config, "offsets_folder", rig->folder, NULL), TIDINGS_OK);
    for (; settings != NULL && *settings != NULL; settings += 2) {
        assert_int_equal(tidings_config_set(config, settings[0], settings[1], NULL), TIDINGS_OK);
    }
    assert_int_equal(tidings_consumer_new(config, &rig->consumer, NULL), TIDINGS_OK);
    tidings_config_free(config);
    assert_int_equal(tidings_consumer_subscribe(rig->consumer, "t", "*", NULL), TIDINGS_OK);
    if (orderly) {
        tidings_consumer_on_message_orderly(rig->consumer, handle, rig);
    } else {
        tidings_consumer_on_message(rig->consumer, handle, rig);
    }
    tidings_consumer_on_event(rig->consumer, on_event, rig);
    assert_int_equal(tidings_consumer_start(rig->consumer, NULL), TIDINGS_OK);
}

static void await_deliveries(struct rig *rig, int count)
{
    for (int i = 0; i < count; i++) {
        while (sem_wait(&rig->delivered) != 0) {
        }
    }
}

static void put_many(struct rig *rig, int count)
{
    for (int i = 0; i < count; i++) {
        char body[32];
        snprintf(body, sizeof body, "m%d", i);
        fake_put(rig->fake, "t", i % FAKE_QUEUES, body, "");
    }
}

static void what_was_done_is_stored(void **state)
{
    struct rig *rig = *state;
    put_many(rig, 100);
    start(rig, false, NULL);
    await_deliveries(rig, 100);
    tidings_consumer_stop(rig->consumer, STOP_MS);
    assert_int_equal(fake_stored_offset(rig->fake, "t", 0), 50);
    assert_int_equal(fake_stored_offset(rig->fake, "t", 1), 50);
    fake_await(rig->fake, WIRE_UNREGISTER_CLIENT, 1);
    tidings_consumer_free(rig->consumer);
    fake_put(rig->fake, "t", 0, "new", "");
    start(rig, false, NULL);
    await_deliveries(rig, 1);
    assert_string_equal(rig->seen[100].body, "new");
    assert_int_equal(rig->count, 101);
}

static void a_new_group_may_begin_at_the_end(void **state)
{
    static const char *const settings[] = { "from", "last", NULL };
    struct rig *rig = *state;
    put_many(rig, 10);
    start(rig, false, settings);
    fake_await(rig->fake, WIRE_GET_MAX_OFFSET, FAKE_QUEUES); // of each it knows where that is
    fake_put(rig->fake, "t", 1, "new", "");
    await_deliveries(rig, 1);
    assert_string_equal(rig->seen[0].body, "new");
    for (int i = 0; i < 60000 && tidings_consumer_queue_count(rig->consumer) < 3; i++) {
        (void)usleep(1000);
    }
    assert_int_equal(tidings_consumer_queue_count(rig->consumer), 3); // with the retry topic's
}

static void later_is_sent_back_and_comes_again(void **state)
{
    struct rig *rig = *state;
    rig->first_answer = TIDINGS_LATER;
    fake_put(rig->fake, "t", 0, "x", "");
    start(rig, false, NULL);
    await_deliveries(rig, 2);
    assert_int_equal(rig->seen[1].times, 1);
    assert_string_equal(rig->seen[1].topic, "t");
    assert_int_equal(rig->fake->last_level, 0);
    assert_int_equal(rig->fake->last_max, 16); // RocketMQ must be told
    assert_int_equal(rig->fake->last_delay_ms, -1);
    tidings_consumer_stop(rig->consumer, STOP_MS);
    assert_int_equal(fake_stored_offset(rig->fake, "t", 0), 1);
    assert_int_equal(fake_stored_offset(rig->fake, "%RETRY%g", 0), 1);
}

static void a_tidings_broker_is_asked_for_exact_delays(void **state)
{
    static const char *const settings[] = { "max_attempts", "7", NULL };
    struct rig *rig = *state;
    rig->fake->is_tidings = true;
    rig->first_answer = TIDINGS_LATER;
    rig->later_ms = 3600000;
    fake_put(rig->fake, "t", 0, "x", "");
    start(rig, false, settings);
    await_deliveries(rig, 2); // the fake one does not wait
    assert_true(rig->fake->last_delay_ms > 3590000 && rig->fake->last_delay_ms <= 3600000);
    assert_int_equal(rig->fake->last_max, 7);
}

static void a_tidings_broker_has_its_own_limit(void **state)
{
    struct rig *rig = *state;
    rig->fake->is_tidings = true;
    rig->first_answer = TIDINGS_LATER;
    fake_put(rig->fake, "t", 0, "x", "");
    start(rig, false, NULL);
    await_deliveries(rig, 2);
    assert_int_equal(rig->fake->last_max, -1);
}

static void a_named_level_is_passed_on(void **state)
{
    struct rig *rig = *state;
    rig->first_answer = TIDINGS_LATER;
    rig->later_level = 4;
    fake_put(rig->fake, "t", 0, "x", "");
    start(rig, false, NULL);
    await_deliveries(rig, 2);
    assert_int_equal(rig->fake->last_level, 4);
}

static void dead_goes_to_the_dead_letters(void **state)
{
    struct rig *rig = *state;
    rig->first_answer = TIDINGS_DEAD;
    fake_put(rig->fake, "t", 0, "x", "");
    start(rig, false, NULL);
    fake_await(rig->fake, WIRE_CONSUMER_SEND_MSG_BACK, 1);
    assert_int_equal(fake_count(rig->fake, "%DLQ%g"), 1);
    tidings_consumer_stop(rig->consumer, STOP_MS);
    assert_int_equal(rig->count, 1);
    assert_int_equal(fake_stored_offset(rig->fake, "t", 0), 1);
}

static void a_failed_send_back_becomes_a_copy(void **state)
{
    struct rig *rig = *state;
    rig->first_answer = TIDINGS_LATER;
    fake_fail(rig->fake, WIRE_CONSUMER_SEND_MSG_BACK, 1, WIRE_SYSTEM_ERROR);
    fake_put(rig->fake, "t", 0, "x", "KEYS\x01k\x02");
    start(rig, false, NULL);
    await_deliveries(rig, 2);
    assert_string_equal(rig->fake->last_topic, "%RETRY%g");
    assert_int_equal(rig->fake->last_reconsume, 1);
    assert_non_null(strstr(rig->fake->last_properties, "DELAY\x01"
                                                       "3\x02"));
    assert_non_null(strstr(rig->fake->last_properties, "RETRY_TOPIC\x01t\x02"));
    assert_non_null(strstr(rig->fake->last_properties, "KEYS\x01k\x02"));
    assert_int_equal(rig->seen[1].times, 1);
}

static void an_exact_delay_is_composed_for_rocketmq(void **state)
{
    struct rig *rig = *state;
    rig->first_answer = TIDINGS_LATER;
    rig->later_ms = 120; // under the shortest level: held here
    fake_put(rig->fake, "t", 0, "x", "");
    start(rig, false, NULL);
    await_deliveries(rig, 2);
    assert_true(rig->seen[1].wall_ms - rig->seen[0].wall_ms >= 120);
    assert_int_equal(rig->seen[1].times, 1);
    assert_int_equal(fake_seen(rig->fake, WIRE_CONSUMER_SEND_MSG_BACK), 0);
    assert_non_null(strstr(rig->fake->last_properties, "TIDINGS_DUE_MS\x01"));
    tidings_consumer_stop(rig->consumer, STOP_MS);
    assert_int_equal(fake_stored_offset(rig->fake, "%RETRY%g", 0), 1);
}

static void a_long_delay_hops_past_the_handler(void **state)
{
    struct rig *rig = *state;
    char properties[128];
    snprintf(properties, sizeof properties, "RETRY_TOPIC\x01t\x02TIDINGS_DUE_MS\x01%lld\x02",
             (long long)clock_wall_ms(clock_system()) + 90 * 60000);
    fake_put(rig->fake, "%RETRY%g", 0, "x", properties);
    start(rig, false, NULL);
    fake_await(rig->fake, WIRE_SEND_MESSAGE_V2, 3); // the fake one does not delay: hop by hop
    tidings_consumer_stop(rig->consumer, STOP_MS);
    assert_int_equal(rig->count, 0);
    assert_int_equal(rig->fake->last_reconsume, 0);
    assert_non_null(strstr(rig->fake->last_properties, "DELAY\x01"
                                                       "17\x02"));
}

static void rocketmq_5_gets_timers(void **state)
{
    struct rig *rig = *state;
    rig->fake->version = 477;
    rig->first_answer = TIDINGS_LATER;
    rig->later_ms = 3600000;
    fake_put(rig->fake, "t", 0, "x", "");
    start(rig, false, NULL);
    fake_await(rig->fake, WIRE_SEND_MESSAGE_V2, 1);
    tidings_consumer_stop(rig->consumer, STOP_MS);
    assert_non_null(strstr(rig->fake->last_properties, "TIMER_DELIVER_MS\x01"));
    assert_null(strstr(rig->fake->last_properties, "DELAY\x01"));
}

static void the_clients_ladder_ends_in_the_dead_letters(void **state)
{
    static const char *const settings[] = { "ladder", "10ms 20ms", NULL };
    struct rig *rig = *state;
    rig->first_answer = TIDINGS_LATER;
    fake_put(rig->fake, "%RETRY%g", 0, "x", "RETRY_TOPIC\x01t\x02");
    pthread_mutex_lock(&rig->fake->lock);
    struct wire_message worn = { .body = STR("worn"), .reconsume_times = 2 };
    (void)fake_store(rig->fake, STR("t"), 0, &worn);
    pthread_mutex_unlock(&rig->fake->lock);
    start(rig, false, settings);
    fake_await(rig->fake, WIRE_CONSUMER_SEND_MSG_BACK, 1);
    assert_int_equal(rig->fake->last_level, -1);
    await_deliveries(rig, 3); // x twice, worn once
    assert_int_equal(fake_count(rig->fake, "%DLQ%g"), 1);
}

static void a_handler_that_takes_too_long_is_passed(void **state)
{
    static const char *const settings[] = { "consume_timeout", "40", NULL };
    struct rig *rig = *state;
    rig->waits = true;
    fake_put(rig->fake, "t", 0, "x", "");
    start(rig, false, settings);
    await_deliveries(rig, 1);
    fake_await(rig->fake, WIRE_CONSUMER_SEND_MSG_BACK, 1);
    await_deliveries(rig, 1); // by another thread, while the first still runs
    sem_post(&rig->go);
    tidings_consumer_stop(rig->consumer, STOP_MS);
    assert_int_equal(fake_stored_offset(rig->fake, "t", 0), 1);
    // A handler that was kept from the processor for so long is passed too.
    assert_true(rig->count >= 2);
    assert_true(rig->count <= 1 + fake_seen(rig->fake, WIRE_CONSUMER_SEND_MSG_BACK));
}

static void order_is_kept_while_one_fails(void **state)
{
    static const char *const settings[] = { "orderly_suspend", "10", NULL };
    struct rig *rig = *state;
    int64_t next[FAKE_QUEUES] = { 0 };
    rig->first_answer = TIDINGS_LATER;
    put_many(rig, 20);
    start(rig, true, settings);
    await_deliveries(rig, 40); // each fails once
    tidings_consumer_stop(rig->consumer, STOP_MS);
    for (int i = 0; i < 40; i++) {
        const struct seen *seen = &rig->seen[i];
        assert_int_equal(seen->offset, next[seen->queue] / 2);
        assert_int_equal(seen->times, next[seen->queue] % 2);
        next[seen->queue]++;
    }
    assert_int_equal(fake_stored_offset(rig->fake, "t", 0), 10);
    assert_int_equal(fake_stored_offset(rig->fake, "t", 1), 10);
    fake_await(rig->fake, WIRE_UNLOCK_BATCH_MQ, 2);
}

static void an_orderly_message_may_die(void **state)
{
    static const char *const settings[] = { "orderly_suspend", "1", "max_attempts", "0", NULL };
    struct rig *rig = *state;
    rig->first_answer = TIDINGS_LATER;
    put_many(rig, 20);
    start(rig, true, settings);
    await_deliveries(rig, 20);
    fake_await(rig->fake, WIRE_CONSUMER_SEND_MSG_BACK, 20);
    tidings_consumer_stop(rig->consumer, STOP_MS);
    assert_int_equal(rig->count, 20);
    assert_int_equal(fake_count(rig->fake, "%DLQ%g"), 20);
    assert_int_equal(fake_stored_offset(rig->fake, "t", 1), 10);
}

static void without_the_lock_nothing_is_delivered(void **state)
{
    struct rig *rig = *state;
    rig->fake->takes_locks = true;
    put_many(rig, 2);
    start(rig, true, NULL);
    fake_await(rig->fake, WIRE_LOCK_BATCH_MQ, 2);
    assert_int_equal(fake_seen(rig->fake, WIRE_PULL_MESSAGE), 0);
    assert_int_equal(tidings_consumer_queue_count(rig->consumer), 0);
    pthread_mutex_lock(&rig->fake->lock);
    rig->fake->takes_locks = false;
    pthread_mutex_unlock(&rig->fake->lock);
    await_deliveries(rig, 2);
}

static void push(struct rig *rig, int32_t code, const char *body)
{
    struct fake_push push = { .fake = rig->fake, .code = code, .body = str_of(body), .count = 2 };
    push.pairs[0] = (struct wire_pair){ STR("group"), STR("g") };
    push.pairs[1] = (struct wire_pair){ STR("consumerGroup"), STR("g") };
    sem_init(&push.done, 0, 0);
    assert_int_equal(net_loop_post(rig->fake->loop, fake_push_task, &push), TIDINGS_OK);
    while (sem_wait(&push.done) != 0) {
    }
    sem_destroy(&push.done);
}

static void an_offset_may_be_set_anew(void **state)
{
    struct rig *rig = *state;
    put_many(rig, 20);
    start(rig, false, NULL);
    await_deliveries(rig, 20);
    push(rig, WIRE_RESET_CONSUMER_CLIENT_OFFSET,
         "{\"offsetTable\":{{\"brokerName\":\"fake-a\",\"queueId\":1,\"topic\":\"t\"}:7}}");
    await_deliveries(rig, 3);
    int64_t lowest = INT64_MAX;
    for (int i = 20; i < 23; i++) {
        assert_int_equal(rig->seen[i].queue, 1);
        lowest = rig->seen[i].offset < lowest ? rig->seen[i].offset : lowest;
    }
    assert_int_equal(lowest, 7);
}

static void news_of_members_lead_to_a_rebalance(void **state)
{
    struct rig *rig = *state;
    put_many(rig, 2);
    start(rig, false, NULL);
    await_deliveries(rig, 2);
    int before = fake_seen(rig->fake, WIRE_GET_CONSUMER_LIST_BY_GROUP);
    push(rig, WIRE_NOTIFY_CONSUMER_IDS_CHANGED, "");
    fake_await(rig->fake, WIRE_GET_CONSUMER_LIST_BY_GROUP, before + 2); // a topic each
}

static void broadcasting_keeps_its_own_offsets(void **state)
{
    static const char *const settings[] = { "model", "broadcasting", NULL };
    struct rig *rig = *state;
    rig->first_answer = TIDINGS_LATER; // there is no second try
    put_many(rig, 10);
    start(rig, false, settings);
    await_deliveries(rig, 10);
    tidings_consumer_stop(rig->consumer, STOP_MS);
    tidings_consumer_free(rig->consumer);
    assert_int_equal(fake_seen(rig->fake, WIRE_UPDATE_CONSUMER_OFFSET), 0);
    assert_int_equal(fake_seen(rig->fake, WIRE_CONSUMER_SEND_MSG_BACK), 0);
    fake_put(rig->fake, "t", 0, "new", "");
    start(rig, false, settings);
    await_deliveries(rig, 1);
    assert_string_equal(rig->seen[10].body, "new");
    assert_int_equal(rig->count, 11);
}

static void a_stop_waits_for_handlers_only_so_long(void **state)
{
    struct rig *rig = *state;
    rig->waits = true;
    fake_put(rig->fake, "t", 0, "x", "");
    start(rig, false, NULL);
    await_deliveries(rig, 1);
    tidings_consumer_stop(rig->consumer, 20);
    assert_true(fake_stored_offset(rig->fake, "t", 0) <= 0); // not done, not stored
    sem_post(&rig->go);
}

static void failures_of_every_step_are_survived(void **state)
{
    static const int32_t codes[] = { WIRE_GET_ROUTEINFO_BY_TOPIC, WIRE_HEART_BEAT,
                                     WIRE_GET_CONSUMER_LIST_BY_GROUP, WIRE_QUERY_CONSUMER_OFFSET,
                                     WIRE_PULL_MESSAGE };
    static const char *const settings[] = { "request_timeout", "100", NULL };
    struct rig *rig = *state;
    for (size_t i = 0; i < BASE_COUNT(codes); i++) {
        fake_fail(rig->fake, codes[i], 1, i % 2 == 0 ? WIRE_SYSTEM_ERROR : FAKE_GONE);
    }
    put_many(rig, 4);
    start(rig, false, settings);
    await_deliveries(rig, 4);
}

// A wrong secret, for one, keeps a consumer from everything: it must not wait in silence. Said once
// on a connection, however often it is tried.
static void what_keeps_it_from_consuming_is_said(void **state)
{
    struct rig *rig = *state;
    fake_fail(rig->fake, WIRE_HEART_BEAT, 3, WIRE_NO_PERMISSION);
    start(rig, false, NULL);
    fake_await(rig->fake, WIRE_HEART_BEAT, 4);
    put_many(rig, 1);
    await_deliveries(rig, 1);
    pthread_mutex_lock(&rig->lock);
    assert_int_equal(rig->errors, 1);
    assert_non_null(strstr(rig->error, "heartbeat"));
    assert_non_null(strstr(rig->error, " 16"));
    pthread_mutex_unlock(&rig->lock);
}

static void a_refused_look_up_is_said(void **state)
{
    struct rig *rig = *state;
    fake_fail(rig->fake, WIRE_GET_ROUTEINFO_BY_TOPIC, 4, WIRE_NO_PERMISSION);
    start(rig, false, NULL);
    put_many(rig, 1);
    await_deliveries(rig, 1);
    pthread_mutex_lock(&rig->lock);
    assert_true(rig->errors >= 1 && rig->errors <= 2); // its topic, and that of its retries
    assert_non_null(strstr(rig->error, "topic "));
    assert_non_null(strstr(rig->error, "route"));
    pthread_mutex_unlock(&rig->lock);
}

static void states_are_checked(void **state)
{
    struct rig *rig = *state;
    struct tidings_error err = { 0 };
    tidings_config *config = tidings_config_new();
    assert_int_equal(tidings_consumer_new(config, &rig->consumer, &err), TIDINGS_E_INVALID);
    assert_int_equal(tidings_config_set(config, "group", "g", NULL), TIDINGS_OK);
    assert_int_equal(tidings_consumer_new(config, &rig->consumer, NULL), TIDINGS_OK);
    tidings_config_free(config);
    assert_int_equal(tidings_consumer_start(rig->consumer, &err), TIDINGS_E_STATE);
    tidings_consumer_stop(rig->consumer, 0);
    tidings_consumer_free(rig->consumer);
    put_many(rig, 1);
    start(rig, false, NULL);
    assert_int_equal(tidings_consumer_start(rig->consumer, &err), TIDINGS_E_STATE);
    assert_int_equal(tidings_consumer_subscribe(rig->consumer, "u", "*", &err), TIDINGS_E_STATE);
}

#define RIGGED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIGGED(what_was_done_is_stored),
        RIGGED(a_new_group_may_begin_at_the_end),
        RIGGED(later_is_sent_back_and_comes_again),
        RIGGED(a_tidings_broker_is_asked_for_exact_delays),
        RIGGED(a_tidings_broker_has_its_own_limit),
        RIGGED(a_named_level_is_passed_on),
        RIGGED(dead_goes_to_the_dead_letters),
        RIGGED(a_failed_send_back_becomes_a_copy),
        RIGGED(an_exact_delay_is_composed_for_rocketmq),
        RIGGED(a_long_delay_hops_past_the_handler),
        RIGGED(rocketmq_5_gets_timers),
        RIGGED(the_clients_ladder_ends_in_the_dead_letters),
        RIGGED(a_handler_that_takes_too_long_is_passed),
        RIGGED(order_is_kept_while_one_fails),
        RIGGED(an_orderly_message_may_die),
        RIGGED(without_the_lock_nothing_is_delivered),
        RIGGED(an_offset_may_be_set_anew),
        RIGGED(news_of_members_lead_to_a_rebalance),
        RIGGED(broadcasting_keeps_its_own_offsets),
        RIGGED(a_stop_waits_for_handlers_only_so_long),
        RIGGED(failures_of_every_step_are_survived),
        RIGGED(what_keeps_it_from_consuming_is_said),
        RIGGED(a_refused_look_up_is_said),
        RIGGED(states_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
