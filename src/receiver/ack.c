// SPDX-License-Identifier: Apache-2.0
#include "receiver/ack.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"
#include "receiver/ack_parts.h"
#include "receiver/member.h"
#include "receiver/receiver.h"
#include "receiver/xml.h"
#include "wire/tree.h"

enum { STATUS_LEAST = 100, STATUS_MOST = 599 };

struct range {
    int from;
    int to;
};
struct ack_rule {
    struct range ranges[ACK_RANGES_MAX];
    size_t range_count;
    char *status; // the text of the ranges
    char *body;   // or NULL
    struct ack_json *json;
    struct ack_xpath *xpath;
    bool no_fault;
};

// ---- status ----

static bool read_range(struct str piece, struct range *ret)
{
    int64_t from;
    int64_t to;
    piece = str_trim(piece);
    size_t dash = str_find(piece, '-', 0);
    struct str left = str_make(piece.ptr, dash == SIZE_MAX ? piece.len : dash);
    struct str right =
        dash == SIZE_MAX ? left : str_make(piece.ptr + dash + 1, piece.len - dash - 1);
    if (!num_parse_i64(str_trim(left), STATUS_LEAST, STATUS_MOST, &from) ||
        !num_parse_i64(str_trim(right), STATUS_LEAST, STATUS_MOST, &to) || from > to) {
        return false;
    }
    *ret = (struct range){ (int)from, (int)to };
    return true;
}

static tidings_status parse_status(const json_t *value, struct ack_rule *rule,
                                   struct tidings_error *err)
{
    struct str text = STR("200-299");
    struct str piece;
    tidings_status status =
        value != NULL ? member_text(value, "ack.status", 1, ACK_TEXT_MAX, &text, err) : TIDINGS_OK;
    if (status != TIDINGS_OK) {
        return status;
    }
    rule->status = str_dup(text);
    if (rule->status == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for an ack rule");
    }
    while (str_split(&text, ',', &piece)) {
        if (rule->range_count == ACK_RANGES_MAX) {
            return error_set(err, TIDINGS_E_INVALID, "ack.status: more than %d ranges",
                             ACK_RANGES_MAX);
        }
        if (!read_range(piece, &rule->ranges[rule->range_count++])) {
            return error_set(err, TIDINGS_E_INVALID,
                             "ack.status: must be codes from %d to %d and ranges of them, such as "
                             "\"200-299,304\"",
                             STATUS_LEAST, STATUS_MOST);
        }
    }
    return TIDINGS_OK;
}

static bool fits_status(const struct ack_rule *rule, int status)
{
    for (size_t i = 0; i < rule->range_count; i++) {
        if (status >= rule->ranges[i].from && status <= rule->ranges[i].to) {
            return true;
        }
    }
    return false;
}

// ---- the rule ----

static tidings_status parse_body(const json_t *value, struct ack_rule *rule,
                                 struct tidings_error *err)
{
    struct str text;
    tidings_status status = member_text(value, "ack.body", 0, ACK_TEXT_MAX, &text, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    rule->body = str_dup(str_trim(text));
    return rule->body != NULL ? TIDINGS_OK
                              : error_set(err, TIDINGS_E_NO_MEMORY, "no memory for an ack rule");
}

static tidings_status parse(const json_t *document, struct ack_rule *rule,
                            struct tidings_error *err)
{
    static const char *const names[] = { "status", "body", "json", "xpath", "noFault" };
    tidings_status status = document != NULL
                                ? member_object(document, "ack", names, BASE_COUNT(names), err)
                                : TIDINGS_OK;
    if (status == TIDINGS_OK) {
        status = parse_status(member_get(document, "status"), rule, err);
    }
    const json_t *value = member_get(document, "body");
    if (status == TIDINGS_OK && value != NULL) {
        status = parse_body(value, rule, err);
    }
    value = member_get(document, "json");
    if (status == TIDINGS_OK && value != NULL) {
        status = ack_json_new(value, &rule->json, err);
    }
    value = member_get(document, "xpath");
    if (status == TIDINGS_OK && value != NULL) {
        status = ack_xpath_new(value, &rule->xpath, err);
    }
    value = member_get(document, "noFault");
    if (status == TIDINGS_OK && value != NULL) {
        status = member_flag(value, "ack.noFault", &rule->no_fault, err);
    }
    if (status == TIDINGS_OK && rule->no_fault) { // here, so that no reply waits for it
        status = libxml_open(err);
    }
    return status;
}

tidings_status ack_rule_new(const json_t *document, bool is_soap, struct ack_rule **ret,
                            struct tidings_error *err)
{
    struct ack_rule *rule = calloc(1, sizeof *rule);
    *ret = NULL;
    if (rule == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for an ack rule");
    }
    rule->no_fault = is_soap;
    tidings_status status = parse(document, rule, err);
    if (status != TIDINGS_OK) {
        ack_rule_free(rule);
        return status;
    }
    *ret = rule;
    return TIDINGS_OK;
}

void ack_rule_free(struct ack_rule *rule)
{
    if (rule == NULL) {
        return;
    }
    ack_json_free(rule->json);
    ack_xpath_free(rule->xpath);
    free(rule->status);
    free(rule->body);
    free(rule);
}

// ---- a reply ----

static bool fits_body(const struct ack_rule *rule, struct str body, char *why, size_t why_size)
{
    char wanted[MEMBER_EXCERPT_SIZE];
    char came[MEMBER_EXCERPT_SIZE];
    body = str_trim(body);
    if (str_eq_c(body, rule->body)) {
        return true;
    }
    member_excerpt(str_of(rule->body), wanted);
    member_excerpt(body, came);
    return ack_refuse(why, why_size, "the body must be \"%s\", it is \"%s\"", wanted, came);
}

static bool fits_json(const struct ack_rule *rule, struct str body, char *why, size_t why_size)
{
    struct tidings_error err = { 0 };
    json_t *root = NULL;
    if (wire_tree_parse(body, &root, &err) != TIDINGS_OK) {
        return ack_refuse(why, why_size, "the body must be JSON: %s", err.text);
    }
    bool fits = ack_json_fits(rule->json, root, why, why_size);
    json_decref(root);
    return fits;
}

// A reply without a body is that of a one-way operation: nothing is refused in it.
static bool fits_no_fault(const xmlDoc *doc, char *why, size_t why_size)
{
    const xmlNode *envelope = xml_element(doc->children);
    const char *uri = xml_is(envelope, "Envelope", XML_SOAP_12) ? XML_SOAP_12 : XML_SOAP_11;
    if (!xml_is(envelope, "Envelope", uri)) {
        return ack_refuse(why, why_size, "the body must be a SOAP envelope");
    }
    for (const xmlNode *part = xml_element(envelope->children); part != NULL;
         part = xml_element(part->next)) {
        for (const xmlNode *entry = xml_is(part, "Body", uri) ? xml_element(part->children) : NULL;
             entry != NULL; entry = xml_element(entry->next)) {
            if (xml_is(entry, "Fault", uri)) {
                char text[MEMBER_EXCERPT_SIZE];
                ack_fault_text(entry, text);
                return ack_refuse(why, why_size, "a SOAP Fault came: %s", text);
            }
        }
    }
    return true;
}

static bool fits_xml(const struct ack_rule *rule, struct str body, char *why, size_t why_size)
{
    struct tidings_error err = { 0 };
    xmlDoc *doc = NULL;
    if (rule->xpath == NULL && str_trim(body).len == 0) {
        return true;
    }
    if (xml_read(body, RECEIVER_REPLY_MAX, false, &doc, &err) != TIDINGS_OK) {
        return ack_refuse(why, why_size, "the body must be XML: %s", err.text);
    }
    bool fits = (!rule->no_fault || fits_no_fault(doc, why, why_size)) &&
                (rule->xpath == NULL || ack_xpath_fits(rule->xpath, doc, why, why_size));
    libxml()->xmlFreeDoc(doc);
    return fits;
}

bool ack_rule_fits(const struct ack_rule *rule, int status, struct str body, bool truncated,
                   char *why, size_t why_size)
{
    bool is_xml = rule->xpath != NULL || rule->no_fault;
    if (!fits_status(rule, status)) {
        char wanted[MEMBER_EXCERPT_SIZE];
        member_excerpt(str_of(rule->status), wanted);
        return ack_refuse(why, why_size, "the status must be %s, it is %d", wanted, status);
    }
    if (rule->body == NULL && rule->json == NULL && !is_xml) {
        return true;
    }
    if (truncated || body.len > RECEIVER_REPLY_MAX) {
        return ack_refuse(why, why_size, "the body is longer than %d bytes, which are looked at",
                          RECEIVER_REPLY_MAX);
    }
    return (rule->body == NULL || fits_body(rule, body, why, why_size)) &&
           (rule->json == NULL || fits_json(rule, body, why, why_size)) &&
           (!is_xml || fits_xml(rule, body, why, why_size));
}

bool ack_refuse(char *why, size_t why_size, const char *format, ...)
{
    va_list args;
    if (why_size > 0) {
        va_start(args, format);
        if (vsnprintf(why, why_size, format, args) < 0) {
            why[0] = '\0';
        }
        va_end(args);
        member_whole_characters(why);
    }
    return false;
}
