// SPDX-License-Identifier: Apache-2.0
// Members of a form, of a flat JSON object, of flat XML. All decoded texts go into params->room,
// which is as large as the payload: no decoded text is longer than it was.
#include "receiver/member.h"
#include "receiver/params.h"
#include "receiver/private.h"
#include "receiver/xml.h"
#include "wire/tree.h"

static tidings_status keep(struct params *params, struct str text, struct str *ret,
                           struct tidings_error *err)
{
    size_t at = params->room.len;
    if (buf_add_str(&params->room, text) != TIDINGS_OK) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "payload: no room for its members");
    }
    *ret = str_make(params->room.ptr + at, text.len);
    return TIDINGS_OK;
}

static tidings_status keep_member(struct params *params, struct str name, struct str value,
                                  struct tidings_error *err)
{
    tidings_status status = keep(params, name, &name, err);
    if (status == TIDINGS_OK) {
        status = keep(params, value, &value, err);
    }
    return status == TIDINGS_OK ? params_add(params, name, value, err) : status;
}

// ---- a form ----

static int hex_digit(char c)
{
    int value = c >= '0' && c <= '9' ? c - '0' : -1;
    value = c >= 'a' && c <= 'f' ? c - 'a' + 10 : value;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : value;
}

static tidings_status decode(struct params *params, struct str text, struct str *ret,
                             struct tidings_error *err)
{
    size_t at = params->room.len;
    tidings_status status = TIDINGS_OK;
    for (size_t i = 0; i < text.len && status == TIDINGS_OK; i++) {
        char c = text.ptr[i] == '+' ? ' ' : text.ptr[i];
        if (c == '%') {
            int high = i + 2 < text.len ? hex_digit(text.ptr[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_digit(text.ptr[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return error_set(err, TIDINGS_E_INVALID,
                                 "payload: no form: behind a %% must come two hex digits");
            }
            c = (char)(unsigned char)(high * 16 + low);
            i += 2;
        }
        status = buf_add(&params->room, &c, 1);
    }
    *ret = str_make(params->room.ptr + at, params->room.len - at);
    return status == TIDINGS_OK ? TIDINGS_OK
                                : error_set(err, status, "payload: no room for its members");
}

tidings_status params_read_form(struct str payload, struct params *ret, struct tidings_error *err)
{
    struct str rest = payload;
    struct str pair;
    tidings_status status = TIDINGS_OK;
    ret->insert = payload.len;
    while (status == TIDINGS_OK && rest.len > 0 && str_split(&rest, '&', &pair)) {
        size_t equals = str_find(pair, '=', 0);
        size_t name_len = equals == SIZE_MAX ? pair.len : equals;
        struct str name;
        struct str value = STR("");
        if (pair.len == 0) {
            continue;
        }
        status = decode(ret, str_make(pair.ptr, name_len), &name, err);
        if (status == TIDINGS_OK && equals != SIZE_MAX) {
            struct str text = str_make(pair.ptr + equals + 1, pair.len - equals - 1);
            status = decode(ret, text, &value, err);
        }
        status = status == TIDINGS_OK ? params_add(ret, name, value, err) : status;
    }
    return status;
}

// ---- JSON ----

// A text that is known to be JSON is walked once more for what the tree does not keep: numbers as
// they were written, and where the last member ends.
struct walk {
    struct str text;
    size_t at;
};

static void pass_blanks(struct walk *walk)
{
    while (walk->at < walk->text.len && strchr(" \t\r\n", walk->text.ptr[walk->at]) != NULL) {
        walk->at++;
    }
}

static bool pass(struct walk *walk, char c)
{
    pass_blanks(walk);
    if (walk->at < walk->text.len && walk->text.ptr[walk->at] == c) {
        walk->at++;
        return true;
    }
    return false;
}

static void pass_text(struct walk *walk)
{
    bool open = pass(walk, '"');
    while (open && walk->at < walk->text.len) {
        char c = walk->text.ptr[walk->at++];
        walk->at += c == '\\';
        open = c != '"';
    }
}

// A number or word as it was written.
static struct str pass_word(struct walk *walk)
{
    pass_blanks(walk);
    size_t from = walk->at;
    while (walk->at < walk->text.len && strchr(" \t\r\n,}", walk->text.ptr[walk->at]) == NULL) {
        walk->at++;
    }
    return str_make(walk->text.ptr + from, walk->at - from);
}

static tidings_status name_twice(struct tidings_error *err)
{
    return error_set(err, TIDINGS_E_INVALID, "payload: a name comes twice");
}

// One member; `name` and `value` are what the tree has in its place.
static tidings_status walk_member(struct walk *walk, struct str name, const json_t *value,
                                  struct params *ret, struct tidings_error *err)
{
    pass_text(walk);
    (void)pass(walk, ':');
    pass_blanks(walk);
    char first = walk->text.ptr[walk->at];
    struct str text;
    if (first == '{' || first == '[') {
        return error_set(err, TIDINGS_E_INVALID,
                         "payload: its members must be plain values to be signed, no objects or "
                         "arrays");
    }
    if ((first == '"') != json_is_string(value)) {
        return name_twice(err); // it is the place of another
    }
    if (first == '"') {
        pass_text(walk);
        text = member_str(value);
    } else {
        text = pass_word(walk);
        text = json_is_null(value) ? STR("") : text;
    }
    ret->insert = walk->at;
    return keep_member(ret, name, text, err);
}

// Of members with one name the tree keeps one, so that it has fewer than the text.
static tidings_status walk_members(struct str payload, json_t *root, struct params *ret,
                                   struct tidings_error *err)
{
    struct walk walk = { payload, 0 };
    void *at = json_object_iter(root);
    bool more = at != NULL;
    tidings_status status = TIDINGS_OK;
    (void)pass(&walk, '{');
    while (more && status == TIDINGS_OK) {
        if (at == NULL) {
            return name_twice(err);
        }
        status = walk_member(&walk, str_of(json_object_iter_key(at)), json_object_iter_value(at),
                             ret, err);
        at = json_object_iter_next(root, at);
        more = pass(&walk, ',');
    }
    return status;
}

tidings_status params_read_json(struct str payload, struct params *ret, struct tidings_error *err)
{
    struct tidings_error why = { 0 };
    json_t *root;
    tidings_status status = wire_tree_parse(payload, &root, &why);
    if (status != TIDINGS_OK) {
        status = status == TIDINGS_E_NO_MEMORY ? status : TIDINGS_E_INVALID;
        return error_set(err, status, "payload: no JSON: %s", why.text);
    }
    status = json_is_object(root)
                 ? walk_members(payload, root, ret, err)
                 : error_set(err, TIDINGS_E_INVALID, "payload: must be a JSON object to be signed");
    json_decref(root);
    return status;
}

// ---- XML ----

static tidings_status add_element(const xmlNode *element, struct params *ret,
                                  struct tidings_error *err)
{
    if (element->properties != NULL || element->nsDef != NULL ||
        xml_element(element->children) != NULL) {
        return error_set(
            err, TIDINGS_E_INVALID,
            "payload: its elements must have texts only to be signed, no attributes or "
            "elements");
    }
    xmlChar *text = libxml()->xmlNodeGetContent(element);
    if (text == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory to sign a payload");
    }
    tidings_status status = keep_member(ret, xml_str(element->name), xml_str(text), err);
    (*libxml()->xmlFree)(text);
    return status;
}

static tidings_status add_elements(const xmlDoc *doc, struct params *ret, struct tidings_error *err)
{
    const xmlNode *root = xml_element(doc->children);
    tidings_status status = TIDINGS_OK;
    if (root->next != NULL) {
        return error_set(err, TIDINGS_E_INVALID, "payload: nothing may follow its root element");
    }
    if (doc->encoding != NULL && !str_eq_nocase(xml_str(doc->encoding), STR("utf-8"))) {
        return error_set(err, TIDINGS_E_INVALID, "payload: must be XML in UTF-8 to be signed");
    }
    for (const xmlNode *node = root->children; node != NULL && status == TIDINGS_OK;
         node = node->next) {
        if (node->type == XML_ELEMENT_NODE) {
            status = add_element(node, ret, err);
        } else if (node->type != XML_COMMENT_NODE && !libxml()->xmlIsBlankNode(node)) {
            status = error_set(err, TIDINGS_E_INVALID,
                               "payload: must have elements only below its root to be signed");
        }
    }
    return status;
}

// The last end tag is the root's: nothing follows it.
static size_t last_end_tag(struct str payload)
{
    size_t at = payload.len - 2;
    while (at > 0 && memcmp(payload.ptr + at, "</", 2) != 0) {
        at--;
    }
    return at;
}

tidings_status params_read_xml(struct str payload, struct params *ret, struct tidings_error *err)
{
    struct tidings_error why = { 0 };
    xmlDoc *doc;
    if (!str_is_utf8(payload) || (payload.len > 0 && memchr(payload.ptr, '\0', payload.len))) {
        return error_set(err, TIDINGS_E_INVALID, "payload: must be XML in UTF-8 to be signed");
    }
    tidings_status status = xml_read(payload, PARAMS_XML_MAX, false, &doc, &why);
    if (status != TIDINGS_OK) {
        bool is_ours = status == TIDINGS_E_NO_MEMORY || status == TIDINGS_E_UNSUPPORTED;
        return error_set(err, is_ours ? status : TIDINGS_E_INVALID, "payload: %s", why.text);
    }
    status = add_elements(doc, ret, err);
    ret->insert = last_end_tag(payload);
    libxml()->xmlFreeDoc(doc);
    return status;
}
