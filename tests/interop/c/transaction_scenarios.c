// SPDX-License-Identifier: Apache-2.0
// Transactional messages whose body is what the local transaction and each check answer, in order,
// as letters: "C" commits at once, "UUC" knows nothing at first and at the first check and commits
// at the second. The last answer repeats.
#include "interop.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EACH = 5, HALVES = 20, CHECK_WAIT_MS = 60000, HOLD_MS = 3000 };

static tidings_decision decide(const char *story, size_t at)
{
    size_t last = strcspn(story, "-") - 1;
    switch (story[at < last ? at : last]) {
    case 'C': return TIDINGS_COMMIT;
    case 'R': return TIDINGS_ROLLBACK;
    default: return TIDINGS_LEAVE;
    }
}

// Counts the checks of each body in an inbox.
static tidings_decision answer(void *arg, const char *transaction_id,
                               const tidings_message *message)
{
    char body[32] = "";
    size_t len;
    const void *bytes = tidings_message_body(message, &len);
    memcpy(body, bytes, len < sizeof(body) ? len : sizeof(body) - 1);
    if (strcmp(transaction_id, tidings_message_id(message)) != 0) {
        return TIDINGS_LEAVE; // and the scenario waits in vain
    }
    return decide(body, inbox_add(arg, message));
}

static tidings_producer *transactional(struct env *env, const char *group, const char *topic,
                                       tidings_checker *checker, void *arg)
{
    struct tidings_error err = { 0 };
    tidings_producer *producer = NULL;
    tidings_config *config = env_config(env, group);
    if (config == NULL || !env_set(env, config, "check_topics", topic)) {
        tidings_config_free(config);
        return NULL;
    }
    tidings_status status = tidings_producer_new(config, &producer, &err);
    tidings_config_free(config);
    if (status == TIDINGS_OK) {
        env->producers[env->producer_count++] = producer;
        status = tidings_producer_set_checker(producer, checker, arg, &err);
    }
    if (status == TIDINGS_OK) {
        status = tidings_producer_start(producer, &err);
    }
    if (status != TIDINGS_OK) {
        fail(env, "transactional producer: %s", err.text);
        return NULL;
    }
    return producer;
}

static bool tell(struct env *env, tidings_producer *producer, const char *topic, const char *body)
{
    struct tidings_error err = { 0 };
    tidings_transaction *transaction = NULL;
    tidings_message *message = tidings_message_new(topic, body, strlen(body));
    CHECK(env, message != NULL, "cannot make a message for %s", topic);
    tidings_status status = tidings_producer_begin(producer, message, &transaction, &err);
    if (status == TIDINGS_OK) {
        switch (decide(body, 0)) {
        case TIDINGS_COMMIT: status = tidings_transaction_commit(transaction, &err); break;
        case TIDINGS_ROLLBACK: status = tidings_transaction_rollback(transaction, &err); break;
        default: status = tidings_transaction_end(transaction, TIDINGS_LEAVE, &err); break;
        }
    }
    tidings_transaction_free(transaction);
    tidings_message_free(message);
    CHECK(env, status == TIDINGS_OK, "transaction %s: %s %s", body, tidings_status_name(status),
          err.text);
    return true;
}

struct expected {
    struct inbox *inbox;
    size_t count;
};

static bool has_all(void *arg)
{
    const struct expected *expected = arg;
    return inbox_total(expected->inbox) >= expected->count;
}

bool scenario_transactions(struct env *env)
{
    static const char *const stories[] = { "C", "R", "UC", "UUC", "UUR" };
    enum { STORIES = sizeof(stories) / sizeof(stories[0]) };
    char topic[96], group[96], reader[96], body[32];
    struct inbox *seen = inbox_new(env), *asked = inbox_new(env);
    size_t checks = 0;
    env_name(env, "producers", group, sizeof(group));
    env_name(env, "group", reader, sizeof(reader));
    if (!env_topic(env, "topic", 4, topic, sizeof(topic)) ||
        env_consumer(env, env_config(env, reader), topic, "*", inbox_take, false, seen) == NULL) {
        return false;
    }
    tidings_producer *producer = transactional(env, group, topic, answer, asked);
    for (int i = 0; producer != NULL && i < STORIES * EACH; i++) {
        snprintf(body, sizeof(body), "%s-%d", stories[i % STORIES], i);
        checks += strlen(stories[i % STORIES]) - 1;
        if (!tell(env, producer, topic, body)) {
            return false;
        }
    }
    struct expected all_asked = { asked, checks };
    struct expected all_seen = { seen, (size_t)3 * EACH };
    if (producer == NULL || !await(env, "every check", CHECK_WAIT_MS, has_all, &all_asked) ||
        !await(env, "what was committed", WAIT_MS, has_all, &all_seen)) {
        return false;
    }
    pause_ms(HOLD_MS);
    CHECK(env, inbox_total(seen) == all_seen.count, "%zu messages came, not %zu", inbox_total(seen),
          all_seen.count);
    CHECK(env, inbox_total(asked) == checks, "%zu checks came, not %zu", inbox_total(asked),
          checks);
    for (int i = 0; i < STORIES * EACH; i++) {
        const char *story = stories[i % STORIES];
        snprintf(body, sizeof(body), "%s-%d", story, i);
        CHECK(env, inbox_count(seen, body) == (strchr(story, 'C') != NULL), "%s came %zu times",
              body, inbox_count(seen, body));
        CHECK(env, inbox_count(asked, body) == strlen(story) - 1, "%s was asked about %zu times",
              body, inbox_count(asked, body));
    }
    return true;
}

// ---- another instance of the group answers ----
static tidings_decision know_nothing(void *arg, const char *transaction_id,
                                     const tidings_message *message)
{
    (void)arg;
    (void)transaction_id;
    (void)message;
    return TIDINGS_LEAVE;
}

int halves_run(const struct options *options, const char *group, const char *topic)
{
    struct env env = { .options = options };
    char body[32];
    snprintf(env.id, sizeof(env.id), "halves-%d", (int)getpid());
    tidings_producer *producer = transactional(&env, group, topic, know_nothing, NULL);
    for (int i = 0; producer != NULL && i < HALVES; i++) {
        snprintf(body, sizeof(body), "UC-%d", i);
        if (!tell(&env, producer, topic, body)) {
            break;
        }
    }
    puts(env.reason[0] == '\0' ? "SENT" : env.reason);
    fflush(stdout);
    pause_ms(CHECK_WAIT_MS); // until it is killed
    _exit(1);
}

// In the forked process: this program once more, with the settings of this one.
static void become_other(const struct options *options, const char *group, const char *topic)
{
    const char *given[24] = { "interop_client", "--ns", options->name_server };
    char *args[24] = { NULL };
    size_t count = 3;
    for (size_t i = 0; i < options->setting_count; i++) {
        given[count++] = "--set";
        given[count++] = options->settings[i];
    }
    given[count++] = "--halves";
    given[count++] = group;
    given[count++] = topic;
    for (size_t i = 0; i < count; i++) {
        args[i] = strdup(given[i]);
    }
    execv("/proc/self/exe", args);
    _exit(127);
}

// Starts this program once more, and kills it when its halves are sent.
static bool send_and_die(struct env *env, const char *group, const char *topic)
{
    int ends[2];
    char line[600] = "";
    CHECK(env, pipe(ends) == 0, "no pipe");
    env->worker = fork();
    if (env->worker == 0) {
        dup2(ends[1], STDOUT_FILENO);
        become_other(env->options, group, topic);
    }
    close(ends[1]);
    FILE *out = fdopen(ends[0], "r");
    bool told = env->worker > 0 && out != NULL && fgets(line, sizeof(line), out) != NULL;
    if (env->worker > 0) {
        kill(env->worker, SIGKILL);
        waitpid(env->worker, NULL, 0);
        env->worker = 0;
    }
    if (out != NULL) {
        fclose(out);
    }
    CHECK(env, told && strcmp(line, "SENT\n") == 0, "the other process said \"%s\"", line);
    return true;
}

bool scenario_transaction_takeover(struct env *env)
{
    char topic[96], group[96], reader[96], body[32];
    struct inbox *seen = inbox_new(env), *asked = inbox_new(env);
    env_name(env, "producers", group, sizeof(group));
    env_name(env, "group", reader, sizeof(reader));
    if (!env_topic(env, "topic", 4, topic, sizeof(topic)) ||
        env_consumer(env, env_config(env, reader), topic, "*", inbox_take, false, seen) == NULL ||
        !send_and_die(env, group, topic)) {
        return false;
    }
    pause_ms(1500);
    CHECK(env, inbox_total(seen) == 0, "a message came that nobody had committed");
    // The heir sends nothing: it is there for the brokers of check_topics.
    struct expected all_seen = { seen, HALVES };
    if (transactional(env, group, topic, answer, asked) == NULL ||
        !await(env, "the messages of the killed one", CHECK_WAIT_MS, has_all, &all_seen)) {
        return false;
    }
    pause_ms(HOLD_MS);
    for (int i = 0; i < HALVES; i++) {
        snprintf(body, sizeof(body), "UC-%d", i);
        CHECK(env, inbox_count(seen, body) == 1, "%s came %zu times", body,
              inbox_count(seen, body));
        CHECK(env, inbox_count(asked, body) == 1, "%s was asked about %zu times", body,
              inbox_count(asked, body));
    }
    return true;
}
