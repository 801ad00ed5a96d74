package main

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/gravitational/teleport/api/types"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

// life takes requests through their whole life, each with two recipients and
// its requester: message, review, resolution.
func life(ctx context.Context, bin string, n int) error {
	w, err := newWorld(ctx, bin)
	if err != nil {
		return err
	}
	defer w.close()
	ready, err := w.start(ctx)
	if err != nil {
		return err
	}
	idle := w.usage()
	ids, err := w.create(n)
	if err != nil {
		return err
	}
	if err := w.wait(ctx, "all messages", func() bool { return w.count(topLevel) == 3*n }); err != nil {
		return err
	}
	posted := w.usage()
	announced := w.callsToTeleport()
	for _, id := range ids {
		if _, err := w.teleport.Review(id, "bob@example.com", types.RequestState_APPROVED, "fine"); err != nil {
			return err
		}
	}
	settled := func() bool {
		for _, id := range ids {
			if w.teleport.PluginData(id)["resolution"] != "APPROVED" {
				return false
			}
		}
		return w.count(reply) == 4*n // a review in each thread, and the outcome for the requester
	}
	if err := w.wait(ctx, "all resolutions", settled); err != nil {
		return err
	}
	end := w.usage()
	changes := 3*n + 3*n + 3*n + 4*n // messages, edits, reactions, replies
	slackCalls := w.slack.CallCounts()
	fmt.Printf("\nlife of %d requests with 2 recipients and their requester (3 messages, 3 edits, 3 reactions, 4 replies each)\n", n)
	fmt.Printf("  start to ready:          %v\n", ready.Round(time.Millisecond))
	fmt.Printf("  request to message:      %s\n", w.latencies(ids))
	fmt.Printf("  processor time:          %v for the messages alone, %v for the whole life (%v for the start)\n",
		(posted.cpu - idle.cpu).Round(10*time.Millisecond), (end.cpu - idle.cpu).Round(10*time.Millisecond), idle.cpu.Round(10*time.Millisecond))
	fmt.Printf("  resident memory:         %.0f MiB when ready, %.0f MiB at its highest\n", idle.peakMiB, end.peakMiB)
	fmt.Printf("  calls to Teleport:       %.1f to announce a request, %.1f for its whole life of %d changes\n",
		float64(announced)/float64(n), float64(w.callsToTeleport())/float64(n), changes/n)
	fmt.Printf("  look-ups in Slack:       %d by email, for %d requests\n", slackCalls["users.lookupByEmail"], n)
	return nil
}

// throughput posts a burst of requests to a Slack that takes its time.
func throughput(ctx context.Context, bin string, n int, latency time.Duration) error {
	w, err := newWorld(ctx, bin)
	if err != nil {
		return err
	}
	defer w.close()
	if _, err := w.start(ctx); err != nil {
		return err
	}
	if latency > 0 {
		w.slack.Inject(slacktest.Fault{Latency: latency})
	}
	begin := time.Now()
	if _, err := w.create(n); err != nil {
		return err
	}
	if err := w.wait(ctx, "all messages", func() bool { return w.count(topLevel) == 3*n }); err != nil {
		return err
	}
	took := time.Since(begin)
	fmt.Printf("\nburst of %d requests, Slack takes %v a call\n", n, latency)
	fmt.Printf("  %.0f requests/s, %.0f posts/s\n", float64(n)/took.Seconds(), 3*float64(n)/took.Seconds())
	return nil
}

// wide announces single requests to ten recipients at a Slack that takes its
// time, and measures from the first message to the last.
func wide(ctx context.Context, bin string, latency time.Duration) error {
	const recipients, rounds = 10, 9
	w, err := newWorld(ctx, bin)
	if err != nil {
		return err
	}
	defer w.close()
	names := make([]string, recipients)
	for i := range names {
		names[i] = fmt.Sprintf("wide-%d", i)
		w.slack.AddChannel(slacktest.Channel{ID: fmt.Sprintf("C0WIDE0000%d", i), Name: names[i], BotIsMember: true})
	}
	if err := w.route(names...); err != nil {
		return err
	}
	if _, err := w.start(ctx); err != nil {
		return err
	}
	w.slack.Inject(slacktest.Fault{Latency: latency, Method: "chat.postMessage"})
	var spans []time.Duration
	for round := range rounds {
		ids, err := w.create(1)
		if err != nil {
			return err
		}
		if err := w.wait(ctx, "all messages", func() bool { return w.count(topLevel) == (recipients+1)*(round+1) }); err != nil {
			return err
		}
		var first, last time.Time
		for _, m := range w.slack.AllMessages() {
			if requestOf(m) != ids[0] {
				continue
			}
			if first.IsZero() || m.PostedAt.Before(first) {
				first = m.PostedAt
			}
			if m.PostedAt.After(last) {
				last = m.PostedAt
			}
		}
		spans = append(spans, last.Sub(first))
	}
	slices.Sort(spans)
	fmt.Printf("\na request with %d recipients and its requester, Slack takes %v a call\n", recipients, latency)
	fmt.Printf("  first message to last:   median %v, at most %v of %d requests\n", spans[rounds/2].Round(time.Millisecond), spans[rounds-1].Round(time.Millisecond), rounds)
	return nil
}

// openRequests measures memory with many undecided requests, after their
// messages were posted and after a restart that finds them settled.
func openRequests(ctx context.Context, bin string, n int) error {
	w, err := newWorld(ctx, bin)
	if err != nil {
		return err
	}
	defer w.close()
	if _, err := w.start(ctx); err != nil {
		return err
	}
	time.Sleep(time.Second) // so that what a start does is done
	base := w.usage()
	w.stop()
	if _, err := w.create(n); err != nil {
		return err
	}
	begin := time.Now()
	if _, err := w.start(ctx); err != nil {
		return err
	}
	if err := w.wait(ctx, "all messages", func() bool { return w.count(topLevel) == 3*n }); err != nil {
		return err
	}
	took := time.Since(begin)
	first := w.usage()
	w.stop()
	before := w.callsToTeleport()
	begin = time.Now()
	if _, err := w.start(ctx); err != nil {
		return err
	}
	// Nothing is to be posted: it is done when it stops working.
	const idle = time.Second
	last, since := time.Duration(-1), time.Now()
	if err := w.wait(ctx, "the restart looks at everything", func() bool {
		if u := w.usage(); u.cpu != last {
			last, since = u.cpu, time.Now()
		}
		return w.callsToTeleport() > before+n/1000 && time.Since(since) > idle
	}); err != nil {
		return err
	}
	again := time.Since(begin) - idle
	second := w.usage()
	reads := w.callsToTeleport() - before
	fmt.Printf("\n%d open requests\n", n)
	fmt.Printf("  first start:  %v for %d messages, %.0f MiB at its highest, %v of processor time\n",
		took.Round(100*time.Millisecond), 3*n, first.peakMiB, first.cpu.Round(100*time.Millisecond))
	fmt.Printf("  restart:      %v to look at all, %.0f MiB at its highest, %v of processor time, %d calls to Teleport\n",
		again.Round(100*time.Millisecond), second.peakMiB, second.cpu.Round(100*time.Millisecond), reads)
	fmt.Printf("  memory:       %.2f KiB a request over one without requests\n", (second.peakMiB-base.peakMiB)*1024/float64(n))
	return nil
}

// latencies summarises the time from each request to its first message.
func (w *world) latencies(ids []string) string {
	created := map[string]time.Time{}
	for _, r := range w.teleport.Requests() {
		created[r.GetName()] = r.GetCreationTime()
	}
	first := map[string]time.Duration{}
	for _, m := range w.slack.AllMessages() {
		id := requestOf(m)
		if t, ok := created[id]; ok {
			if d, have := first[id]; !have || m.PostedAt.Sub(t) < d {
				first[id] = m.PostedAt.Sub(t)
			}
		}
	}
	var ds []time.Duration
	for _, id := range ids {
		ds = append(ds, first[id])
	}
	sort.Slice(ds, func(i, j int) bool { return ds[i] < ds[j] })
	if len(ds) == 0 {
		return "none"
	}
	at := func(q float64) time.Duration {
		return ds[min(int(q*float64(len(ds))), len(ds)-1)].Round(100 * time.Microsecond)
	}
	return fmt.Sprintf("%v for the first, median %v, 95%% %v, in a burst of %d", slices.Min(ds).Round(100*time.Microsecond), at(0.5), at(0.95), len(ds))
}
