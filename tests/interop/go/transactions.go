// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

const (
	each      = 5
	halves    = 20
	checkWait = 60 * time.Second
)

var stories = []string{"C", "R", "UC", "UUC", "UUR"}

// storyteller answers as a body says, letter by letter: "UC-1" knows nothing at first and commits at the
// first check. The last letter repeats. It counts the checks of each body.
type storyteller struct {
	mutex  sync.Mutex
	checks map[string]int
}

func newStoryteller() *storyteller { return &storyteller{checks: map[string]int{}} }

func decide(body string, at int) primitive.LocalTransactionState {
	story := body[:strings.IndexByte(body, '-')]
	if at >= len(story) {
		at = len(story) - 1
	}
	switch story[at] {
	case 'C':
		return primitive.CommitMessageState
	case 'R':
		return primitive.RollbackMessageState
	default:
		return primitive.UnknowState
	}
}

func (s *storyteller) ExecuteLocalTransaction(m *primitive.Message) primitive.LocalTransactionState {
	return decide(string(m.Body), 0)
}

func (s *storyteller) CheckLocalTransaction(m *primitive.MessageExt) primitive.LocalTransactionState {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.checks[string(m.Body)]++
	return decide(string(m.Body), s.checks[string(m.Body)])
}

func (s *storyteller) counted() map[string]int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	copied := map[string]int{}
	for body, count := range s.checks {
		copied[body] = count
	}
	return copied
}

// ignorant never knows how a transaction ended.
type ignorant struct{}

func (ignorant) ExecuteLocalTransaction(*primitive.Message) primitive.LocalTransactionState {
	return primitive.UnknowState
}

func (ignorant) CheckLocalTransaction(*primitive.MessageExt) primitive.LocalTransactionState {
	return primitive.UnknowState
}

func (e *env) transactional(group string, listener primitive.TransactionListener) rocketmq.TransactionProducer {
	p, err := rocketmq.NewTransactionProducer(listener, producer.WithNsResolver(e.servers()),
		producer.WithGroupName(group), producer.WithInstanceName(e.instance()),
		producer.WithSendMsgTimeout(10*time.Second))
	must(err, "new transactional producer")
	must(p.Start(), "start of the transactional producer")
	e.cleanups = append(e.cleanups, p.Shutdown)
	return p
}

func begin(p rocketmq.TransactionProducer, topic, body string) {
	result, err := p.SendMessageInTransaction(context.Background(), primitive.NewMessage(topic, []byte(body)))
	must(err, "half message "+body)
	check(result.Status == primitive.SendOK, "half message %s: status %d", body, result.Status)
}

func (e *env) listen(topic string) *inbox {
	seen := newInbox()
	e.consumeToEnd(e.name("group"), topic, "*",
		func(m *primitive.MessageExt, ctx context.Context) consumer.ConsumeResult { return seen.take(m, ctx) })
	return seen
}

func transactions(e *env) {
	topic := e.topic("topic", 4)
	seen, teller := e.listen(topic), newStoryteller()
	p := e.transactional(e.name("producers"), teller)
	expected, asked := []string{}, map[string]int{}
	for _, story := range stories {
		for i := 0; i < each; i++ {
			body := fmt.Sprintf("%s-%d", story, i)
			begin(p, topic, body)
			if len(story) > 1 {
				asked[body] = len(story) - 1
			}
			if strings.Contains(story, "C") {
				expected = append(expected, body)
			}
		}
	}
	await("every check", checkWait, func() bool { return fmt.Sprint(teller.counted()) == fmt.Sprint(asked) })
	seen.awaitExactly("what was committed", expected)
	hold("a message came that must not, or a check too many", 3*time.Second, func() bool {
		return len(seen.bodies()) == len(expected) && fmt.Sprint(teller.counted()) == fmt.Sprint(asked)
	})
}

// transactionTakeover: another process of the group leaves its transactions open and is killed; an instance
// here answers for it. It sends one of its own first, for this client greets no broker before.
func transactionTakeover(e *env) {
	topic, group := e.topic("topic", 4), e.name("producers")
	seen, teller := e.listen(topic), newStoryteller()
	e.sendAndDie(group, topic)
	hold("a message came that nobody had committed", 1500*time.Millisecond,
		func() bool { return len(seen.bodies()) == 0 })
	begin(e.transactional(group, teller), topic, "C-own")
	expected := []string{"C-own"}
	for i := 0; i < halves; i++ {
		expected = append(expected, "UC-"+strconv.Itoa(i))
	}
	await("the messages of the killed one", checkWait, func() bool { return len(seen.bodies()) >= len(expected) })
	seen.awaitExactly("the messages of the killed one", expected)
	check(len(teller.counted()) == halves, "%d messages were asked about", len(teller.counted()))
}

func (e *env) sendAndDie(group, topic string) {
	self, err := os.Executable()
	must(err, "own program")
	other := exec.Command(self, "-ns", e.nameServer, "-halves", group, topic)
	out, err := other.StdoutPipe()
	must(err, "pipe")
	must(other.Start(), "start of the other process")
	line, _ := bufio.NewReader(out).ReadString('\n')
	must(other.Process.Kill(), "kill")
	_ = other.Wait() // its status is that of who was killed
	check(line == "SENT\n", "the other process said %q", line)
}

// leaveOpen is that process.
func leaveOpen(opts options, group, topic string) {
	e := newEnv("halves", opts)
	p := e.transactional(group, ignorant{})
	for i := 0; i < halves; i++ {
		begin(p, topic, "UC-"+strconv.Itoa(i))
	}
	fmt.Println("SENT")
	time.Sleep(checkWait)
}
