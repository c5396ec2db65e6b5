// SPDX-License-Identifier: Apache-2.0
#include "client/ident.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

// The first address of an interface that is up and not the loopback; 127.0.0.1 when there is none.
static struct in_addr own_address(void)
{
    struct in_addr found = { htonl(INADDR_LOOPBACK) };
    struct ifaddrs *all;
    if (getifaddrs(&all) != 0) {
        return found;
    }
    for (const struct ifaddrs *one = all; one != NULL; one = one->ifa_next) {
        if (one->ifa_addr != NULL && one->ifa_addr->sa_family == AF_INET &&
            (one->ifa_flags & (IFF_UP | IFF_LOOPBACK)) == IFF_UP) {
            struct sockaddr_in address;
            memcpy(&address, one->ifa_addr, sizeof address);
            found = address.sin_addr;
            break;
        }
    }
    freeifaddrs(all);
    return found;
}

static void write_client_id(struct ident *ident, const tidings_config *config, uint64_t number,
                            struct in_addr address)
{
    char ip[INET_ADDRSTRLEN] = "127.0.0.1";
    char instance[64];
    const char *ip_text = config_text(config, CONFIG_CLIENT_IP);
    const char *instance_text = config_text(config, CONFIG_INSTANCE);
    if (ip_text[0] == '\0') {
        (void)inet_ntop(AF_INET, &address, ip, sizeof ip);
        ip_text = ip;
    }
    if (instance_text[0] == '\0') {
        // Broadcasting keeps its offsets under the client id: that must be the same next time.
        int n = config_number(config, CONFIG_MODEL) == CONFIG_BROADCASTING
                    ? snprintf(instance, sizeof instance, "DEFAULT")
                    : snprintf(instance, sizeof instance, "%d#%llu", (int)getpid(),
                               (unsigned long long)number);
        instance_text = n > 0 ? instance : "DEFAULT";
    }
    if (snprintf(ident->client_id, sizeof ident->client_id, "%s@%s", ip_text, instance_text) < 0) {
        ident->client_id[0] = '\0';
    }
}

void ident_init(struct ident *ident, const tidings_config *config, const struct clock *clock)
{
    struct rnd rnd;
    struct in_addr address = own_address();
    uint16_t pid = htons((uint16_t)getpid());
    rnd_seed_system(&rnd);
    uint64_t number = rnd_next(&rnd) >> 16;
    *ident = (struct ident){ .clock = clock };
    memcpy(ident->origin, &address, 4);
    memcpy(ident->origin + 4, &pid, 2);
    memcpy(ident->origin + 6, &number, 4);
    write_client_id(ident, config, number, address);
}

static int64_t month_start_ms(int64_t wall_ms, int ahead)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm day;
    if (gmtime_r(&seconds, &day) == NULL) {
        return 0;
    }
    struct tm first = { .tm_year = day.tm_year, .tm_mon = day.tm_mon + ahead, .tm_mday = 1 };
    return (int64_t)timegm(&first) * 1000;
}

void ident_unique(struct ident *ident, char *out)
{
    static const char digits[] = "0123456789ABCDEF";
    uint8_t bytes[16];
    int64_t now_ms = clock_wall_ms(ident->clock);
    if (now_ms >= atomic_load_explicit(&ident->next_month_ms, memory_order_acquire)) {
        // Threads that come together here store the same.
        atomic_store(&ident->month_ms, month_start_ms(now_ms, 0));
        atomic_store_explicit(&ident->next_month_ms, month_start_ms(now_ms, 1),
                              memory_order_release);
    }
    int64_t since_ms = now_ms - atomic_load_explicit(&ident->month_ms, memory_order_relaxed);
    uint32_t count = atomic_fetch_add_explicit(&ident->counter, 1, memory_order_relaxed);
    memcpy(bytes, ident->origin, sizeof ident->origin);
    num_store_be32(bytes + 10, (uint32_t)since_ms);
    num_store_be16(bytes + 14, (uint16_t)count);
    for (size_t i = 0; i < sizeof bytes; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
}
