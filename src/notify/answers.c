// SPDX-License-Identifier: Apache-2.0
#include "notify/private.h"

void answer_give(struct notify *notify, struct answer *answer)
{
    pthread_mutex_lock(&notify->lock);
    list_add_tail(&notify->answers, &answer->node);
    pthread_mutex_unlock(&notify->lock);
}

static void take_posted(void *arg)
{
    answers_take(arg);
}

void answers_tell(void *arg)
{
    struct notify *notify = arg;
    pthread_mutex_lock(&notify->lock);
    bool tell = !notify->told && !list_empty(&notify->answers);
    notify->told = notify->told || tell;
    pthread_mutex_unlock(&notify->lock);
    if (tell && net_loop_post(notify->options.loop, take_posted, notify) != TIDINGS_OK) {
        pthread_mutex_lock(&notify->lock);
        notify->told = false; // the next batch tells
        pthread_mutex_unlock(&notify->lock);
    }
}

void answers_take(struct notify *notify)
{
    struct list taken;
    list_init(&taken);
    pthread_mutex_lock(&notify->lock);
    notify->told = false;
    for (struct list *node = list_pop(&notify->answers); node != NULL;
         node = list_pop(&notify->answers)) {
        list_add_tail(&taken, node);
    }
    pthread_mutex_unlock(&notify->lock);
    for (struct list *node = list_pop(&taken); node != NULL; node = list_pop(&taken)) {
        struct answer *answer = LIST_ENTRY(node, struct answer, node);
        answer->take(answer);
    }
}
