// SPDX-License-Identifier: Apache-2.0
// XML of strangers, read so that it can do nothing: no network, no files, no DTD, no entities but
// the five of XML itself; bounds for size, depth and attributes. Private to the room.
#ifndef RECEIVER_XML_H
#define RECEIVER_XML_H

#include "base/error.h"
#include "base/str.h"
#include "receiver/libxml.h"

#define XML_SOAP_11 "http://schemas.xmlsoap.org/soap/envelope/"
#define XML_SOAP_12 "http://www.w3.org/2003/05/soap-envelope"

enum {
    XML_ATTRIBUTES_MAX = 256, // in one tag: libxml2 compares each with each
};

// *ret is the document, for xmlFreeDoc. E_INVALID says what is wrong with it, E_TOO_LARGE beyond
// `size_max` or the bounds above, E_NO_MEMORY, E_UNSUPPORTED without libxml2. keep_cdata: CDATA
// sections stay nodes of their own.
tidings_status xml_read(struct str text, size_t size_max, bool keep_cdata, xmlDoc **ret,
                        struct tidings_error *err) TIDINGS_NODISCARD;
static inline struct str xml_str(const xmlChar *text)
{
    return str_of((const char *)text);
}
bool xml_is(const xmlNode *node, const char *name, const char *uri); // an element of that name
// The next element at or behind `node`, or NULL.
const xmlNode *xml_element(const xmlNode *node);

// Appends `text` as it must stand in an element or an attribute. E_INVALID when it has characters
// that XML has no way to write, or is not UTF-8; `what` names it then.
tidings_status xml_escape(struct str text, const char *what, struct buf *out,
                          struct tidings_error *err) TIDINGS_NODISCARD;

#endif
