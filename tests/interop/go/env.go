// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/admin"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

const (
	waitLimit = 30 * time.Second
	warmUp    = "warm-up"
)

type options struct {
	nameServer string
	ladder     []time.Duration
	prime      bool
}

// env is what a scenario works with: names of its own, clients that are shut down at its end, and waiting
// with a deadline.
type env struct {
	options
	id       string
	cleanups []func() error
	sender   rocketmq.Producer
	counter  int
}

type handler func(*primitive.MessageExt, context.Context) consumer.ConsumeResult

func newEnv(name string, opts options) *env {
	return &env{options: opts, id: "go-" + name + "-" + strconv.FormatInt(time.Now().UnixMilli(), 36)}
}

func (e *env) name(suffix string) string { return e.id + "-" + suffix }

// instance gives every client its own identity.
func (e *env) instance() string {
	e.counter++
	return e.name(strconv.Itoa(e.counter))
}

func (e *env) servers() primitive.NsResolver {
	return primitive.NewPassthroughResolver([]string{e.nameServer})
}

func check(holds bool, format string, args ...interface{}) {
	if !holds {
		panic(fmt.Sprintf(format, args...))
	}
}

func must(err error, what string) {
	check(err == nil, "%s: %v", what, err)
}

func await(what string, limit time.Duration, holds func() bool) {
	deadline := time.Now().Add(limit)
	for !holds() {
		check(time.Now().Before(deadline), "waited %s in vain for %s", limit, what)
		time.Sleep(20 * time.Millisecond)
	}
}

// hold watches for what must not come.
func hold(what string, during time.Duration, holds func() bool) {
	deadline := time.Now().Add(during)
	for time.Now().Before(deadline) {
		check(holds(), "%s", what)
		time.Sleep(20 * time.Millisecond)
	}
}

func (e *env) close() {
	for i := len(e.cleanups) - 1; i >= 0; i-- {
		if err := e.cleanups[i](); err != nil {
			fmt.Println("  shutting down:", err)
		}
	}
}

func (e *env) newProducer(queues int) rocketmq.Producer {
	p, err := rocketmq.NewProducer(producer.WithNsResolver(e.servers()),
		producer.WithGroupName(e.name("producer")), producer.WithInstanceName(e.instance()),
		producer.WithDefaultTopicQueueNums(queues), producer.WithSendMsgTimeout(10*time.Second),
		producer.WithQueueSelector(pickQueue{}))
	must(err, "new producer")
	must(p.Start(), "start of the producer")
	e.cleanups = append(e.cleanups, p.Shutdown)
	return p
}

// pickQueue sends a message to the queue named by its property "queue", others round robin.
type pickQueue struct{}

func (pickQueue) Select(m *primitive.Message, queues []*primitive.MessageQueue, _ string) *primitive.MessageQueue {
	wanted, err := strconv.Atoi(m.GetProperty("queue"))
	if err != nil {
		return queues[int(time.Now().UnixNano()/1000)%len(queues)]
	}
	for _, queue := range queues {
		if queue.QueueId == wanted {
			return queue
		}
	}
	return queues[0]
}

// topic makes a topic by a first send and waits until the name server tells its route.
func (e *env) topic(suffix string, queues int) string {
	topic := e.name(suffix)
	maker := e.newProducer(queues)
	_, err := maker.SendSync(context.Background(), primitive.NewMessage(topic, []byte(warmUp)))
	must(err, "first send to "+topic)
	e.sender = maker
	e.awaitRoute(topic)
	return topic
}

func (e *env) awaitRoute(topic string) {
	asker, err := admin.NewAdmin(admin.WithResolver(e.servers()))
	must(err, "new admin")
	defer asker.Close()
	await("the route of "+topic, waitLimit, func() bool {
		queues, err := asker.FetchPublishMessageQueues(context.Background(), topic)
		return err == nil && len(queues) > 0
	})
}

func (e *env) sent(result *primitive.SendResult, err error) *primitive.SendResult {
	must(err, "send")
	check(result.Status == primitive.SendOK, "send status %d", result.Status)
	check(result.QueueOffset >= 0 && result.OffsetMsgID != "", "send result %s", result)
	return result
}

func (e *env) send(m *primitive.Message) *primitive.SendResult {
	return e.sent(e.sender.SendSync(context.Background(), m))
}

// consume starts a push consumer that begins at the first message; its handler gets one message at a time
// and never a warm-up.
func (e *env) consume(group, topic, expression string, h handler, opts ...consumer.Option) rocketmq.PushConsumer {
	all := append([]consumer.Option{consumer.WithNsResolver(e.servers()), consumer.WithGroupName(group),
		consumer.WithInstance(e.instance()),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset)}, opts...)
	c, err := rocketmq.NewPushConsumer(all...)
	must(err, "new consumer")
	selector := consumer.MessageSelector{Type: consumer.TAG, Expression: expression}
	must(c.Subscribe(topic, selector,
		func(ctx context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
			for _, m := range messages {
				if string(m.Body) == warmUp {
					continue
				}
				if result := h(m, ctx); result != consumer.ConsumeSuccess {
					return result, nil
				}
			}
			return consumer.ConsumeSuccess, nil
		}), "subscribe")
	must(c.Start(), "start of the consumer")
	return c
}

func (e *env) consumeToEnd(group, topic, expression string, h handler, opts ...consumer.Option) {
	c := e.consume(group, topic, expression, h, opts...)
	e.cleanups = append(e.cleanups, c.Shutdown)
}

// primeRetryTopic spares the wait for the client's next look at routes, on a server that makes the retry
// topic of a group at its first heartbeat.
func (e *env) primeRetryTopic(group, topic string) {
	if !e.prime {
		return
	}
	first := e.consume(group, topic, "nothing",
		func(*primitive.MessageExt, context.Context) consumer.ConsumeResult { return consumer.ConsumeSuccess })
	e.awaitRoute("%RETRY%" + group)
	must(first.Shutdown(), "shutdown")
}
