package notify

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/recipient"
	"github.com/teleport-slack/teleport-slack/internal/route"
)

// instant is a Teleport and a Slack that answer at once, for tests of what a
// notifier remembers. The fault model has the real protocols.
type instant struct {
	mu       sync.Mutex
	requests map[string]access.Request
	records  map[string]map[string]string
	refuse   bool // Slack refuses posts
	posts    int
}

func (i *instant) Request(_ context.Context, id string) (access.Request, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	req, ok := i.requests[id]
	if !ok {
		return access.Request{}, fault.New(fault.NotFound, "read", "not_found")
	}
	return req, nil
}

func (i *instant) Requests(context.Context, func(access.Request) error) error { return nil }

func (i *instant) Records(context.Context, func(string, map[string]string) error) error { return nil }

func (i *instant) Record(_ context.Context, id string) (map[string]string, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.records[id], nil
}

func (i *instant) UpdateRecord(_ context.Context, id string, set, _ map[string]string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.records[id] == nil {
		i.records[id] = map[string]string{}
	}
	for k, v := range set {
		i.records[id][k] = v
	}
	return nil
}

func (i *instant) Details(context.Context, access.Request) access.Details { return access.Details{} }

func (i *instant) Email(context.Context, string) (string, error) { return "alice@example.com", nil }

func (i *instant) Resolve(_ context.Context, name string) (access.Recipient, error) {
	if name == "alice@example.com" {
		return access.Recipient{ID: "U1", Name: name, Kind: access.Person}, nil
	}
	return access.Recipient{ID: "C1", Name: name}, nil
}

func (i *instant) Ready(message.Post) error { return nil }

func (i *instant) Post(context.Context, message.Post) (access.MessageRef, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.refuse {
		return access.MessageRef{}, fault.New(fault.Retry, "post", "http_503")
	}
	i.posts++
	return access.MessageRef{Channel: "C1", TS: fmt.Sprintf("1795521600.%06d", i.posts)}, nil
}

func (i *instant) Update(context.Context, access.MessageRef, message.Message) error { return nil }

func (i *instant) React(context.Context, access.MessageRef, string) error { return nil }

func (i *instant) Find(context.Context, string, string, message.Tag, time.Time) (access.MessageRef, bool, error) {
	return access.MessageRef{}, false, nil
}

// TestNothingIsRememberedOfRequestsThatAreGone runs many requests through, some
// of which meet a Slack that refuses them first, and counts what is left.
func TestNothingIsRememberedOfRequestsThatAreGone(t *testing.T) {
	i := &instant{requests: map[string]access.Request{}, records: map[string]map[string]string{}}
	log := slog.New(slog.DiscardHandler)
	n := New(Options{
		Requests: i, Records: i, Describer: i, Messenger: i, Log: log,
		Recipients: recipient.New(recipient.Options{Users: i, Directory: i, Routes: route.Table{"*": {"#dev"}}, Log: log}),
	})
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	running.Go(func() { _ = n.Run(ctx, 0) })
	// deliver changes a batch of requests and waits until that is delivered.
	deliver := func(batch int, change func(id string)) {
		for r := range 1000 {
			id := fmt.Sprintf("request-%d-%d", batch, r)
			i.mu.Lock()
			change(id)
			i.mu.Unlock()
			n.Changed(id, nil)
		}
		for n.Left() > 0 {
			time.Sleep(time.Millisecond)
			i.mu.Lock()
			refused := i.refuse
			i.refuse = false
			i.mu.Unlock()
			if refused || n.queue.Stats().Later > 0 {
				n.Reachable()
			}
		}
	}
	remembered := func() (all, working int) {
		n.mu.Lock()
		defer n.mu.Unlock()
		for _, m := range n.requests {
			if all++; m.delivery != nil {
				working++
			}
		}
		return all, working
	}
	for batch := range manyRequests / 1000 {
		deliver(batch, func(id string) {
			i.requests[id] = access.Request{ID: id, User: "alice", Roles: []string{"dev"}, Created: time.Now()}
			i.refuse = batch%10 == 0
		})
		if all, working := remembered(); all != 1000 || working != 0 {
			t.Fatalf("%d requests are remembered, %d of them as if there were something to do, while there are 1,000", all, working)
		}
		deliver(batch, func(id string) {
			req := i.requests[id]
			req.State = access.Denied
			i.requests[id] = req
		})
		deliver(batch, func(id string) { delete(i.requests, id) })
		i.mu.Lock()
		clear(i.records)
		i.mu.Unlock()
	}
	if i.posts != 3*manyRequests {
		t.Errorf("%d messages, want two for each request and the requester's outcome", i.posts)
	}
	stop()
	running.Wait()
	all, _ := remembered()
	queued, alarms := n.queue.Stats(), n.alarms.Stats()
	if left := all + n.problems.Len() + queued.Due + queued.Later + queued.Working + alarms.Due + alarms.Later + len(n.stall.touched); left != 0 {
		t.Errorf("left: %d requests, %d problems, queue %+v, alarms %+v, %d in the stall detector", all, n.problems.Len(), queued, alarms, len(n.stall.touched))
	}
}

// slowRecords is a Teleport that does not answer when records are listed.
type slowRecords struct {
	*instant
	listing chan struct{} // closed when it is asked
}

func (s slowRecords) Requests(_ context.Context, yield func(access.Request) error) error {
	for _, req := range s.requests {
		if err := yield(req); err != nil {
			return err
		}
	}
	return nil
}

func (s slowRecords) Records(ctx context.Context, _ func(string, map[string]string) error) error {
	close(s.listing)
	<-ctx.Done()
	return ctx.Err()
}

// A young request does not wait for the listing of records, an old one does: it
// has most probably been delivered.
func TestAYoungRequestDoesNotWaitForTheListingOfRecords(t *testing.T) {
	now := time.Now()
	s := slowRecords{&instant{requests: map[string]access.Request{
		"young": {ID: "young", User: "alice", Roles: []string{"dev"}, Created: now.Add(-time.Minute)},
		"old":   {ID: "old", User: "alice", Roles: []string{"dev"}, Created: now.Add(-2 * youngRequest)},
	}}, make(chan struct{})}
	n := New(Options{Requests: s, Records: s, Describer: s, Messenger: s, Recipients: recipient.New(recipient.Options{})})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.Resync(ctx) }()
	<-s.listing
	if id, err := n.queue.Next(ctx); err != nil || id != "young" {
		t.Errorf("due is %q, %v", id, err)
	}
	if left := n.queue.Stats().Due; left != 0 {
		t.Errorf("%d more are due", left)
	}
	stop()
	if err := <-done; err == nil {
		t.Error("a resync without the records succeeds")
	}
	if id, err := n.queue.Next(t.Context()); err != nil || id != "old" {
		t.Errorf("after the listing failed %q is due, %v", id, err)
	}
}
