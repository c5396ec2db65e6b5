// SPDX-License-Identifier: Apache-2.0
#include "receiver/xml.h"

#include <limits.h>

#include "receiver/ack.h"

// What a parser's _private points to.
struct guard {
    const char *problem; // why it was stopped, or NULL
    int nodes;
};

static void stop(void *parser, const char *problem)
{
    xmlParserCtxt *context = parser;
    struct guard *guard = context->_private;
    guard->problem = problem;
    libxml()->xmlStopParser(context);
}

// Before anything inside of a DTD is read.
static void on_doctype(void *parser, const xmlChar *name, const xmlChar *public_id,
                       const xmlChar *system_id)
{
    (void)name;
    (void)public_id;
    (void)system_id;
    stop(parser, "it has a DOCTYPE, which is not read");
}

// False when there were too many.
static bool count_nodes(void *parser, int more)
{
    struct guard *guard = ((xmlParserCtxt *)parser)->_private;
    guard->nodes += more;
    if (guard->nodes > ACK_XML_NODES_MAX) {
        stop(parser, "it has too many elements, attributes, comments");
    }
    return guard->nodes <= ACK_XML_NODES_MAX;
}

static void on_comment(void *parser, const xmlChar *text)
{
    if (count_nodes(parser, 1)) {
        libxml()->xmlSAX2Comment(parser, text);
    }
}

static void on_instruction(void *parser, const xmlChar *target, const xmlChar *text)
{
    if (count_nodes(parser, 1)) {
        libxml()->xmlSAX2ProcessingInstruction(parser, target, text);
    }
}

static void on_element(void *parser, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
                       int namespace_count, const xmlChar **namespaces, int attribute_count,
                       int defaulted_count, const xmlChar **attributes)
{
    const xmlParserCtxt *context = parser;
    if (context->nodeNr >= ACK_XML_DEPTH_MAX) {
        stop(parser, "it is nested too deep");
        return;
    }
    if (!count_nodes(parser, 1 + namespace_count + attribute_count)) {
        return;
    }
    libxml()->xmlSAX2StartElementNs(parser, name, prefix, uri, namespace_count, namespaces,
                                    attribute_count, defaulted_count, attributes);
}

// Where `end` ends, looked for from `at` on; the length when it does not.
static size_t behind(struct str text, size_t at, struct str end)
{
    size_t found = str_find_str(str_make(text.ptr + at, text.len - at), end);
    return found == SIZE_MAX ? text.len : at + found + end.len;
}

// The end of the tag whose `<` is before `at`; its equals signs are counted.
static size_t behind_tag(struct str text, size_t at, size_t *ret_signs)
{
    for (*ret_signs = 0; at < text.len && text.ptr[at] != '>'; at++) {
        char c = text.ptr[at];
        *ret_signs += c == '=';
        if (c == '"' || c == '\'') {
            at = behind(text, at + 1, str_make(&text.ptr[at], 1)) - 1;
        }
    }
    return at;
}

// libxml2 compares each attribute of a tag with each before it tells anybody, so that one tag of
// 64 KiB would keep a core busy for a while. In encodings whose characters are of several bytes,
// which this does not know, there is room for far fewer.
static bool has_too_many_attributes(struct str text)
{
    size_t signs = 0;
    size_t at = 0;
    while (at < text.len && signs <= XML_ATTRIBUTES_MAX) {
        struct str rest = str_make(text.ptr + at, text.len - at);
        if (str_starts(rest, STR("<!--"))) {
            at = behind(text, at + 4, STR("-->"));
        } else if (str_starts(rest, STR("<![CDATA["))) {
            at = behind(text, at, STR("]]>"));
        } else if (str_starts(rest, STR("<?"))) {
            at = behind(text, at, STR("?>"));
        } else if (text.ptr[at] == '<') {
            at = behind_tag(text, at + 1, &signs);
        } else {
            at++;
        }
    }
    return signs > XML_ATTRIBUTES_MAX;
}

static tidings_status failed(const xmlParserCtxt *context, const struct guard *guard,
                             struct tidings_error *err)
{
    if (context->lastError.code == XML_ERR_NO_MEMORY) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory to read XML");
    }
    if (guard->problem != NULL) {
        return error_set(err, TIDINGS_E_INVALID, "no XML that fits: %s", guard->problem);
    }
    return error_set(err, TIDINGS_E_INVALID, "no well-formed XML: error %d of libxml2 at line %d",
                     context->lastError.code, context->lastError.line);
}

tidings_status xml_read(struct str text, size_t size_max, bool keep_cdata, xmlDoc **ret,
                        struct tidings_error *err)
{
    struct guard guard = { NULL, 0 };
    *ret = NULL;
    if (text.len > size_max || text.len > INT_MAX) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "XML of %zu bytes, at most %zu are read",
                         text.len, size_max);
    }
    if (text.len == 0) {
        return error_set(err, TIDINGS_E_INVALID, "no XML: it is empty");
    }
    if (has_too_many_attributes(text)) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "XML with more than %d attributes in a tag",
                         XML_ATTRIBUTES_MAX);
    }
    tidings_status status = libxml_open(err);
    if (status != TIDINGS_OK) {
        return status;
    }
    xmlParserCtxt *context = libxml()->xmlNewParserCtxt();
    if (context == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory to read XML");
    }
    context->_private = &guard;
    context->sax->internalSubset = on_doctype;
    context->sax->externalSubset = NULL;
    context->sax->startElementNs = on_element;
    context->sax->comment = on_comment;
    context->sax->processingInstruction = on_instruction;
    int options = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
                  (keep_cdata ? 0 : XML_PARSE_NOCDATA);
    xmlDoc *doc =
        libxml()->xmlCtxtReadMemory(context, text.ptr, (int)text.len, NULL, NULL, options);
    if (doc == NULL || guard.problem != NULL || libxml()->xmlDocGetRootElement(doc) == NULL) {
        status = failed(context, &guard, err);
        libxml()->xmlFreeDoc(doc);
        doc = NULL;
    }
    libxml()->xmlFreeParserCtxt(context);
    *ret = doc;
    return status;
}

bool xml_is(const xmlNode *node, const char *name, const char *uri)
{
    return node != NULL && node->type == XML_ELEMENT_NODE && node->ns != NULL &&
           str_eq_c(xml_str(node->name), name) && str_eq_c(xml_str(node->ns->href), uri);
}

const xmlNode *xml_element(const xmlNode *node)
{
    while (node != NULL && node->type != XML_ELEMENT_NODE) {
        node = node->next;
    }
    return node;
}

// ---- writing ----

// What stands for a byte; NULL for itself, "" for what cannot be written. White space but the
// blank is written as a number: a reader would else make blanks of it in attributes, and line feeds
// of carriage returns.
static const char *escaped(unsigned char c)
{
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&apos;";
    case '\t': return "&#9;";
    case '\n': return "&#10;";
    case '\r': return "&#13;";
    default: return c < ' ' ? "" : NULL;
    }
}

tidings_status xml_escape(struct str text, const char *what, struct buf *out,
                          struct tidings_error *err)
{
    size_t plain = 0; // from here on everything stands for itself
    tidings_status status = TIDINGS_OK;
    if (!str_is_utf8(text)) {
        return error_set(err, TIDINGS_E_INVALID, "%s: is not UTF-8, XML cannot hold it", what);
    }
    for (size_t i = 0; i < text.len && status == TIDINGS_OK; i++) {
        const char *instead = escaped((unsigned char)text.ptr[i]);
        bool no_character = i + 2 < text.len && memcmp(text.ptr + i, "\xEF\xBF", 2) == 0 &&
                            (unsigned char)text.ptr[i + 2] >= 0xBE; // U+FFFE, U+FFFF
        if (no_character || (instead != NULL && instead[0] == '\0')) {
            return error_set(err, TIDINGS_E_INVALID,
                             "%s: byte %zu begins a character that XML cannot hold", what, i + 1);
        }
        if (instead != NULL) {
            status = buf_add(out, text.ptr + plain, i - plain);
            status = status == TIDINGS_OK ? buf_add_str(out, str_of(instead)) : status;
            plain = i + 1;
        }
    }
    if (status == TIDINGS_OK && plain < text.len) {
        status = buf_add(out, text.ptr + plain, text.len - plain);
    }
    return status == TIDINGS_OK ? TIDINGS_OK
                                : error_set(err, status, "%s: no room for it in an XML body", what);
}
