// SPDX-License-Identifier: Apache-2.0
// Envelopes of SOAP 1.1 and 1.2: of a template, or a plain one.
#include <stdlib.h>

#include "base/num.h"
#include "receiver/member.h"
#include "receiver/private.h"
#include "receiver/xml.h"

#define PLAIN(uri)                                                                                 \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"                                                 \
    "<soap:Envelope xmlns:soap=\"" uri "\"><soap:Body>"                                            \
    "<notification xmlns=\"urn:tidings:notification\"><id>${id}</id><source>${source}</source>"    \
    "<type>${type}</type><txNo>${txNo}</txNo><attempt>${attempt}</attempt>"                        \
    "<payload>${payload}</payload></notification></soap:Body></soap:Envelope>\n"

static const char *const place_names[] = {
    [PLACE_PAYLOAD] = "${payload}", [PLACE_ID] = "${id}",      [PLACE_SOURCE] = "${source}",
    [PLACE_TYPE] = "${type}",       [PLACE_TX_NO] = "${txNo}", [PLACE_ATTEMPT] = "${attempt}",
};

// ---- templates ----

static tidings_status cut(struct str text, struct soap *ret, struct tidings_error *err)
{
    while (text.len > 0) {
        if (ret->piece_count == TEMPLATE_PIECES_MAX) {
            return error_set(err, TIDINGS_E_INVALID, "soap.template: more than %d places",
                             TEMPLATE_PIECES_MAX - 1);
        }
        size_t at = str_find_str(text, STR("${"));
        struct piece *piece = &ret->pieces[ret->piece_count++];
        *piece = (struct piece){ str_make(text.ptr, at == SIZE_MAX ? text.len : at), PLACE_NONE };
        text = str_make(text.ptr + piece->text.len, text.len - piece->text.len);
        if (at == SIZE_MAX) {
            return TIDINGS_OK;
        }
        for (size_t i = PLACE_PAYLOAD; i < BASE_COUNT(place_names); i++) {
            piece->place = str_starts(text, str_of(place_names[i])) ? (enum place)i : piece->place;
        }
        if (piece->place == PLACE_NONE) {
            char shown[MEMBER_EXCERPT_SIZE];
            member_excerpt(str_make(text.ptr, text.len < 16 ? text.len : 16), shown);
            return error_set(err, TIDINGS_E_INVALID,
                             "soap.template: \"%s\" is none of ${payload}, ${id}, ${source}, "
                             "${type}, ${txNo}, ${attempt}",
                             shown);
        }
        size_t len = strlen(place_names[piece->place]);
        text = str_make(text.ptr + len, text.len - len);
    }
    return TIDINGS_OK;
}

// What is put in is escaped, which only elements and attributes undo again.
static bool is_elsewhere(const xmlNode *node)
{
    bool is_raw = node->type == XML_CDATA_SECTION_NODE || node->type == XML_COMMENT_NODE ||
                  node->type == XML_PI_NODE;
    return is_raw && node->content != NULL &&
           str_find_str(xml_str(node->content), STR("${")) != SIZE_MAX;
}

// The next in the order of the document, or NULL.
static const xmlNode *next_node(const xmlNode *node)
{
    if (node->type == XML_ELEMENT_NODE && node->children != NULL) {
        return node->children;
    }
    while (node != NULL && node->next == NULL) {
        node = node->parent != NULL && node->parent->type == XML_ELEMENT_NODE ? node->parent : NULL;
    }
    return node != NULL ? node->next : NULL;
}

static tidings_status check_tree(const xmlDoc *doc, bool is_12, struct tidings_error *err)
{
    const char *uri = is_12 ? XML_SOAP_12 : XML_SOAP_11;
    if (doc->encoding != NULL && !str_eq_nocase(xml_str(doc->encoding), STR("utf-8"))) {
        return error_set(err, TIDINGS_E_INVALID, "soap.template: its encoding must be UTF-8");
    }
    if (!xml_is(xml_element(doc->children), "Envelope", uri)) {
        return error_set(err, TIDINGS_E_INVALID,
                         "soap.template: must be an Envelope of the namespace %s", uri);
    }
    for (const xmlNode *node = doc->children; node != NULL; node = next_node(node)) {
        if (is_elsewhere(node)) {
            return error_set(err, TIDINGS_E_INVALID,
                             "soap.template: ${...} can stand in elements and attributes, not in "
                             "CDATA, comments or instructions");
        }
    }
    return TIDINGS_OK;
}

static tidings_status read_template(const json_t *value, struct soap *ret,
                                    struct tidings_error *err)
{
    struct str text = ret->is_12 ? STR(PLAIN(XML_SOAP_12)) : STR(PLAIN(XML_SOAP_11));
    struct tidings_error why = { 0 };
    xmlDoc *doc = NULL;
    tidings_status status =
        value != NULL ? member_text(value, "soap.template", 1, RECEIVER_TEMPLATE_MAX, &text, err)
                      : TIDINGS_OK;
    if (status != TIDINGS_OK) {
        return status;
    }
    status = xml_read(text, RECEIVER_TEMPLATE_MAX, true, &doc, &why);
    if (status != TIDINGS_OK) {
        status = status == TIDINGS_E_TOO_LARGE ? TIDINGS_E_INVALID : status;
        return error_set(err, status, "soap.template: %s", why.text);
    }
    status = check_tree(doc, ret->is_12, err);
    libxml()->xmlFreeDoc(doc);
    return status == TIDINGS_OK ? cut(text, ret, err) : status;
}

// ---- settings ----

static tidings_status check_action(struct str action, struct tidings_error *err)
{
    for (size_t i = 0; i < action.len; i++) {
        char c = action.ptr[i];
        if (c <= ' ' || c > '~' || c == '"' || c == '\\') {
            return error_set(err, TIDINGS_E_INVALID,
                             "soap.action: must be a URI: visible ASCII without quotes");
        }
    }
    return TIDINGS_OK;
}

static tidings_status name_action(struct str action, struct soap *ret, struct tidings_error *err)
{
    struct buf text;
    tidings_status status;
    buf_init(&text, ACTION_MAX + 128);
    if (ret->is_12) {
        status = buf_add_str(&text, STR("application/soap+xml; charset=utf-8"));
        if (status == TIDINGS_OK && action.len > 0) {
            status = buf_addf(&text, "; action=\"%s\"", action.ptr);
        }
    } else {
        status = buf_addf(&text, "\"%s\"", action.len > 0 ? action.ptr : "");
    }
    char *made = status == TIDINGS_OK ? str_dup(buf_str(&text)) : NULL;
    buf_deinit(&text);
    ret->action = ret->is_12 ? NULL : made;
    ret->content_type = ret->is_12 ? made : str_dup(STR("text/xml; charset=utf-8"));
    return made != NULL && ret->content_type != NULL
               ? TIDINGS_OK
               : error_set(err, TIDINGS_E_NO_MEMORY, "no memory for settings of SOAP");
}

tidings_status soap_read(const json_t *document, struct soap *ret, struct tidings_error *err)
{
    static const char *const names[] = { "version", "action", "template" };
    struct str version = STR("1.1");
    struct str action = STR("");
    tidings_status status = member_object(document, "soap", names, BASE_COUNT(names), err);
    const json_t *value = member_get(document, "version");
    if (status == TIDINGS_OK && value != NULL) {
        status = member_text(value, "soap.version", 1, 8, &version, err);
    }
    if (status == TIDINGS_OK && !str_eq_c(version, "1.1") && !str_eq_c(version, "1.2")) {
        status = error_set(err, TIDINGS_E_INVALID, "soap.version: must be \"1.1\" or \"1.2\"");
    }
    value = member_get(document, "action");
    if (status == TIDINGS_OK && value != NULL) {
        status = member_text(value, "soap.action", 0, ACTION_MAX, &action, err);
    }
    if (status == TIDINGS_OK) {
        status = check_action(action, err);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    ret->is_used = true;
    ret->is_12 = str_eq_c(version, "1.2");
    status = name_action(action, ret, err);
    return status == TIDINGS_OK ? read_template(member_get(document, "template"), ret, err)
                                : status;
}

void soap_free(struct soap *soap)
{
    free(soap->content_type);
    free(soap->action);
    soap->content_type = NULL;
    soap->action = NULL;
}

// ---- an envelope ----

tidings_status soap_write(const struct soap *soap, const struct receiver_message *message,
                          struct buf *out, struct tidings_error *err)
{
    char attempt[24];
    const struct str values[] = {
        [PLACE_NONE] = STR(""),
        [PLACE_PAYLOAD] = message->payload,
        [PLACE_ID] = str_of(message->id),
        [PLACE_SOURCE] = message->source,
        [PLACE_TYPE] = message->type,
        [PLACE_TX_NO] = message->tx_no,
        [PLACE_ATTEMPT] = str_make(attempt, num_format_i64(attempt, message->attempt)),
    };
    tidings_status status = TIDINGS_OK;
    for (size_t i = 0; i < soap->piece_count && status == TIDINGS_OK; i++) {
        const struct piece *piece = &soap->pieces[i];
        status = buf_add_str(out, piece->text);
        if (status != TIDINGS_OK) {
            return error_set(err, status, "no room for an envelope");
        }
        if (piece->place != PLACE_NONE) {
            struct str name = str_of(place_names[piece->place]);
            char what[16];
            (void)str_copy(what, sizeof what, str_make(name.ptr + 2, name.len - 3));
            status = xml_escape(values[piece->place], what, out, err);
        }
    }
    return status;
}
