// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include <stddef.h>

#define OPTION_JSON                                                                                \
    {                                                                                              \
        "json", NULL, "print JSON for machines"                                                    \
    }
#define OPTION_ACCESS                                                                              \
    { "server", "URL", "the server's HTTP port (TIDINGS_SERVER, or else http://127.0.0.1:8080)" }, \
        { "key", "KEY",                                                                            \
          "API key; everybody on the machine can read it here, better TIDINGS_KEY" },              \
    {                                                                                              \
        "key-file", "PATH", "file that holds the API key"                                          \
    }
#define OPTION_TIMEOUT                                                                             \
    {                                                                                              \
        "timeout", "TIME", "longest wait for one answer of the server (30s)"                       \
    }
#define OPTION_API                                                                                 \
    OPTION_ACCESS, OPTION_TIMEOUT, OPTION_JSON,                                                    \
    {                                                                                              \
        0                                                                                          \
    }
#define OPTION_SECRET                                                                              \
    { "secret", "TEXT", "whsec_…; everybody on the machine can read it here, better a file" },     \
    {                                                                                              \
        "secret-file", "PATH", "the secret, or for rsa2 the private key, - for standard input"     \
    }
#define OPTION_WHEN                                                                                \
    { "since", "TIME",                                                                             \
      "accepted then or later: 2h (ago), 2026-11-24T10:30:00Z, or ms since 1970" },                \
    {                                                                                              \
        "until", "TIME", "accepted before then"                                                    \
    }
#define OPTION_RECEIVER                                                                            \
    { "url", "URL", "where to POST to" },                                                          \
        { "type", "PATTERN", "types it subscribes to, as recharge.*; may be repeated" },           \
        { "ladder", "TEXT", "its retry ladder: \"1m 5m 10m\", or a preset such as article" },      \
        { "attempt-limit", "N", "most attempts after the first, 0 = as the ladder says" },         \
        { "window", "TIME", "no attempt later than this after the first" },                        \
        { "timeout", "TIME", "deadline of one attempt (15s)" },                                    \
        { "in-flight", "N", "most attempts at a time (64)" },                                      \
        { "rate", "N", "most attempts a second, 0 = no limit" },                                   \
        { "burst", "N", "how many of them at once" },                                              \
        { "header", "NAME=VALUE", "header field of every attempt; may be repeated" },              \
        { "ack-status", "CODES", "HTTP statuses that mean taken (200-299)" },                      \
        { "ack-body", "TEXT", "the reply must be this text, as success" },                         \
        { "signature", "SCHEME", "standard, hmac_hex, params_md5, params_hmac, rsa2 or none" },    \
        { "signature-header", "NAME", "where hmac_hex goes (X-Signature)" },                       \
        { "signature-prefix", "TEXT", "what stands before hmac_hex, as sha256=" },                 \
        { "second-header", "NAME",                                                                 \
          "where hmac_hex by the other secret goes, while there are two" },                        \
        OPTION_SECRET, { "basic", "USER:PASSWORD", "credentials of basic authentication" },        \
        { "bearer", "TOKEN", "credentials as a bearer token" },                                    \
        { "soap", "VERSION", "send SOAP envelopes, 1.1 or 1.2" },                                  \
        { "soap-action", "URI", "the SOAP action" },                                               \
    {                                                                                              \
        "file", "PATH", "settings as a JSON object, - for standard input; options stand above it"  \
    }

const struct cli_option options_api[] = { OPTION_API };
const struct cli_option options_notify[] = {
    { "tx-no", "TEXT", "number of the business transaction (must be given)" },
    { "source", "TEXT", "who notifies (cli)" },
    { "receiver", "NAMES",
      "receivers, separated by commas, may be repeated; without it all that subscribe" },
    { "file", "PATH", "take the payload from a file, - for standard input" },
    { "content-type", "TYPE", "of the payload; without it JSON, text or bytes as it looks" },
    { "ladder", "TEXT", "retry ladder in place of the receiver's" },
    { "due", "TIME", "not before: 10m (from now), 2026-11-24T10:30:00Z, or ms since 1970" },
    { "idempotency-key", "KEY", "the same key and request again answer as the first did" },
    { "wait", "TIME", "follow it until it is finished, so long at most, and show the attempts" },
    OPTION_API,
};
const struct cli_option options_get[] = {
    { "payload", NULL, "print the payload's bytes and nothing else" },
    OPTION_API,
};
const struct cli_option options_list[] = {
    { "receiver", "NAME", "for this receiver" },
    { "state", "STATE", "waiting, delivering, delivered, dead or cancelled" },
    { "reason", "REASON", "of dead ones: ladder, limit, window, gone, refused, operator" },
    { "source", "TEXT", "of this source" },
    { "type", "TEXT", "of this type" },
    { "tx-no", "TEXT", "of this business transaction" },
    OPTION_WHEN,
    { "limit", "N", "most rows (100)" },
    { "all", NULL, "all there are" },
    OPTION_API,
};
const struct cli_option options_redeliver[] = {
    { "receiver", "NAME", "those for this receiver" },
    { "state", "STATE", "dead, delivered or cancelled ones (dead)" },
    { "reason", "REASON", "of dead ones: ladder, limit, window, gone, refused" },
    { "source", "TEXT", "of this source" },
    { "type", "TEXT", "of this type" },
    OPTION_WHEN,
    { "all", NULL, "every dead one, when nothing else is said" },
    { "ladder", "TEXT", "retry ladder in place of the one that each has" },
    { "no-wait", NULL, "begin the job and end" },
    { "wait", "TIME", "show the progress so long at most (10m); the job goes on by itself" },
    OPTION_API,
};
const struct cli_option options_receiver[] = { OPTION_RECEIVER, OPTION_ACCESS, OPTION_JSON, { 0 } };
const struct cli_option options_receiver_set[] = {
    OPTION_RECEIVER,
    { "replace", NULL, "what is not given goes back to its default" },
    { "if-version", "N", "only if it is still at this version" },
    OPTION_ACCESS,
    OPTION_JSON,
    { 0 },
};
const struct cli_option options_rotate[] = {
    OPTION_SECRET,
    { "overlap", "TIME", "how long the old secret signs yet (24h)" },
    { "active-at", "TIME", "when the new one begins to sign: 2h (from now), a date, or ms" },
    OPTION_API,
};
const struct cli_option options_test[] = {
    { "file", "PATH", "take the payload from a file, - for standard input" },
    { "content-type", "TYPE", "of the payload (application/json)" },
    OPTION_API,
};
const struct cli_option options_binding[] = {
    { "topic", "TOPIC", "topic that is listened to (must be given)" },
    { "group", "GROUP", "consumer group (must be given)" },
    { "tags", "EXPRESSION", "\"A || B\" (*)" },
    { "name-servers", "HOSTS", "host:port;host:port of another MQ; default: the embedded one" },
    { "receiver", "NAMES", "receivers, separated by commas; without it all that subscribe" },
    { "source", "TEXT", "source of the notifications (mq:TOPIC)" },
    { "type", "TEXT", "type of the notifications (the message's tag, or else the topic)" },
    { "tx-no", "WHERE", "key, id, property:NAME or json:POINTER (key)" },
    { "content-type", "TYPE", "of the messages' bodies (application/json)" },
    { "set", "NAME=VALUE",
      "a setting of the client library, see docs/reference/client-settings.md" },
    { "file", "PATH", "settings as a JSON object, - for standard input; options stand above it" },
    OPTION_API,
};
const struct cli_option options_key[] = {
    { "sources", "NAMES", "what an initiator may submit, as pay,shop.* (*)" },
    { "receivers", "NAMES", "whose notifications a receiver may read (NAME)" },
    { "rate", "N", "most requests a second" },
    OPTION_JSON,
    { 0 },
};
const struct cli_option options_listen[] = {
    { "port", "N", "port on 127.0.0.1, 0 = any free (0)" },
    { "fail", "N", "answer 500 to the first N deliveries of each notification" },
    { "hang", "N", "do not answer the next N deliveries of each" },
    { "status", "CODE", "HTTP status of the answers then (200)" },
    { "reply", "TEXT", "text of the answers then (success)" },
    { "delay", "TIME", "answer so much later" },
    { "scheme", "SCHEME", "how it is signed: standard, hmac_hex, params_md5, params_hmac, rsa2" },
    { "secret", "SECRET", "compare signatures with this secret; may be repeated" },
    { "secret-file", "PATH", "the same from a file" },
    { "public-key", "PATH", "PEM of a public key, for rsa2; may be repeated" },
    { "signature-header", "NAME", "where hmac_hex is (X-Signature)" },
    { "second-header", "NAME", "where another signature of hmac_hex may be" },
    { "signature-prefix", "TEXT", "what stands before hmac_hex, as sha256=" },
    { "tolerance", "TIME", "how far a signature's time may be off (5m)" },
    { "count", "N", "end after N notifications were taken (0 = go on)" },
    { "soap", NULL, "answer with SOAP envelopes" },
    { "quiet", NULL, "print only the first line and the summary" },
    OPTION_JSON,
    { 0 },
};
const struct cli_option options_doctor[] = {
    { "name-server", "HOST:PORT", "name servers, several separated by ';' (127.0.0.1:9876)" },
    { "data", "DIR", "folder of the server on this machine: look at its disk" },
    { "set", "NAME=VALUE",
      "a setting of the client library, see docs/reference/client-settings.md" },
    OPTION_API,
};
