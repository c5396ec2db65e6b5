// SPDX-License-Identifier: Apache-2.0
// Conditions over properties, and servers with accounts.
#include "interop.h"

#include <stdio.h>
#include <string.h>

static bool send_amount(struct env *env, const char *topic, const char *body, const char *amount,
                        const char *currency)
{
    struct tidings_error err = { 0 };
    tidings_message *message = tidings_message_new(topic, body, strlen(body));
    tidings_status status = message == NULL ? TIDINGS_E_NO_MEMORY : TIDINGS_OK;
    if (status == TIDINGS_OK && amount != NULL) {
        status = tidings_message_set_property(message, "amount", amount);
    }
    if (status == TIDINGS_OK) {
        status = tidings_message_set_property(message, "currency", currency);
    }
    if (status == TIDINGS_OK) {
        status = tidings_producer_send(env->producer, message, NULL, &err);
    }
    tidings_message_free(message);
    CHECK(env, status == TIDINGS_OK, "sending %s: %s", body, err.text);
    return true;
}

bool scenario_sql(struct env *env)
{
    static const char sql[] = "amount > 100 AND currency IN ('CNY', 'EUR')";
    char topic[96], group[96];
    struct tidings_error err = { 0 };
    tidings_consumer *wrong = NULL;
    struct inbox *seen = inbox_new(env);
    env_name(env, "group", group, sizeof(group));
    tidings_config *config = env_config(env, group);
    CHECK(env, config != NULL && tidings_consumer_new(config, &wrong, &err) == TIDINGS_OK,
          "new consumer: %s", err.text);
    tidings_config_free(config);
    tidings_status status =
        tidings_consumer_subscribe_sql(wrong, "some_topic", "amount > > 5", &err);
    tidings_consumer_free(wrong);
    CHECK(env, status == TIDINGS_E_INVALID && strstr(err.text, "10") != NULL,
          "a wrong condition: %s %s", tidings_status_name(status), err.text);
    if (!env_topic(env, "topic", 2, topic, sizeof(topic)) ||
        env_sql_consumer(env, env_config(env, group), topic, sql, inbox_take, seen) == NULL) {
        return false;
    }
    if (!send_amount(env, topic, "small", "100", "CNY") ||
        !send_amount(env, topic, "right", "101", "CNY") ||
        !send_amount(env, topic, "elsewhere", "500", "USD") ||
        !send_amount(env, topic, "without", NULL, "EUR") ||
        !send_amount(env, topic, "fraction", "100.5", "EUR") || // no whole number, as 100 is
        !send_amount(env, topic, "last", "250", "EUR") ||
        !inbox_await(env, seen, "right", 1, WAIT_MS) ||
        !inbox_await(env, seen, "last", 1, WAIT_MS)) {
        return false;
    }
    pause_ms(1500);
    CHECK(env, inbox_total(seen) == 2, "%zu messages came, not 2", inbox_total(seen));
    return true;
}

// ---- accounts ----
struct account {
    char key[64];
    char secret[64];
};

static tidings_config *config_of(struct env *env, const char *name, const struct account *account)
{
    char group[128];
    env_name(env, name, group, sizeof(group));
    tidings_config *config = env_config(env, group);
    if (config == NULL || !env_set(env, config, "access_key", account->key) ||
        !env_set(env, config, "secret_key", account->secret) ||
        !env_set(env, config, "send_retries", "0")) {
        tidings_config_free(config);
        return NULL;
    }
    return config;
}

static tidings_status send_as(struct env *env, const char *name, const struct account *account,
                              const char *topic, const char *body, struct tidings_error *err)
{
    tidings_producer *producer = NULL;
    tidings_config *config = config_of(env, name, account);
    tidings_message *message = tidings_message_new(topic, body, strlen(body));
    tidings_status status = config != NULL && message != NULL
                                ? tidings_producer_new(config, &producer, err)
                                : TIDINGS_E_NO_MEMORY;
    tidings_config_free(config);
    if (status == TIDINGS_OK) {
        status = tidings_producer_start(producer, err);
    }
    if (status == TIDINGS_OK) {
        status = tidings_producer_send(producer, message, NULL, err);
    }
    tidings_producer_free(producer);
    tidings_message_free(message);
    return status;
}

static bool refused(struct env *env, const char *name, const struct account *account,
                    const char *topic, const char *reason)
{
    struct tidings_error err = { 0 };
    tidings_status status = send_as(env, name, account, topic, "refused", &err);
    CHECK(env, status == TIDINGS_E_REFUSED || status == TIDINGS_E_PERMISSION, "%s: %s %s", name,
          tidings_status_name(status), err.text);
    CHECK(env, strstr(err.text, reason) != NULL, "%s: refused, but without \"%s\": %s", name,
          reason, err.text);
    CHECK(env, strstr(err.text, account->secret) == NULL, "%s: the secret is told", name);
    return true;
}

static bool read_accounts(struct env *env, struct account *all, struct account *reader)
{
    CHECK(env,
          env->options->accounts != NULL &&
              sscanf(env->options->accounts, "%63[^:]:%63[^,],%63[^:]:%63[^,]", all->key,
                     all->secret, reader->key, reader->secret) == 4,
          "--accounts KEY:SECRET,READER:SECRET is needed");
    return true;
}

bool scenario_accounts(struct env *env)
{
    struct account all, reader;
    char topic[96];
    struct tidings_error err = { 0 };
    struct inbox *seen = inbox_new(env);
    env_name(env, "topic", topic, sizeof(topic));
    if (!read_accounts(env, &all, &reader)) {
        return false;
    }
    struct account wrong = all, nobody = all;
    snprintf(wrong.secret, sizeof(wrong.secret), "%.60sx", all.secret);
    snprintf(nobody.key, sizeof(nobody.key), "nobody-knows");
    CHECK(env, send_as(env, "good", &all, topic, "first", &err) == TIDINGS_OK, "first: %s",
          err.text);
    if (env_consumer(env, config_of(env, "group", &reader), topic, "*", inbox_take, false, seen) ==
            NULL ||
        !inbox_await(env, seen, "first", 1, WAIT_MS) ||
        !refused(env, "wrong", &wrong, topic, "access key or signature is wrong") ||
        !refused(env, "nobody", &nobody, topic, "access key or signature is wrong") ||
        !refused(env, "reader", &reader, topic, "PUB")) {
        return false;
    }
    CHECK(env, send_as(env, "good-again", &all, topic, "last", &err) == TIDINGS_OK, "last: %s",
          err.text);
    return inbox_await(env, seen, "last", 1, WAIT_MS);
}
