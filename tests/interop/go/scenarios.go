// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"reflect"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

const (
	levelOne = time.Second // level 1 of every server's table of delays
	// How much later than its rung a delivery may come: a client may look at its queues only every 20 s.
	late = 30 * time.Second
)

// inbox collects messages by body.
type inbox struct {
	mutex    sync.Mutex
	messages map[string]*primitive.MessageExt
	times    map[string][]time.Time
}

func newInbox() *inbox {
	return &inbox{messages: map[string]*primitive.MessageExt{}, times: map[string][]time.Time{}}
}

func (b *inbox) add(m *primitive.MessageExt) int {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	body := string(m.Body)
	b.messages[body] = m
	b.times[body] = append(b.times[body], time.Now())
	return len(b.times[body])
}

func (b *inbox) take(m *primitive.MessageExt, _ context.Context) consumer.ConsumeResult {
	b.add(m)
	return consumer.ConsumeSuccess
}

func (b *inbox) count(body string) int {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return len(b.times[body])
}

func (b *inbox) get(body string) *primitive.MessageExt {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.messages[body]
}

func (b *inbox) bodies() []string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	all := []string{}
	for body := range b.messages {
		all = append(all, body)
	}
	sort.Strings(all)
	return all
}

func (b *inbox) gaps(body string) []time.Duration {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	gaps := []time.Duration{}
	for i := 1; i < len(b.times[body]); i++ {
		gaps = append(gaps, b.times[body][i].Sub(b.times[body][i-1]))
	}
	return gaps
}

func (b *inbox) awaitExactly(what string, expected []string) {
	sort.Strings(expected)
	await(what, waitLimit, func() bool { return len(b.bodies()) >= len(expected) })
	check(reflect.DeepEqual(expected, b.bodies()), "%s: expected %v, got %v", what, expected, b.bodies())
}

// A push consumer with the expression "A || B" gets these and nothing else.
func tags(e *env) {
	topic := e.topic("topic", 4)
	expected := []string{}
	round := func(name string) {
		for i := 0; i < 20; i++ {
			for _, tag := range []string{"A", "B", "C", "AB"} {
				body := fmt.Sprint(name, i, tag)
				e.send(primitive.NewMessage(topic, []byte(body)).WithTag(tag))
				if tag == "A" || tag == "B" {
					expected = append(expected, body)
				}
			}
			e.send(primitive.NewMessage(topic, []byte(fmt.Sprint(name, i))))
		}
	}
	round("old")
	seen := newInbox()
	e.consumeToEnd(e.name("group"), topic, "A || B", seen.take)
	round("new")
	seen.awaitExactly("messages with tag A or B", expected)
}

// Every kind of send arrives once and whole.
func sendKinds(e *env) {
	topic := e.topic("topic", 4)
	seen := newInbox()
	e.consumeToEnd(e.name("group"), topic, "*", seen.take)

	plain := e.send(primitive.NewMessage(topic, []byte("sync")))
	done := make(chan error, 1)
	must(e.sender.SendAsync(context.Background(), func(_ context.Context, _ *primitive.SendResult, err error) {
		done <- err
	}, primitive.NewMessage(topic, []byte("async"))), "asynchronous send")
	select {
	case err := <-done:
		must(err, "asynchronous send")
	case <-time.After(waitLimit):
		panic("the asynchronous send is never answered")
	}
	must(e.sender.SendOneWay(context.Background(), primitive.NewMessage(topic, []byte("oneway"))), "oneway")
	batch := []*primitive.Message{}
	for i := 0; i < 3; i++ {
		m := primitive.NewMessage(topic, []byte(fmt.Sprint("batch", i)))
		m.WithProperty("index", fmt.Sprint(i))
		batch = append(batch, m)
	}
	e.sent(e.sender.SendSync(context.Background(), batch...))
	large := strings.Repeat("all that is told twice ", 900)
	e.send(primitive.NewMessage(topic, []byte(large)))
	from := time.Now()
	e.send(primitive.NewMessage(topic, []byte("delayed")).WithDelayTimeLevel(1))
	keyed := primitive.NewMessage(topic, []byte("keyed")).WithKeys([]string{"first", "second"}).WithTag("tag")
	keyed.WithProperty("spoken", "Grüße, 世界 = \"{}\" ; |")
	keyed.Flag = 77
	e.send(keyed)

	all := []string{"sync", "async", "oneway", "batch0", "batch1", "batch2", large, "delayed", "keyed"}
	seen.awaitExactly("all kinds of messages", all)
	waited := seen.times["delayed"][0].Sub(from)
	fmt.Printf("  delayed by level 1: %d ms\n", waited.Milliseconds())
	check(waited >= levelOne, "the delayed message came after %s", waited)
	m := seen.get("sync")
	check(m.MsgId == plain.MsgID && m.QueueOffset == plain.QueueOffset &&
		m.Queue.QueueId == plain.MessageQueue.QueueId, "sent %s, got %s", plain, m)
	check(seen.get("batch1").GetProperty("index") == "1", "property in a batch is lost")
	check(int(seen.get(large).StoreSize) < len(large), "the large message is stored uncompressed")
	m = seen.get("keyed")
	check(strings.TrimSpace(m.GetKeys()) == "first second" && m.GetTags() == "tag" && m.Flag == 77 &&
		m.GetProperty("spoken") == "Grüße, 世界 = \"{}\" ; |", "the keyed message became %s", m)
	for _, body := range all {
		check(seen.count(body) == 1, "%.20s came %d times", body, seen.count(body))
	}
}

// A message that always fails comes again after each rung, never early, and ends in the dead letters.
func retryLadder(e *env) {
	topic, group := e.topic("topic", 2), e.name("group")
	e.primeRetryTopic(group, topic)
	seen := newInbox()
	deliveries := len(e.ladder) + 1
	e.consumeToEnd(group, topic, "*", func(m *primitive.MessageExt, _ context.Context) consumer.ConsumeResult {
		delivery := seen.add(m)
		if int(m.ReconsumeTimes) != delivery-1 {
			seen.add(&primitive.MessageExt{Message: primitive.Message{Body: []byte("wrong count")}})
		}
		return consumer.ConsumeRetryLater
	}, consumer.WithMaxReconsumeTimes(int32(len(e.ladder))))
	e.send(primitive.NewMessage(topic, []byte("failing")))
	total := late
	for _, rung := range e.ladder {
		total += rung + late
	}
	await("all deliveries", total, func() bool { return seen.count("failing") >= deliveries })
	shown := ""
	for i, gap := range seen.gaps("failing") {
		shown += fmt.Sprintf(" %d/%d", gap.Milliseconds(), e.ladder[i].Milliseconds())
		check(gap >= e.ladder[i], "rung %d of %s came after %s", i+1, e.ladder[i], gap)
	}
	fmt.Println("  delays (ms, seen/rung):" + shown)
	check(seen.count("wrong count") == 0, "deliveries are counted wrong")
	awaitDead(e, group, "failing")
	hold("delivered again although dead", 500*time.Millisecond,
		func() bool { return seen.count("failing") == deliveries })
}

func awaitDead(e *env, group, body string) {
	topic := "%DLQ%" + group
	e.awaitRoute(topic)
	dead := newInbox()
	e.consumeToEnd(e.name("dead-"+body), topic, "*", dead.take)
	await("the dead letter "+body, waitLimit, func() bool { return dead.count(body) == 1 })
}

// A handler that names a delay level or gives up at once is obeyed.
func retryAnswers(e *env) {
	topic, group := e.topic("topic", 4), e.name("group")
	e.primeRetryTopic(group, topic)
	seen := newInbox()
	levels := map[string]int{"level": 1, "dead": -1}
	e.consumeToEnd(group, topic, "*", func(m *primitive.MessageExt, ctx context.Context) consumer.ConsumeResult {
		if seen.add(m) > 1 {
			return consumer.ConsumeSuccess
		}
		concurrent, known := primitive.GetConcurrentlyCtx(ctx)
		if known {
			concurrent.DelayLevelWhenNextConsume = levels[string(m.Body)]
		}
		return consumer.ConsumeRetryLater
	})
	e.send(primitive.NewMessage(topic, []byte("level")))
	e.send(primitive.NewMessage(topic, []byte("dead")))
	await("the second delivery", levelOne+late, func() bool { return seen.count("level") == 2 })
	gap := seen.gaps("level")[0]
	fmt.Printf("  delay of level 1: %d ms\n", gap.Milliseconds())
	check(gap >= levelOne, "level 1 came after %s", gap)
	awaitDead(e, group, "dead")
	check(seen.count("dead") == 1, "given up, but delivered %d times", seen.count("dead"))
}

// Each queue keeps its order.
func orderly(e *env) {
	const queues, perQueue = 4, 15
	topic := e.topic("topic", queues)
	var mutex sync.Mutex
	order := map[int][]string{}
	total := 0
	e.consumeToEnd(e.name("group"), topic, "*", func(m *primitive.MessageExt, _ context.Context) consumer.ConsumeResult {
		mutex.Lock()
		defer mutex.Unlock()
		order[m.Queue.QueueId] = append(order[m.Queue.QueueId], string(m.Body))
		total++
		return consumer.ConsumeSuccess
	}, consumer.WithConsumerOrder(true))
	expected := []string{}
	for i := 0; i < perQueue; i++ {
		expected = append(expected, fmt.Sprint("m", i))
		for queue := 0; queue < queues; queue++ {
			m := primitive.NewMessage(topic, []byte(fmt.Sprint("m", i)))
			m.WithProperty("queue", fmt.Sprint(queue))
			e.send(m)
		}
	}
	await("all messages", waitLimit, func() bool {
		mutex.Lock()
		defer mutex.Unlock()
		return total >= queues*perQueue
	})
	mutex.Lock()
	defer mutex.Unlock()
	for queue := 0; queue < queues; queue++ {
		check(reflect.DeepEqual(expected, order[queue]), "order of queue %d: %v", queue, order[queue])
	}
}

// Two broadcasting consumers of one group both get every message.
func broadcast(e *env) {
	topic := e.topic("topic", 4)
	first, second := newInbox(), newInbox()
	for _, seen := range []*inbox{first, second} {
		e.consumeToEnd(e.name("group"), topic, "*", seen.take,
			consumer.WithConsumerModel(consumer.BroadCasting))
	}
	expected := []string{}
	for i := 0; i < 100; i++ {
		expected = append(expected, fmt.Sprint("m", i))
		e.send(primitive.NewMessage(topic, []byte(expected[i])))
	}
	first.awaitExactly("messages of the first", append([]string{}, expected...))
	second.awaitExactly("messages of the second", append([]string{}, expected...))
}

// A clean shutdown leaves the group and stores offsets: the next consumer goes on where it stopped.
func shutdown(e *env) {
	topic, group := e.topic("topic", 4), e.name("group")
	round := func(name string) []string {
		bodies := []string{}
		for i := 0; i < 40; i++ {
			bodies = append(bodies, fmt.Sprint(name, i))
			e.send(primitive.NewMessage(topic, []byte(bodies[i])))
		}
		return bodies
	}
	first, second := newInbox(), newInbox()
	c := e.consume(group, topic, "*", first.take)
	first.awaitExactly("the first round", round("one"))
	// A message counts as done a moment after its handler returned.
	hold("messages came that nobody sent", 300*time.Millisecond,
		func() bool { return len(first.bodies()) == 40 })
	start := time.Now()
	must(c.Shutdown(), "shutdown")
	check(time.Since(start) < 15*time.Second, "the shutdown took %s", time.Since(start))
	bodies := round("two")
	e.consumeToEnd(group, topic, "*", second.take)
	second.awaitExactly("the second round", bodies)
	hold("messages came again after a clean shutdown", 300*time.Millisecond,
		func() bool { return len(second.bodies()) == len(bodies) })
}
